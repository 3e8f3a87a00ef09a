import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { openReportFile } from '../../src/cli/report-output.js';
import { parsePeriod } from '../../src/controls/period.js';
import { type ReportQuestion, writeReport } from '../../src/evidence/report/write-report.js';
import { openStore } from '../../src/history/open-store.js';
import { unpackText } from '../../src/history/stored-texts.js';
import { applyPolicy, NO_POLICY } from '../../src/policy/policy.js';

/*
 * Writes every version of a history's threats into a file, by the gateway's export or by a bare cursor over the same
 * tables that makes the same lines, and says how long that took and what it needed.
 *
 *   node --import tsx export-child.ts gateway|bare <history.db> <file>
 */

const [way, path = '', file = ''] = process.argv.slice(2);

async function byGateway(): Promise<void> {
  const store = await openStore(`sqlite:${path}`, 'read');
  const question: ReportQuestion = {
    period: parsePeriod('2000-01-01/2100-01-01'),
    ...{ pin: await store.head(), format: 'ndjson', rows: 'revisions', integrations: null, trend: null },
    ...{ controls: [], rules: applyPolicy(NO_POLICY), credentials: [], simulated: [] },
  };
  const sink = await openReportFile(file);
  await writeReport(store, question, (text) => sink.write(text));
  await sink.close();
  await store.close();
}

const PIECE = 256 * 1024;

/** The least that the driver has to do: one statement, its rows made into the same lines. */
function byCursor(): void {
  const db = new DatabaseSync(path, { readOnly: true, returnArrays: true });
  const [head] = db.prepare('SELECT max(seq) FROM batches').all() as [number][];
  const seq = head?.[0] ?? 0;
  const rows = db
    .prepare(`SELECT t.seq_to, (SELECT at FROM batches WHERE seq = t.seq_to), t.verified_at, i.name, t.id, t.seq_from,
        f.at, t.digest, f.run_id, t.origin, t.deleted, b.rev, b.received
      FROM threat t CROSS JOIN integrations i ON i.n = t.integration CROSS JOIN batches f ON f.seq = t.seq_from
      CROSS JOIN bodies b ON b.rev = coalesce(t.body, t.rev) ORDER BY t.rev`)
    .iterate() as Iterable<readonly (string | number | null)[]>;
  const out = openSync(file, 'w');
  let text = '';
  // the texts of a group follow the version that has them
  let group = new Map<string, string>();
  for (const [
    seqTo,
    observedTo,
    verifiedAt,
    integration,
    id,
    from,
    at,
    digest,
    runId,
    origin,
    deleted,
    rev,
    cell,
  ] of rows) {
    const name = String(rev);
    if ((cell as unknown) instanceof Uint8Array) group = groupIn(cell);
    const body = group.get(name) ?? cell;
    const isClosed = Number(seqTo) <= seq;
    const facts = JSON.stringify({
      ...{
        type: 'revision',
        integration,
        kind: 'threat',
        id,
        seq: from,
        supersededBy: isClosed ? seqTo : null,
      },
      ...{
        observedFrom: at,
        observedTo: isClosed ? observedTo : null,
        verifiedAt: isClosed ? verifiedAt : null,
      },
      ...{ digest, runId, origin, deleted: deleted === 1 },
    });
    text += `${facts.slice(0, -1)},"received":${body}}\n`;
    if (text.length < PIECE) continue;
    writeSync(out, text);
    text = '';
  }
  writeSync(out, text);
  closeSync(out);
  db.close();
}

function groupIn(cell: unknown): Map<string, string> {
  const lines = unpackText(cell)?.split('\n') ?? [];
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]));
}

/** Of the lines of versions alone: a bare cursor has neither a first nor a last line of another kind. */
async function digestOf(name: string): Promise<{ readonly digest: string; readonly bytes: number }> {
  const hash = createHash('sha256');
  let [rest, bytes] = ['', 0];
  for await (const piece of createReadStream(name, { encoding: 'utf8', highWaterMark: PIECE })) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    const wanted = lines.filter((line) => line.startsWith('{"type":"revision"')).map((line) => `${line}\n`);
    const text = wanted.join('');
    hash.update(text);
    bytes += Buffer.byteLength(text);
  }
  return { digest: hash.digest('hex'), bytes };
}

const begun = performance.now();
if (way === 'gateway') await byGateway();
else byCursor();
const ms = performance.now() - begun;
const peakMib = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ ms, peakMib, ...(await digestOf(file)) }));
