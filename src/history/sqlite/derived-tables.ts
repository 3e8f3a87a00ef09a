import { nextTurn } from '../../async/waiting.js';
import { type QuarantineEntry, type RecordedEntry, streamText } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import type { StreamState } from '../../model/stream.js';
import { isPageOf, pageIn } from '../reading-pages.js';
import type { DerivedFault } from '../store.js';
import { Connection } from './connection.js';
import type { Row, SqlValue } from './driver.js';
import { schemaSql, unpackRun } from './schema.js';

/*
 * The checks of a history in SQLite that need no records: its schema, the file, and whether each row of the ledger,
 * the streams, the runs and the quarantine is found by what it says itself.
 */

const AT_ONCE = 250;

/** Anything else in the file could change what its tables answer; a missing index cannot. */
export function* checkSchema(connection: Connection): Generator<DerivedFault> {
  const own = definitions(connection);
  const fresh = new Connection(':memory:', 'create');
  fresh.exec(schemaSql());
  const wanted = definitions(fresh);
  fresh.close();
  for (const [name, { type, sql }] of own) {
    const isKnown = wanted.get(name)?.type === type;
    if (!isKnown && type !== 'index')
      yield fault(name, null, `The file contains a ${type} ${name} that the gateway did not make.`);
    if (isKnown && type === 'index' && wanted.get(name)?.sql !== sql)
      yield fault(name, null, `The index ${name} was replaced by another.`);
  }
}

export function* checkFile(connection: Connection): Generator<DerivedFault> {
  for (const [said] of connection.all('PRAGMA integrity_check(100)'))
    if (said !== 'ok') yield fault('file', null, `The file is damaged: ${said}.`);
}

/** Each reading is found by what it says itself, in the order of the batches, for a known account. */
export async function* checkLedger(connection: Connection): AsyncGenerator<DerivedFault> {
  const sql = `SELECT n, stream, win_from, win_to, seq, entry FROM ledger WHERE n > ? ORDER BY n LIMIT ${AT_ONCE}`;
  let accounts = accountsIn(connection);
  const isKnown = (name: string) => {
    // the first reading of an account may have been recorded meanwhile
    if (!accounts.has(name)) accounts = accountsIn(connection);
    return accounts.has(name);
  };
  let before = 0;
  for (let last = Number.MIN_SAFE_INTEGER, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
    rows = connection.all(sql, [last]);
    for (const [, stream, from, to, seq, json] of rows) {
      const entries = json instanceof Uint8Array ? (pageIn(json) ?? []) : [parsed<RecordedEntry>(json)];
      const place = { stream: String(stream), from: String(from), to: String(to), seq: Number(seq) };
      const isRight = entries.every((entry) => entry !== null) && isPageOf(place, entries);
      const isInOrder = Number(seq) >= before && isKnown(accountOf(String(stream)));
      before = Number(seq);
      if (isRight && isInOrder) continue;
      yield fault(
        String(stream),
        Number(seq),
        `A reading of ${stream} from ${from} to ${to} that batch ${seq} recorded is not found under its own data.`,
      );
    }
    if (rows.length < AT_ONCE) break;
    await nextTurn();
  }
}

function accountsIn(connection: Connection): Set<string> {
  return new Set(connection.all('SELECT stream FROM streams').map(([name]) => accountOf(String(name))));
}

export function* checkStates(connection: Connection): Generator<DerivedFault> {
  for (const [name, json] of connection.all('SELECT stream, state FROM streams')) {
    const state = parsed<StreamState>(json);
    if (state === null || streamText(state) !== name)
      yield fault(String(name), null, `The state of ${name} is not found under its own data.`);
  }
}

export async function* checkRuns(connection: Connection): AsyncGenerator<DerivedFault> {
  const runs = `SELECT rowid, id, integration, started_at, run FROM runs WHERE rowid > ? ORDER BY rowid LIMIT ${AT_ONCE}`;
  for (let last = Number.MIN_SAFE_INTEGER, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
    rows = connection.all(runs, [last]);
    for (const [, id, integration, startedAt, json] of rows) {
      const run = unpackRun(json) as RunRecord | null | undefined;
      if (run?.id === id && run?.integration === integration && run?.startedAt === startedAt) continue;
      yield fault(String(id), null, `Run ${id} is not found under its own data.`);
    }
    if (rows.length < AT_ONCE) break;
    await nextTurn();
  }
}

export function* checkQuarantine(connection: Connection): Generator<DerivedFault> {
  for (const [integration, kind, id, json] of connection.all(
    'SELECT integration, kind, id, entry FROM quarantine',
  )) {
    const key = parsed<QuarantineEntry>(json)?.key;
    if (key?.integration === integration && key?.kind === kind && key?.id === id) continue;
    const what = `${integration}/${kind}/${id}`;
    yield fault(what, null, `The quarantine entry ${what} is not found under its own data.`);
  }
}

function definitions(connection: Connection): Map<string, { readonly type: string; readonly sql: string }> {
  const rows = connection.all(
    "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*'",
  );
  return new Map(
    rows.map(([name, type, sql]) => [
      String(name),
      { type: String(type), sql: String(sql).replace(/\s+/g, ' ') },
    ]),
  );
}

/** The account that a stream's name begins with; a name may have slashes, what follows it has none. */
function accountOf(stream: string): string {
  return stream.split('/').slice(0, -2).join('/');
}

/** The JSON object in a cell; `null` if there is none. */
export function parsed<T>(json: SqlValue | undefined): T | null {
  try {
    const value: unknown = JSON.parse(String(json));
    return typeof value === 'object' ? (value as T) : null;
  } catch {
    return null;
  }
}

export function fault(what: string, seq: number | null, message: string): DerivedFault {
  return { what, seq, message };
}
