import {
  type AnyRecord,
  isListed,
  KINDS,
  type Kind,
  type RecordValues,
  recordValues,
} from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { toMillis } from '../../values/instant.js';
import { TRACKED_TIMES } from '../high-water-marks.js';
import { unpackText } from '../stored-texts.js';
import { COLUMN_NAMES, listedFields, toValues } from './columns.js';
import type { Connection } from './connection.js';
import { parsed } from './derived-tables.js';
import type { Row, SqlValue } from './driver.js';
import { keyIndex } from './schema.js';

const AT_ONCE = 250;

/** A revision as its check needs it. */
export interface RevisionRow {
  readonly kind: Kind;
  readonly rev: number;
  readonly integration: number;
  readonly id: SqlValue;
  readonly seqFrom: number;
  readonly deleted: SqlValue;
  readonly body: SqlValue;
  readonly ahead: SqlValue;
  readonly verifiedSeq: SqlValue;
  /** The decoded record as JSON, of kinds that are listed. */
  readonly record: SqlValue;
  /** The version that this one superseded. */
  readonly prior: PriorRow | null;
  /** How many of the columns have bytes. */
  readonly bytes: SqlValue;
  /** The columns that lists go by, of kinds that are listed. */
  readonly columns: readonly SqlValue[];
}

interface PriorRow {
  readonly rev: number;
  /** The number of its texts. */
  readonly body: number;
  readonly deleted: SqlValue;
}

/** The rows of all kinds in the order of their numbers. */
export class RevisionRows {
  readonly #kinds: readonly KindRows[];

  constructor(connection: Connection) {
    this.#kinds = KINDS.map((kind) => new KindRows(connection, kind));
  }

  *upTo(lastRev: number): Generator<RevisionRow> {
    for (;;) {
      let [next] = this.#kinds;
      let until = Number.POSITIVE_INFINITY;
      for (const rows of this.#kinds) {
        if (rows === next) continue;
        if (next === undefined || rows.rev < next.rev) [until, next] = [next?.rev ?? until, rows];
        else until = Math.min(until, rows.rev);
      }
      if (next === undefined || !(next.rev <= lastRev)) return;
      // mostly one kind has many in a row
      do yield next.take();
      while (next.rev < until && next.rev <= lastRev);
    }
  }
}

/** The rows of one kind, read a few at a time. */
class KindRows {
  #rows: readonly Row[] = [];
  #next = 0;
  #last = 0;
  #isOver = false;

  constructor(
    private readonly connection: Connection,
    private readonly kind: Kind,
  ) {}

  /** The number of the next row; infinite at the end. */
  get rev(): number {
    if (this.#next === this.#rows.length && !this.#isOver) {
      this.#rows = this.connection.all(rowsSql(this.kind), [this.#last]);
      this.#next = 0;
      this.#last = Number(this.#rows.at(-1)?.[0] ?? 0);
      // what is added meanwhile is looked at as well: it is of no batch up to the last
      this.#isOver = this.#rows.length < AT_ONCE;
    }
    const row = this.#rows[this.#next];
    return row ? Number(row[0]) : Number.POSITIVE_INFINITY;
  }

  take(): RevisionRow {
    const row = this.#rows[this.#next] as Row;
    this.#next += 1;
    return revisionRow(this.kind, row);
  }
}

function rowsSql(kind: Kind): string {
  const names = isListed(kind) ? COLUMN_NAMES[kind].map((name) => `t.${name}`) : [];
  const own = ['rev', 'integration', 'id', 'seq_from', 'deleted', 'body', 'ahead', 'verified_seq'];
  const wanted = [
    ...own.map((name) => `t.${name}`),
    isListed(kind) ? '(SELECT record FROM bodies b WHERE b.rev = t.rev)' : 'NULL',
    ...['p.rev', 'coalesce(p.body, p.rev)', 'p.deleted'],
    ['0', ...names.map((name) => `(typeof(${name}) = 'blob')`)].join(' + '),
    ...names,
  ];
  const prior = `SELECT o.rev FROM "${kind}" o INDEXED BY ${keyIndex(kind)}
    WHERE o.integration = t.integration AND o.id = t.id AND o.seq_to = t.seq_from AND o.seq_from < o.seq_to`;
  return `SELECT ${wanted.join(', ')} FROM "${kind}" t NOT INDEXED LEFT JOIN "${kind}" p ON p.rev = (${prior})
    WHERE t.rev > ? ORDER BY t.rev LIMIT ${AT_ONCE}`;
}

function revisionRow(kind: Kind, row: Row): RevisionRow {
  const at = (i: number) => row[i] ?? null;
  const priorRev = at(9);
  return {
    kind,
    rev: Number(at(0)),
    integration: Number(at(1)),
    id: at(2),
    seqFrom: Number(at(3)),
    deleted: at(4),
    body: at(5),
    ahead: at(6),
    verifiedSeq: at(7),
    record: at(8),
    prior: priorRev === null ? null : { rev: Number(priorRev), body: Number(at(10)), deleted: at(11) },
    bytes: at(12),
    columns: row.slice(13),
  };
}

/** What lists and column blocks see of a version. */
export interface ReadValues {
  readonly fields: Fields;
  readonly columns: readonly SqlValue[];
  readonly values: RecordValues;
}

/** `undefined` where its record cannot be read, which shows elsewhere. */
export function valuesIn({ kind, record }: RevisionRow): ReadValues | undefined {
  const value = parsed<AnyRecord>(unpackText(record));
  if (value === null || !isListed(kind)) return undefined;
  try {
    const fields = listedFields(kind, value);
    const columns = toValues(kind, fields);
    const isWritable = columns.every((one) => one === null || typeof one !== 'object');
    const times = TRACKED_TIMES[kind].map((field) => fields[field] ?? null);
    const values = recordValues(kind, value, fields);
    return isWritable && times.every(isTime) ? { fields, columns, values } : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: Fields[string]): boolean {
  return value === null || (typeof value === 'string' && !Number.isNaN(toMillis(value)));
}
