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
  readonly seqTo: number;
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

/** The rows of all kinds in the order of their numbers, read a few at a time. */
export class RevisionRows {
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
  const names = isListed(kind) ? COLUMN_NAMES[kind].map((name) => `t.${name}`) : [];
  const own = ['rev', 'integration', 'id', 'seq_from', 'seq_to', 'deleted', 'body', 'ahead', 'verified_seq'];
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
  const [rev, integration, id = null, seqFrom, seqTo, deleted = null, body = null, ahead = null, ...rest] =
    row;
  const [
    verifiedSeq = null,
    record = null,
    priorRev,
    priorBody,
    priorDeleted = null,
    bytes = null,
    ...columns
  ] = rest;
  const prior =
    priorRev === null ? null : { rev: Number(priorRev), body: Number(priorBody), deleted: priorDeleted };
  return {
    ...{ kind, rev: Number(rev), integration: Number(integration), id },
    ...{ seqFrom: Number(seqFrom), seqTo: Number(seqTo), deleted, body, ahead, verifiedSeq, record },
    ...{ prior, bytes, columns },
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
