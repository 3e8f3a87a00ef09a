import 'reflect-metadata';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../src/cli/run-command.js';
import { openStore } from '../../src/history/open-store.js';
import { mail } from '../support/control-facts.js';
import { hoursAfter, recordHistory } from '../support/evidence-history.js';
import { batchOf, observationOf, sampleMessage, sampleThreat, sampleVendorCase } from '../support/records.js';

/* What the commands that read do with a history that they cannot write to, and with one that is damaged. */

const FROM = '2026-09-01T00:00:00.000Z';
const PERIOD = '2026-09-01/2026-09-03';
const COMMANDS = [['status'], ['verify'], ['report', '--period', PERIOD]];
const NOBODY = 65534;

let folder: string;
let path: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'read-only-'));
  path = join(folder, 'history.db');
  const store = await openStore(`sqlite:${path}`, 'write');
  const seen = ['a', 'b'].map((id, n) => {
    const messages = [sampleMessage(id, mail(hoursAfter(FROM, n + 4), 5000))];
    return { at: hoursAfter(FROM, n + 5), threat: sampleThreat(id, { messages }) };
  });
  await recordHistory(store, { from: FROM, to: '2026-09-03T00:00:00.000Z', seen });
  await store.close();
});
afterEach(() => {
  process.seteuid?.(process.getuid?.() ?? 0);
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true });
});

/** Takes from this process the right to write to the folder; a superuser has it whatever the folder's mode is. */
function lockFolder(): void {
  for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o444);
  chmodSync(folder, 0o555);
  if (process.getuid?.() === 0) process.seteuid?.(NOBODY);
}

async function run(...args: string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: args,
    env: { HISTORY: `sqlite:${path}` },
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: () => Date.parse('2026-10-06T00:00:00.000Z'),
  });
  return { code, out: out.join(''), err: err.join('') };
}

const leftovers = () =>
  readdirSync(tmpdir())
    .filter((name) => name.startsWith(`abnormal-gateway-${process.pid}-`))
    .sort();

test.each(COMMANDS)('%s reads a history in a folder without write permission', async (...command) => {
  const before = await run(...command);
  expect([0, 1, 2]).toContain(before.code);
  for (const name of readdirSync(folder)) if (name !== 'history.db') rmSync(join(folder, name));
  lockFolder();
  const { code, out, err } = await run(...command);
  expect({ code, out }, err).toEqual({ code: before.code, out: before.out });
  expect(readdirSync(folder)).toEqual(['history.db']);
});

test('status counts what is stored of every resource that has records', async () => {
  const store = await openStore(`sqlite:${path}`, 'write');
  const vendorCase = observationOf('vendorCase', 'v1', sampleVendorCase('v1'));
  await store.record(batchOf('later', { now: '2026-09-04T00:00:00.000Z', observations: [vendorCase] }));
  await store.close();
  const { out } = await run('status');
  expect(out).toContain('Stored      2 threats, 0 cases, 0 campaigns, 1 vendor cases\n');
});

test('records that are only in the write-ahead log are read, and the temporary copy is removed', async () => {
  const writer = new DatabaseSync(path);
  writer.exec(
    "PRAGMA wal_autocheckpoint = 0; INSERT INTO documents VALUES ('settings', 'late', 1, '{\"a\":1}')",
  );
  const other = mkdtempSync(join(folder, 'copy-'));
  for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, join(other, `history.db${end}`));
  writer.close();
  for (const name of readdirSync(other)) chmodSync(join(other, name), 0o444);
  chmodSync(other, 0o555);
  chmodSync(folder, 0o755);
  if (process.getuid?.() === 0) process.seteuid?.(NOBODY);
  const before = leftovers();
  const store = await openStore(`sqlite:${join(other, 'history.db')}`, 'read');
  expect(await store.document('settings', 'late')).toMatchObject({ body: { a: 1 } });
  await store.close();
  expect(leftovers()).toEqual(before);
  process.seteuid?.(process.getuid?.() ?? 0);
  chmodSync(other, 0o700);
});

test.each(COMMANDS)(
  '%s ends with an error message if a record of the history is damaged',
  async (...command) => {
    const db = new DatabaseSync(path);
    const damage = "CAST(x'7b2278223a22ff227d' AS TEXT)";
    db.exec(`UPDATE bodies SET record = ${damage}`);
    if (command[0] === 'status') db.exec(`UPDATE streams SET state = ${damage} || '{'`);
    db.close();
    const { code, out, err } = await run(...command);
    if (command[0] === 'verify') expect([1, 2, 4]).toContain(code);
    else {
      expect(code).toBe(4);
      expect(err).toMatch(/is damaged in the history. Run verify/);
      expect(out).toBe('');
    }
  },
);
