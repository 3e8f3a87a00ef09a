import { setImmediate } from 'node:timers/promises';
import type { LedgerEntry, QuarantineEntry } from '../../model/ledger.js';
import type { RunRecord } from '../../model/run.js';
import { type StreamState, streamText } from '../../model/stream.js';
import {
  type AnyRecord,
  isListed,
  KINDS,
  type Kind,
  LISTED_KINDS,
  type ListedKind,
} from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { type Instant, toMillis } from '../../values/instant.js';
import { raiseMark, type TimedRevision, TRACKED_TIMES } from '../high-water-marks.js';
import type { DerivedFault } from '../store.js';
import { COLUMN_NAMES, COLUMNS, listedFields, references, toValues } from './columns.js';
import { Connection } from './connection.js';
import type { Row, SqlValue } from './driver.js';
import type { Limits, QueryRunner } from './query-worker.js';
import { referenceTable, referenceValue, schemaSql } from './schema.js';

const AT_ONCE = 250;

interface BatchRow {
  readonly seq: number;
  readonly at: Instant;
  readonly lastRev: number;
}

interface RevisionRow {
  readonly kind: Kind;
  readonly rev: number;
  readonly integration: number;
  readonly id: SqlValue;
  readonly seqFrom: number;
  readonly seqTo: number;
  readonly deleted: SqlValue;
  readonly body: SqlValue;
  readonly ahead: SqlValue;
  readonly verifiedSeq: SqlValue;
  /** The decoded record as JSON, of kinds that are listed. */
  readonly record: SqlValue;
}

/**
 * Works out again what a history in SQLite keeps beside what it was given, batch by batch in the order in which it
 * was written, by the functions that the writer uses, and names each row that differs. It remembers nothing of a
 * record: what came before is asked for. What batches after `seq` have added meanwhile is left out.
 */
export class DerivedCheck {
  /** How many rows there have to be in each table of what is derived. */
  readonly #counts = new Map<string, number>();
  readonly #tops = new Map<string, Instant>();
  readonly #live = new Map<string, number>();
  #lastRev = 0;

  constructor(
    private readonly connection: Connection,
    private readonly answers: QueryRunner,
    private readonly limits: Limits,
    private readonly seq: number,
  ) {}

  async *run(): AsyncGenerator<DerivedFault> {
    yield* this.#schema();
    yield* this.#file();
    yield* this.#revisions();
    yield* this.#totals();
    yield* this.#ledger();
    yield* this.#runsAndStates();
  }

