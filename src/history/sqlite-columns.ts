import { FIELDS, type FieldSpec, fieldsOf } from '../model/fields.js';
import { type Fields, type FieldValue, fold } from '../model/filter.js';
import type { Kind, ListedKind } from '../model/kind.js';
import type { AnyRecord, RecordOf } from '../model/records.js';
import type { SqlValue } from './sqlite-connection.js';

/** How one field of a listed kind is kept in that kind's table. */
export interface Column {
  readonly field: string;
  readonly spec: FieldSpec;
  /** Quoted; field names are words, so nothing in them needs escaping. */
  readonly sql: string;
  /** The text folded for `contains`, NULL where folding changes nothing; `null` for fields that are not text. */
  readonly folded: string | null;
  /** What stands for `null` in a column that lists are ordered by: less than any value, yet comparable. */
  readonly absent: SqlValue;
}

/** The columns of a listed kind, without `id`, which every table has. */
export const COLUMNS: Record<ListedKind, readonly Column[]> = {
  threat: columnsOf('threat'),
  case: columnsOf('case'),
  campaign: columnsOf('campaign'),
};

export function isListed(kind: Kind): kind is ListedKind {
  return Object.hasOwn(FIELDS, kind);
}

/** The id, which has a plain column of its own in every table; in those of listed kinds it is folded too. */
export const ID_COLUMN: Column = {
  field: 'id',
  spec: { type: 'text' },
  sql: 'id',
  folded: '"id~"',
  absent: null,
};

export function columnOf(kind: ListedKind, field: string): Column | undefined {
  return field === 'id' ? ID_COLUMN : COLUMNS[kind].find((column) => column.field === field);
}

/** The quoted columns in the order of `toValues`. */
export function columnNames(kind: ListedKind): string[] {
  const names = COLUMNS[kind].flatMap(({ sql, folded }) => (folded === null ? [sql] : [sql, folded]));
  return ['"id~"', ...names];
}

/** What the columns of `columnNames` hold for these fields. */
export function toValues(kind: ListedKind, fields: Fields): SqlValue[] {
  const values = COLUMNS[kind].flatMap((column) => {
    const value = fields[column.field] ?? null;
    return column.folded === null ? [stored(column, value)] : [stored(column, value), foldedValue(value)];
  });
  return [foldedValue(fields.id ?? null), ...values];
}

/** The fields of a record of any listed kind. */
export function listedFields(kind: ListedKind, record: AnyRecord): Fields {
  return fieldsOf(kind, record as RecordOf[ListedKind]);
}

/** The values of a `reference` field. */
export function references(fields: Fields, field: string): string[] {
  const value = fields[field] ?? null;
  return (Array.isArray(value) ? value : value === null ? [] : [value]).map((v) => wellFormed(String(v)));
}

/** A field's value as a column of an ordered field gave it. */
export function fromOrdered(column: Column | undefined, value: SqlValue): FieldValue {
  return column && value === column.absent ? null : value;
}

/** How a value is bound to be compared with what columns hold. */
export function bound(value: FieldValue): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? wellFormed(value) : value;
}

/** Text as SQLite can hold it: halves of surrogate pairs, which UTF-8 has no place for, replaced as Buffer does. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function columnsOf(kind: ListedKind): Column[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  return specs
    .filter(([field]) => field !== 'id')
    .map(([field, spec]) => ({
      field,
      spec,
      sql: `"${field}"`,
      folded: spec.type === 'text' || spec.type === 'texts' ? `"${field}~"` : null,
      absent: !spec.order ? null : spec.type === 'number' ? Number.NEGATIVE_INFINITY : '',
    }));
}

function stored(column: Column, value: FieldValue | readonly string[]): SqlValue {
  if (column.spec.type === 'texts') return listText(value);
  const plain = bound(value as FieldValue);
  return plain === null ? column.absent : plain;
}

function foldedValue(value: FieldValue | readonly string[]): SqlValue {
  if (typeof value === 'string') return differing(wellFormed(value), fold(wellFormed(value)));
  return Array.isArray(value) ? differing(listText(value), listText(value.map(fold))) : null;
}

function differing(text: string, folded: string): string | null {
  return folded === text ? null : folded;
}

function listText(value: unknown): string {
  return JSON.stringify(Array.isArray(value) ? value.map((part) => wellFormed(String(part))) : []);
}
