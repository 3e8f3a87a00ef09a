import { nextTurn } from '../../async/waiting.js';
import {
  isListed,
  KINDS,
  LISTED_KINDS,
  type ListedKind,
  type RecordValues,
} from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { raiseMark, type TimedRevision, TRACKED_TIMES } from '../high-water-marks.js';
import type { DerivedFault } from '../store.js';
import { BlockCheck, type CheckedBlock } from './block-check.js';
import { hasRows } from './column-blocks.js';
import { COLUMN_NAMES, COLUMNS, references } from './columns.js';
import type { Connection } from './connection.js';
import {
  checkFile,
  checkLedger,
  checkQuarantine,
  checkRuns,
  checkSchema,
  checkStates,
  fault,
} from './derived-tables.js';
import type { SqlValue } from './driver.js';
import { type RevisionRow, RevisionRows, valuesIn } from './revision-rows.js';
import { referenceTable, referenceValue } from './schema.js';

const AT_ONCE = 250;

/** A version that lists contain. */
interface ListedRevision extends TimedRevision {
  readonly row: RevisionRow;
}

interface BatchRow {
  readonly seq: number;
  readonly at: Instant;
  readonly lastRev: number;
}

/**
 * Works out again what a history in SQLite keeps beside what it was given, batch by batch in the order in which it
 * was written, by the functions that the writer uses, and names each row that differs. It remembers nothing of a
 * record: what came before is asked for. What batches after `seq` have added meanwhile is left out.
 */
export class DerivedCheck {
  /** How many rows there have to be in each table of what is derived. */
  readonly #counts = new Map<string, number>();
  readonly #marks = new Map<string, Instant>();
  readonly #live = new Map<string, number>();
  readonly #blocks: ReadonlyMap<ListedKind, BlockCheck>;
  #lastRev = 0;

  /** `throwIfOver` is called now and then. */
  constructor(
    private readonly connection: Connection,
    private readonly seq: number,
    private readonly throwIfOver: () => void = () => {},
  ) {
    this.#blocks = new Map(LISTED_KINDS.map((kind) => [kind, new BlockCheck(connection, kind)]));
  }

  async *run(): AsyncGenerator<DerivedFault> {
    yield* checkSchema(this.connection);
    yield* checkFile(this.connection);
    yield* this.#revisions();
    yield* this.#totals();
    yield* this.#laterBlocks();
    yield* checkLedger(this.connection);
    yield* checkStates(this.connection);
    yield* checkRuns(this.connection);
    yield* checkQuarantine(this.connection);
  }

