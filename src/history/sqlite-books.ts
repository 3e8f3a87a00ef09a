import type { Instant } from '../model/instant.js';
import type { RecordKey } from '../model/kind.js';
import type { RecordedEntry } from '../model/ledger.js';
import type { QuarantineEntry } from '../model/quarantine.js';
import type { Run } from '../model/run.js';
import { type Stream, type StreamState, streamText } from '../model/stream.js';
import type { Connection, Query, Row, SqlValue } from './sqlite-connection.js';
import type { HistoryStore } from './store.js';

type RunsQuery = Parameters<HistoryStore['runs']>[0];
type QuarantineQuery = Parameters<HistoryStore['quarantine']>[0];

/** The ledger entries of a stream that touch a window. */
export function ledgerSql(stream: Stream, from: Instant, to: Instant, seq: number): Query {
  return {
    sql: `SELECT entry FROM ledger INDEXED BY ledger_window
      WHERE stream = ? AND win_to > ? AND win_from < ? AND seq <= ? ORDER BY n`,
    params: [streamText(stream), from, to, seq],
  };
}

export function entriesOf(rows: readonly Row[]): RecordedEntry[] {
  return rows.map(parsed<RecordedEntry>);
}

export function readStreams(connection: Connection): StreamState[] {
  return connection.all('SELECT state FROM streams ORDER BY stream').map(parsed<StreamState>);
}

/** The newest runs first; with several integrations, each one's newest are merged. */
export function readRuns(connection: Connection, { integrations, before, limit }: RunsQuery): Run[] {
  const place = before ? [before.startedAt, before.id] : [];
  const after = before ? 'AND (started_at, id) < (?, ?)' : '';
  const newest = (where: string, params: SqlValue[]) =>
    connection
      .all(`SELECT run FROM runs WHERE ${where} ${after} ORDER BY started_at DESC, id DESC LIMIT ?`, [
        ...params,
        ...place,
        limit,
      ])
      .map(parsed<Run>);
  if (integrations === null) return newest('TRUE', []);
  const runs = [...new Set(integrations)].flatMap((name) => newest('integration = ?', [name]));
  return runs.sort(compareRuns).slice(0, limit);
}

export function runCountSql(integrations: readonly string[] | null): Query {
  if (integrations === null) return { sql: 'SELECT count(*) FROM runs', params: [] };
  const sql = 'SELECT count(*) FROM runs WHERE integration IN (SELECT value FROM json_each(?))';
  return { sql, params: [JSON.stringify(integrations)] };
}

export function readRun(connection: Connection, id: string): Run | null {
  const row = connection.first('SELECT run FROM runs WHERE id = ?', [id]);
  return row ? parsed<Run>(row) : null;
}

export function readQuarantine(connection: Connection, query: QuarantineQuery): QuarantineEntry[] {
  const { after, integrations, kinds, limit } = query;
  const conditions = [
    'kind IN (SELECT value FROM json_each(?))',
    ...(integrations ? ['integration IN (SELECT value FROM json_each(?))'] : []),
    ...(after ? ['(integration, kind, id) > (?, ?, ?)'] : []),
  ];
  const params = [
    JSON.stringify(kinds),
    ...(integrations ? [JSON.stringify(integrations)] : []),
    ...(after ? [after.integration, after.kind, after.id] : []),
  ];
  const sql = `SELECT entry FROM quarantine WHERE ${conditions.join(' AND ')} ORDER BY integration, kind, id LIMIT ?`;
  return connection.all(sql, [...params, limit]).map(parsed<QuarantineEntry>);
}

export function readQuarantined(connection: Connection, key: RecordKey): QuarantineEntry | null {
  const sql = 'SELECT entry FROM quarantine WHERE integration = ? AND kind = ? AND id = ?';
  const row = connection.first(sql, [key.integration, key.kind, key.id]);
  return row ? parsed<QuarantineEntry>(row) : null;
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

function parsed<T>([json]: Row): T {
  return JSON.parse(String(json)) as T;
}

function compareRuns(a: Run, b: Run): number {
  if (a.startedAt !== b.startedAt) return a.startedAt < b.startedAt ? 1 : -1;
  return Buffer.compare(Buffer.from(b.id), Buffer.from(a.id));
}