  /** What is in the file besides its tables could change what they answer; an index that is gone cannot. */
  *#schema(): Generator<DerivedFault> {
    const own = definitions(this.connection);
    const fresh = new Connection(':memory:', 'create');
    fresh.exec(schemaSql());
    const wanted = definitions(fresh);
    fresh.close();
    for (const [name, { type, sql }] of own) {
      const isKnown = wanted.get(name)?.type === type;
      if (!isKnown && type !== 'index')
        yield fault(name, null, `The file holds a ${type} ${name} that the gateway did not make.`);
      if (isKnown && type === 'index' && wanted.get(name)?.sql !== sql)
        yield fault(name, null, `The index ${name} was replaced by another.`);
    }
  }

  async *#file(): AsyncGenerator<DerivedFault> {
    const check = { sql: 'PRAGMA integrity_check(100)', params: [] };
    const [rows = []] = await this.answers.all([check], this.seq <= this.limits.scan);
    for (const [said] of rows) if (said !== 'ok') yield fault('file', null, `The file is damaged: ${said}.`);
  }

  async *#revisions(): AsyncGenerator<DerivedFault> {
    const rows = new Merged(this.connection);
    for (let last = 0, batches: BatchRow[] = []; last < this.seq; last = batches.at(-1)?.seq ?? this.seq) {
      await setImmediate();
      batches = this.#batchesAfter(last);
      for (const batch of batches) yield* this.#batch(batch, rows.upTo(batch.lastRev));
    }
    for (const kind of KINDS) {
      const beyond = `SELECT rev, id, seq_from FROM "${kind}" WHERE (rev > ? AND seq_from <= ?) OR rev < 1 LIMIT 100`;
      for (const [rev, id, seqFrom] of this.connection.all(beyond, [this.#lastRev, this.seq])) {
        yield fault(
          `${kind}/${id}`,
          Number(seqFrom),
          `The version of ${kind} ${id} that stands at ${rev} is in no batch's place.`,
        );
      }
    }
  }

  #batchesAfter(last: number): BatchRow[] {
    const sql = 'SELECT seq, at, last_rev FROM batches WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?';
    return this.connection
      .all(sql, [last, this.seq, AT_ONCE])
      .map(([seq, at, lastRev]) => ({ seq: Number(seq), at: String(at), lastRev: Number(lastRev) }));
  }

  *#batch(batch: BatchRow, rows: Iterable<RevisionRow>): Generator<DerivedFault> {
    const added = new Map<string, TimedRevision[]>();
    const changes = new Map<string, number>();
    const marked = new Map<number, RevisionRow>();
    for (const row of rows) {
      if (row.rev !== this.#lastRev + 1 || row.seqFrom !== batch.seq)
        yield this.#of(row, 'stands in another place than its batch gave it');
      this.#lastRev = row.rev;
      const prior = this.#prior(row);
      if (!this.#isBodyRight(row, prior)) yield this.#of(row, 'has the texts of another');
      if (row.verifiedSeq !== null && Number(row.verifiedSeq) < row.seqFrom)
        yield this.#of(row, 'is held to have been confirmed before it was there');
      if (row.ahead !== 0) marked.set(row.rev, row);
      if (!isListed(row.kind)) continue;
      const group = `${row.kind} ${row.integration}`;
      const isLive = row.deleted === 0;
      const wasLive = prior !== undefined && prior[1] === 0;
      if (isLive !== wasLive) changes.set(group, (changes.get(group) ?? 0) + (isLive ? 1 : -1));
      const fields = isLive ? fieldsIn(row) : null;
      if (fields === undefined) continue;
      if (!this.#areColumnsRight(row, fields))
        yield this.#of(row, 'is not found by its own values: a column that lists go by was altered');
      if (fields === null) continue;
      if (!this.#areReferencesRight(row, fields)) yield this.#of(row, 'is not found by what it refers to');
      const timed = added.get(group);
      if (timed) timed.push({ rev: row.rev, fields });
      else added.set(group, [{ rev: row.rev, fields }]);
    }
    if (batch.lastRev !== this.#lastRev) {
      yield fault(
        `batch ${batch.seq}`,
        batch.seq,
        `Batch ${batch.seq} is held to end with version ${batch.lastRev}, and version ${this.#lastRev} is the last.`,
      );
      this.#lastRev = batch.lastRev;
    }
    yield* this.#tallied(batch, changes);
    yield* this.#topped(batch, added, marked);
  }

  /** The number (that of its texts), and whether it is deleted, of the version that this one superseded. */
  #prior({ kind, integration, id, seqFrom }: RevisionRow): Row | undefined {
    const sql = `SELECT coalesce(body, rev), deleted FROM "${kind}"
      WHERE integration = ? AND id = ? AND seq_to = ? AND seq_from < seq_to`;
    return this.connection.first(sql, [integration, id, seqFrom]);
  }

  #isBodyRight({ deleted, body }: RevisionRow, prior: Row | undefined): boolean {
    return deleted === 0 ? body === null : prior === undefined || body === prior[0];
  }

  /** Compared by SQLite, which has both the values that stand there and those that would be written. */
  #areColumnsRight({ kind, rev }: RevisionRow, fields: Fields | null): boolean {
    if (!isListed(kind)) return true;
    const names = COLUMN_NAMES[kind];
    const values = fields ? toValues(kind, fields) : names.map(() => null);
    const sql = `SELECT 1 FROM "${kind}" WHERE rev = ? AND ${names.map((name) => `${name} IS ?`).join(' AND ')}`;
    return this.connection.first(sql, [rev, ...values]) !== undefined;
  }

  #areReferencesRight({ kind, rev, integration }: RevisionRow, fields: Fields): boolean {
    if (!isListed(kind)) return true;
    return COLUMNS[kind]
      .filter(({ spec }) => spec.reference)
      .every(({ field }) => {
        const values = references(fields, field);
        const table = referenceTable(kind, field);
        this.#count(table, values.length);
        if (values.length === 0) return true;
        const sql = `SELECT count(*) FROM json_each(?) v CROSS JOIN ${table} r
          ON r.integration = ? AND r.value = ${referenceValue('v.value')} AND r.rev = ?`;
        return this.connection.first(sql, [JSON.stringify(values), integration, rev])?.[0] === values.length;
      });
  }

  *#tallied({ seq }: BatchRow, changes: ReadonlyMap<string, number>): Generator<DerivedFault> {
    for (const [group, change] of changes) {
      const [kind = '', integration] = group.split(' ');
      const live = (this.#live.get(group) ?? 0) + change;
      this.#live.set(group, live);
      this.#count('tallies', 1);
      const sql = 'SELECT live FROM tallies WHERE kind = ? AND integration = ? AND seq = ?';
      const found = this.connection.first(sql, [kind, Number(integration), seq])?.[0];
      if (found === live) continue;
      yield fault(
        kind,
        seq,
        `The history counts ${found ?? 'no'} records of kind ${kind} after batch ${seq}, and there are ${live}.`,
      );
    }
  }

  *#topped(
    { seq, at }: BatchRow,
    added: ReadonlyMap<string, readonly TimedRevision[]>,
    marked: ReadonlyMap<number, RevisionRow>,
  ): Generator<DerivedFault> {
    const ahead = new Set<number>();
    for (const [group, timed] of added) {
      const [kind, integration] = group.split(' ');
      for (const field of TRACKED_TIMES[kind as ListedKind]) {
        const name = `${group} ${field}`;
        const after = raiseMark(at, this.#tops.get(name) ?? null, field, timed);
        for (const rev of after.ahead) ahead.add(rev);
        if (after.raised === null) continue;
        this.#tops.set(name, after.raised);
        this.#count('tops', 1);
        const sql =
          'SELECT 1 FROM tops WHERE kind = ? AND field = ? AND integration = ? AND seq = ? AND top = ?';
        if (this.connection.first(sql, [kind ?? '', field, Number(integration), seq, after.raised])) continue;
        yield fault(
          `${kind} ${field}`,
          seq,
          `How far ${field} of kind ${kind} reached after batch ${seq} is not what its records say (${after.raised}).`,
        );
      }
    }
    for (const [rev, row] of marked) {
      if (row.ahead !== 1 || !ahead.delete(rev)) yield this.#of(row, 'is wrongly held to be dated ahead');
    }
    for (const rev of ahead)
      yield fault(
        `version ${rev}`,
        seq,
        `Version ${rev}, which batch ${seq} brought, is not held to be dated ahead, and is.`,
      );
  }

  #count(table: string, more: number): void {
    this.#counts.set(table, (this.#counts.get(table) ?? 0) + more);
  }

  /** Rows that no record explains show in how many there are. */
  async *#totals(): AsyncGenerator<DerivedFault> {
    const tables = LISTED_KINDS.flatMap((kind) =>
      COLUMNS[kind].filter(({ spec }) => spec.reference).map(({ field }) => referenceTable(kind, field)),
    );
    const counting = (table: string, place: string, last: string, upTo: number) => ({
      table,
      sql: `SELECT count(*) FILTER (WHERE ${place} <= ?),
        count(*) FILTER (WHERE ${place} > (SELECT coalesce(max(${last}), 0) FROM batches)) FROM ${table}`,
      params: [upTo],
    });
    const queries = [
      ...['tops', 'tallies'].map((table) => counting(table, 'seq', 'seq', this.seq)),
      ...tables.map((table) => counting(table, 'rev', 'last_rev', this.#lastRev)),
    ];
    const counts = await this.answers.all(queries, this.#lastRev <= this.limits.scan);
    for (const [i, { table }] of queries.entries()) {
      const [found, toCome] = counts[i]?.[0]?.map(Number) ?? [];
      const [name, wanted] = [table.replaceAll('"', ''), this.#counts.get(table) ?? 0];
      if (found !== wanted)
        yield fault(name, null, `The table ${name} has ${found} rows, and the records come to ${wanted}.`);
      if (toCome !== 0)
        yield fault(name, null, `The table ${name} has ${toCome} rows of batches that are yet to come.`);
    }
  }

  async *#ledger(): AsyncGenerator<DerivedFault> {
    const sql = `SELECT n, stream, win_from, win_to, seq, entry FROM ledger WHERE n > ? ORDER BY n LIMIT ${AT_ONCE}`;
    const accounts = new Set(
      this.connection.all('SELECT stream FROM streams').map(([name]) => accountOf(String(name))),
    );
    let before = 0;
    for (let last = Number.MIN_SAFE_INTEGER, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = this.connection.all(sql, [last]);
      for (const [, stream, from, to, seq, json] of rows) {
        const entry = parsed<LedgerEntry & { readonly seq: number }>(json);
        const right = entry && [streamText(entry), entry.from, entry.to, entry.seq];
        const isRight = right?.every((value, i) => value === [stream, from, to, seq][i]) ?? false;
        const isInOrder = Number(seq) >= before && accounts.has(accountOf(String(stream)));
        before = Number(seq);
        if (isRight && isInOrder) continue;
        yield fault(
          String(stream),
          Number(seq),
          `A reading of ${stream} from ${from} to ${to} that batch ${seq} recorded is not found by what it says itself.`,
        );
      }
      if (rows.length < AT_ONCE) break;
      await setImmediate();
    }
  }

  async *#runsAndStates(): AsyncGenerator<DerivedFault> {
    for (const [name, json] of this.connection.all('SELECT stream, state FROM streams')) {
      const state = parsed<StreamState>(json);
      if (state === null || streamText(state) !== name)
        yield fault(String(name), null, `The state of ${name} is not found by what it says itself.`);
    }
    const runs = `SELECT rowid, id, integration, started_at, run FROM runs WHERE rowid > ? ORDER BY rowid LIMIT ${AT_ONCE}`;
    for (let last = Number.MIN_SAFE_INTEGER, rows: Row[] = []; ; last = Number(rows.at(-1)?.[0])) {
      rows = this.connection.all(runs, [last]);
      for (const [, id, integration, startedAt, json] of rows) {
        const run = parsed<RunRecord>(json);
        if (run?.id === id && run?.integration === integration && run?.startedAt === startedAt) continue;
        yield fault(String(id), null, `Run ${id} is not found by what it says itself.`);
      }
      if (rows.length < AT_ONCE) break;
      await setImmediate();
    }
    for (const [integration, kind, id, json] of this.connection.all(
      'SELECT integration, kind, id, entry FROM quarantine',
    )) {
      const key = parsed<QuarantineEntry>(json)?.key;
      if (key?.integration === integration && key?.kind === kind && key?.id === id) continue;
      const what = `${integration}/${kind}/${id}`;
      yield fault(what, null, `What is in quarantine as ${what} is not found by what it says itself.`);
    }
  }

  #of({ kind, id, seqFrom }: RevisionRow, how: string): DerivedFault {
    return fault(
      `${kind}/${id}`,
      seqFrom,
      `The version of ${kind} ${id} that batch ${seqFrom} brought ${how}.`,
    );
  }
}