  async *#revisions(): AsyncGenerator<DerivedFault> {
    const rows = new RevisionRows(this.connection);
    for (let last = 0, batches: BatchRow[] = []; last < this.seq; last = batches.at(-1)?.seq ?? this.seq) {
      await nextTurn();
      this.throwIfOver();
      batches = this.#batchesAfter(last);
      for (const batch of batches) yield* this.#batch(batch, rows.upTo(batch.lastRev));
    }
    for (const kind of KINDS) {
      const beyond = `SELECT rev, id, seq_from FROM "${kind}" WHERE (rev > ? AND seq_from <= ?) OR rev < 1 LIMIT 100`;
      for (const [rev, id, seqFrom] of this.connection.all(beyond, [this.#lastRev, this.seq])) {
        yield fault(
          `${kind}/${id}`,
          Number(seqFrom),
          `The version of ${kind} ${id} at ${rev} belongs to no batch.`,
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
    const added = new Map<string, ListedRevision[]>();
    const changes = new Map<string, number>();
    const marked = new Map<number, RevisionRow>();
    for (const row of rows) {
      if (row.rev !== this.#lastRev + 1 || row.seqFrom !== batch.seq)
        yield this.#of(row, 'is not at the position that its batch gave it');
      this.#lastRev = row.rev;
      if (!this.#isBodyRight(row)) yield this.#of(row, 'has the texts of another');
      if (row.verifiedSeq !== null && Number(row.verifiedSeq) < row.seqFrom)
        yield this.#of(row, 'was confirmed before it existed');
      if (row.ahead !== 0) marked.set(row.rev, row);
      if (!isListed(row.kind)) continue;
      const group = `${row.kind} ${row.integration}`;
      const isLive = row.deleted === 0;
      const wasLive = row.prior !== null && row.prior.deleted === 0;
      if (isLive !== wasLive) changes.set(group, (changes.get(group) ?? 0) + (isLive ? 1 : -1));
      const read = row.deleted === 1 ? null : valuesIn(row);
      yield* this.#blocksUpTo(row, read === null ? null : read?.values);
      const fields = isLive ? read?.fields : null;
      if (fields === undefined) continue;
      if (!this.#areColumnsRight(row, read?.columns))
        yield this.#of(row, 'is not found by its own values: a column that lists go by was altered');
      if (fields === null) continue;
      const timed = added.get(group);
      const revision = { rev: row.rev, fields, row };
      if (timed) timed.push(revision);
      else added.set(group, [revision]);
    }
    yield* this.#references(added);
    if (batch.lastRev !== this.#lastRev) {
      yield fault(
        `batch ${batch.seq}`,
        batch.seq,
        `Batch ${batch.seq} ends with version ${batch.lastRev}, but version ${this.#lastRev} is the last.`,
      );
      this.#lastRev = batch.lastRev;
    }
    yield* this.#liveCountsOf(batch, changes);
    yield* this.#marksOf(batch, added, marked);
  }

  #isBodyRight({ deleted, body, prior }: RevisionRow): boolean {
    return deleted === 0 ? body === null : prior === null || body === prior.body;
  }

  /** What is no plain text is compared by SQLite, whose texts may be other bytes than those that the driver returns. */
  #areColumnsRight({ kind, rev, bytes, columns }: RevisionRow, wanted?: readonly SqlValue[]): boolean {
    if (!isListed(kind)) return true;
    const names = COLUMN_NAMES[kind];
    const values = wanted ?? names.map(() => null);
    const isSame = (value: SqlValue, i: number) =>
      value === columns[i] && !(typeof value === 'string' && value.includes('\ufffd'));
    if (bytes === 0 && values.every(isSame)) return true;
    const sql = `SELECT 1 FROM "${kind}" WHERE rev = ? AND ${names.map((name) => `${name} IS ?`).join(' AND ')}`;
    return this.connection.first(sql, [rev, ...values]) !== undefined;
  }

  /** Names the versions of a batch that are not found by everything that they refer to. */
  *#references(added: ReadonlyMap<string, readonly ListedRevision[]>): Generator<DerivedFault> {
    for (const revisions of added.values()) {
      const { kind, integration, rev: first } = (revisions[0] as ListedRevision).row;
      const last = revisions.at(-1)?.rev ?? first;
      const wrong = new Set<RevisionRow>();
      for (const { field } of isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.reference) : []) {
        const wanted = revisions.flatMap(({ row, fields }) =>
          references(fields, field).map((value) => ({ row, value })),
        );
        const table = referenceTable(kind, field);
        this.#count(table, wanted.length);
        if (wanted.length === 0) continue;
        const sql = `SELECT v.key, r.rev FROM json_each(?) v CROSS JOIN ${table} r
          ON r.integration = ? AND r.value = ${referenceValue('v.value')} AND r.rev BETWEEN ? AND ?`;
        const values = JSON.stringify(wanted.map(({ value }) => value));
        const found = new Set<number>();
        for (const [place, rev] of this.connection.all(sql, [values, integration, first, last])) {
          if (wanted[Number(place)]?.row.rev === rev) found.add(Number(place));
        }
        for (const [place, { row }] of wanted.entries()) if (!found.has(place)) wrong.add(row);
      }
      for (const row of wrong) yield this.#of(row, 'is not found by what it refers to');
    }
  }

  *#liveCountsOf({ seq }: BatchRow, changes: ReadonlyMap<string, number>): Generator<DerivedFault> {
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

  *#marksOf(
    { seq, at }: BatchRow,
    added: ReadonlyMap<string, readonly TimedRevision[]>,
    marked: ReadonlyMap<number, RevisionRow>,
  ): Generator<DerivedFault> {
    const ahead = new Set<number>();
    for (const [group, timed] of added) {
      const [kind, integration] = group.split(' ');
      for (const field of TRACKED_TIMES[kind as ListedKind]) {
        const name = `${group} ${field}`;
        const after = raiseMark(at, this.#marks.get(name) ?? null, field, timed);
        for (const rev of after.ahead) ahead.add(rev);
        if (after.raised === null) continue;
        this.#marks.set(name, after.raised);
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
      if (row.ahead !== 1 || !ahead.delete(rev)) yield this.#of(row, 'is wrongly marked as dated ahead');
    }
    for (const rev of ahead)
      yield fault(
        `version ${rev}`,
        seq,
        `Version ${rev} of batch ${seq} is dated ahead, but is not marked so.`,
      );
  }

  #count(table: string, more: number): void {
    this.#counts.set(table, (this.#counts.get(table) ?? 0) + more);
  }

  /** Rows that no record explains show in how many there are. */
  *#totals(): Generator<DerivedFault> {
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
    for (const { table, sql, params } of queries) {
      const [found, toCome] = this.connection.first(sql, params)?.map(Number) ?? [];
      const [name, wanted] = [table.replaceAll('"', ''), this.#counts.get(table) ?? 0];
      if (found !== wanted)
        yield fault(name, null, `The table ${name} has ${found} rows, and the records come to ${wanted}.`);
      if (toCome !== 0)
        yield fault(name, null, `The table ${name} has ${toCome} rows of batches that are yet to come.`);
    }
  }

  *#blocksUpTo(
    { kind, rev, integration: account, prior }: RevisionRow,
    values: RecordValues | null | undefined,
  ): Generator<DerivedFault> {
    const blocks = isListed(kind) ? this.#blocks.get(kind) : undefined;
    for (const block of blocks?.add({ rev, prior: prior?.rev ?? 0, account, values }) ?? [])
      yield* blockFault(kind, block);
  }

  /** Those that were made meanwhile. */
  async *#laterBlocks(): AsyncGenerator<DerivedFault> {
    for (const [kind, blocks] of this.#blocks) {
      for (let [block] = blocks.next(); block !== undefined; [block] = blocks.next()) {
        yield* blockFault(kind, block);
        await nextTurn();
        this.throwIfOver();
      }
      const { from } = blocks;
      if (from > 0 && hasRows(this.connection, kind, this.#lastRev, from))
        yield fault(
          kind,
          null,
          `The columns of ${kind} end with version ${from}, and later versions are in no column.`,
        );
    }
  }

  #of({ kind, integration, id, seqFrom }: RevisionRow, how: string): DerivedFault {
    const [name] = this.connection.first('SELECT name FROM integrations WHERE n = ?', [integration]) ?? [];
    const what = `${name}/${kind}/${id}`;
    return fault(what, seqFrom, `The version of ${what} that batch ${seqFrom} brought ${how}.`);
  }
}

function* blockFault(kind: string, { after, last, isRight }: CheckedBlock): Generator<DerivedFault> {
  // a record that cannot be read is named elsewhere
  if (isRight !== false) return;
  const which = `versions ${after + 1} to ${last}`;
  yield fault(kind, null, `The columns of ${kind} ${which} are not what their records say.`);
}
