import { type QuarantineEntry, type RecordedEntry, streamText } from '../../model/ledger.js';
import type { RunRecord, RunTrigger } from '../../model/run.js';
import { type Stream, type StreamState, streamsOf } from '../../model/stream.js';
import { type Kind, RESOURCE_OF, type RecordKey } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { checkStored, parseStored } from '../errors.js';
import { readingsIn, readingsTouching } from '../reading-pages.js';
import type { BatchNote, FirstQuery, HistoryStore, Pin, Recorded } from '../store.js';
import { unpackText } from '../stored-texts.js';
import type { Connection } from './connection.js';
import type { Row, SqlValue } from './driver.js';
import type { Limits, QueryRunner } from './query-worker.js';
import { keyIndex, unpackRun } from './schema.js';

type RunsQuery = Parameters<HistoryStore['runs']>[0];
type QuarantineQuery = Parameters<HistoryStore['quarantine']>[0];
type QuarantineCount = Parameters<HistoryStore['countQuarantine']>[0];

/** The ledger, the streams, the runs and the quarantine, as they are read. */
export class Ledger {
  constructor(
    private readonly connection: Connection,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
  ) {}

  async ledger(stream: Stream, from: Instant, to: Instant, seq: number): Promise<RecordedEntry[]> {
    const sql = `SELECT entry FROM ledger INDEXED BY ledger_window
      WHERE stream = ? AND win_to > ? AND win_from < ? AND seq <= ? ORDER BY n`;
    const params = [streamText(stream), from, to, seq];
    const [rows = []] = await this.answers.all([{ sql, params }], this.#isShort('ledger'));
    const what = `A reading of ${streamText(stream)}`;
    return rows.flatMap(([cell]) =>
      cell instanceof Uint8Array
        ? readingsTouching(readingsIn(cell, what), from, to, seq)
        : [parseStored<RecordedEntry>(cell, what, 'reading')],
    );
  }

  async firstRecorded({ kinds, integrations }: FirstQuery): Promise<Pin | null> {
    if (kinds.length === 0) return null;
    const streams = integrations.flatMap((name) =>
      kinds.flatMap((kind) => streamsOf(name, RESOURCE_OF[kind])),
    );
    const ofKind = kinds.map(
      (kind) => `UNION ALL SELECT min(t.seq_from) FROM integrations i
        CROSS JOIN "${kind}" t INDEXED BY ${keyIndex(kind)} ON t.integration = i.n
        WHERE i.name IN (SELECT value FROM json_each(?2))`,
    );
    const sql = `SELECT seq, at FROM batches WHERE seq = (SELECT min(seq) FROM (
      SELECT min(seq) AS seq FROM ledger INDEXED BY ledger_window
        WHERE stream IN (SELECT value FROM json_each(?1)) ${ofKind.join(' ')}))`;
    const params = [JSON.stringify(streams.map(streamText)), JSON.stringify(integrations)];
    const [rows] = await this.answers.all([{ sql, params }], this.#isShort('ledger'));
    const [row] = rows ?? [];
    return row ? { seq: Number(row[0]), at: String(row[1]) } : null;
  }

  streams(): StreamState[] {
    return this.connection
      .all('SELECT state, stream FROM streams ORDER BY stream')
      .map(parsed<StreamState>('stream', 'The state of the stream'));
  }

  /** The newest runs first; of several integrations, the newest of each are merged. */
  runs({ integrations, before, limit, trigger }: RunsQuery): RunRecord[] {
    const why = trigger ? `AND ${TRIGGER} = ?` : '';
    const after = before ? 'AND (started_at, id) < (?, ?)' : '';
    const place = [...(trigger ? [trigger] : []), ...(before ? [before.startedAt, before.id] : [])];
    const newest = (where: string, params: readonly SqlValue[]) => {
      const sql = `SELECT run, id FROM runs WHERE ${where} ${why} ${after} ORDER BY started_at DESC, id DESC LIMIT ?`;
      return this.connection.all(sql, [...params, ...place, limit]).map(runOf);
    };
    if (integrations === null) return newest('TRUE', []);
    const runs = [...new Set(integrations)].flatMap((name) => newest('integration = ?', [name]));
    return runs.sort(compareRuns).slice(0, limit);
  }

  async countRuns(integrations: readonly string[] | null, trigger?: RunTrigger): Promise<number> {
    const whose = integrations === null ? 'TRUE' : 'integration IN (SELECT value FROM json_each(?))';
    const why = trigger ? `AND ${TRIGGER} = ?` : '';
    const sql = `SELECT count(*) FROM runs WHERE ${whose} ${why}`;
    const params = [
      ...(integrations === null ? [] : [JSON.stringify(integrations)]),
      ...(trigger ? [trigger] : []),
    ];
    const [rows] = await this.answers.all([{ sql, params }], this.#isShort('runs'));
    return Number(rows?.[0]?.[0]);
  }

  run(id: string): RunRecord | null {
    const row = this.connection.first('SELECT run, id FROM runs WHERE id = ?', [id]);
    return row ? runOf(row) : null;
  }

  quarantine({ after, integrations, kinds, limit }: QuarantineQuery): QuarantineEntry[] {
    const { where, params } = ofWhat(integrations, kinds);
    const beyond = after ? 'AND (integration, kind, id) > (?, ?, ?)' : '';
    const place = after ? [after.integration, after.kind, after.id] : [];
    const sql = `SELECT entry, id FROM quarantine WHERE ${where} ${beyond} ORDER BY integration, kind, id LIMIT ?`;
    return this.connection
      .all(sql, [...params, ...place, limit])
      .map(parsed<QuarantineEntry>('quarantined', 'The entry in quarantine'));
  }

  async countQuarantine({ integrations, kinds, codes }: QuarantineCount): Promise<number> {
    const { where, params } = ofWhat(integrations, kinds);
    const why = codes ? "AND json_extract(entry, '$.code') IN (SELECT value FROM json_each(?))" : '';
    const sql = `SELECT count(*) FROM quarantine WHERE ${where} ${why}`;
    const query = { sql, params: [...params, ...(codes ? [JSON.stringify(codes)] : [])] };
    const beyond = [Math.max(0, this.limits.scan)];
    const isShort = !this.connection.first('SELECT 1 FROM quarantine LIMIT 1 OFFSET ?', beyond);
    const [rows] = await this.answers.all([query], isShort);
    return Number(rows?.[0]?.[0]);
  }

  quarantined({ integration, kind, id }: RecordKey): QuarantineEntry | null {
    const sql = 'SELECT entry, id FROM quarantine WHERE integration = ? AND kind = ? AND id = ?';
    const row = this.connection.first(sql, [integration, kind, id]);
    return row ? parsed<QuarantineEntry>('quarantined', 'The entry in quarantine')(row) : null;
  }

  batches({ afterSeq, toSeq, limit }: Parameters<HistoryStore['batches']>[0]): BatchNote[] {
    const sql = 'SELECT seq, at, id, outcome FROM batches WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?';
    return this.connection.all(sql, [afterSeq, toSeq, limit]).map(([seq, at, id, outcome]) => ({
      ...{ id: String(id), seq: Number(seq), at: String(at) },
      ...storedOutcome(outcome),
    }));
  }

  /** Whether a table that only grows is short enough to be read from end to end here. */
  #isShort(table: 'ledger' | 'runs'): boolean {
    const last = this.connection.first(`SELECT max(rowid) FROM ${table}`)?.[0];
    return Number(last ?? 0) <= this.limits.scan;
  }
}

/** What was answered when a batch was recorded, and what it states. */
export function storedOutcome(cell: unknown): Pick<BatchNote, 'recorded' | 'stated'> {
  type Outcome = Recorded & Partial<Pick<BatchNote, 'stated'>>;
  const { stated = null, ...recorded } = parseStored<Outcome>(unpackText(cell), 'The outcome of a batch');
  return { recorded, stated };
}

/** The condition that narrows the quarantine to some integrations and kinds. */
function ofWhat(integrations: readonly string[] | null, kinds: readonly Kind[]) {
  const where = [
    'kind IN (SELECT value FROM json_each(?))',
    ...(integrations ? ['integration IN (SELECT value FROM json_each(?))'] : []),
  ];
  const params = [JSON.stringify(kinds), ...(integrations ? [JSON.stringify(integrations)] : [])];
  return { where: where.join(' AND '), params };
}

/** Takes or renews a lease; `now` in ms. */
export function takeLease(
  connection: Connection,
  name: string,
  holder: string,
  ttlMs: number,
  now: number,
): boolean {
  const sql = `INSERT INTO leases (name, holder, expires_ms) VALUES (?1, ?2, ?3)
    ON CONFLICT (name) DO UPDATE SET holder = ?2, expires_ms = ?3
      WHERE leases.holder = ?2 OR leases.expires_ms <= ?4
    RETURNING holder`;
  return connection.all(sql, [name, holder, now + ttlMs, now]).length > 0;
}

export function dropLease(connection: Connection, name: string, holder: string): void {
  connection.run('DELETE FROM leases WHERE name = ? AND holder = ?', [name, holder]);
}

/** As the index `runs_trigger` has it. */
const TRIGGER = "json_extract(run, '$.trigger')";

/** Of rows with a JSON text and, where `what` does not name it, the name of what it is. */
function parsed<T>(kind: Parameters<typeof parseStored>[2], what: string): (row: Row) => T {
  return ([json, name = '']) => parseStored<T>(json, `${what} ${name}`.trimEnd(), kind);
}

const runOf = ([cell, id]: Row) => checkStored<RunRecord>(unpackRun(cell), `Run ${id}`, 'run');

function compareRuns(a: RunRecord, b: RunRecord): number {
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1;
  return Buffer.compare(Buffer.from(b.id), Buffer.from(a.id));
}