/** The rows of all kinds in the order of their numbers, read a few at a time. */
class Merged {
  readonly #ahead: RevisionRow[][] = KINDS.map(() => []);
  readonly #last = KINDS.map(() => 0);
  readonly #isOver = KINDS.map(() => false);

  constructor(private readonly connection: Connection) {}

  *upTo(lastRev: number): Generator<RevisionRow> {
    for (;;) {
      let next: RevisionRow | undefined;
      let from = 0;
      for (const [i] of KINDS.entries()) {
        const row = this.#peek(i);
        if (row === undefined || (next !== undefined && row.rev >= next.rev)) continue;
        [next, from] = [row, i];
      }
      if (next === undefined || next.rev > lastRev) return;
      this.#ahead[from]?.shift();
      yield next;
    }
  }

  #peek(i: number): RevisionRow | undefined {
    const [first] = this.#ahead[i] ?? [];
    const kind = KINDS[i];
    if (first || this.#isOver[i] || kind === undefined) return first;
    const rows = this.connection
      .all(rowsSql(kind), [this.#last[i] ?? 0])
      .map((row) => revisionRow(kind, row));
    this.#ahead[i] = rows;
    this.#last[i] = rows.at(-1)?.rev ?? 0;
    // what is added meanwhile is looked at as well: it is of no batch up to the last
    this.#isOver[i] = rows.length < AT_ONCE;
    return rows[0];
  }
}

function rowsSql(kind: Kind): string {
  const record = isListed(kind) ? '(SELECT record FROM bodies b WHERE b.rev = t.rev)' : 'NULL';
  return `SELECT rev, integration, id, seq_from, seq_to, deleted, body, ahead, verified_seq, ${record}
    FROM "${kind}" t WHERE rev > ? ORDER BY rev LIMIT ${AT_ONCE}`;
}

function revisionRow(kind: Kind, row: Row): RevisionRow {
  const [rev, integration, id = null, seqFrom, seqTo, deleted = null, body = null, ahead = null, ...rest] =
    row;
  const [verifiedSeq = null, record = null] = rest;
  return {
    ...{ kind, rev: Number(rev), integration: Number(integration), id },
    ...{ seqFrom: Number(seqFrom), seqTo: Number(seqTo), deleted, body, ahead, verifiedSeq, record },
  };
}

/** What lists see of a version; `undefined` where its record cannot be read, which shows elsewhere. */
function fieldsIn({ kind, record }: RevisionRow): Fields | undefined {
  const value = parsed<AnyRecord>(record);
  if (value === null || !isListed(kind)) return undefined;
  try {
    const fields = listedFields(kind, value);
    const isWritable = toValues(kind, fields).every((one) => one === null || typeof one !== 'object');
    const times = TRACKED_TIMES[kind].map((field) => fields[field] ?? null);
    return isWritable && times.every(isTime) ? fields : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: Fields[string]): boolean {
  return value === null || (typeof value === 'string' && !Number.isNaN(toMillis(value)));
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

function parsed<T>(json: SqlValue | undefined): T | null {
  try {
    const value: unknown = JSON.parse(String(json));
    return typeof value === 'object' ? (value as T) : null;
  } catch {
    return null;
  }
}

function fault(what: string, seq: number | null, message: string): DerivedFault {
  return { what, seq, message };
}
