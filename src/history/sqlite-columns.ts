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
  /** The text folded for `contains`, NULL where `lower` does as much; `null` for fields that are not text. */
  readonly folded: string | null;
  /** What stands for `null` in a column that lists are ordered by: less than any value, yet comparable. */
  readonly absent: SqlValue;
}

export const LISTED_KINDS: readonly ListedKind[] = ['threat', 'case', 'campaign'];

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
export const COLUMN_NAMES: Record<ListedKind, readonly string[]> = {
  threat: columnNames('threat'),
  case: columnNames('case'),
  campaign: columnNames('campaign'),
};

function columnNames(kind: ListedKind): string[] {
  const names = COLUMNS[kind].flatMap(({ sql, folded }) => (folded === null ? [sql] : [sql, folded]));
  return ['"id~"', ...names];
}

/** What the columns of `COLUMN_NAMES` hold for these fields. */
export function toValues(kind: ListedKind, fields: Fields): SqlValue[] {
  const values: SqlValue[] = [foldedText(fields.id ?? null)];
  for (const column of COLUMNS[kind]) {
    const value = fields[column.field] ?? null;
    const isList = column.spec.type === 'texts';
    const stored = isList ? listText(value) : bound(value as FieldValue);
    values.push(stored ?? column.absent);
    if (column.folded !== null) values.push(isList ? foldedList(String(stored), value) : foldedText(value));
  }
  return values;
}

/** The fields of a record of any listed kind. */
export function listedFields(kind: ListedKind, record: AnyRecord): Fields {
  return fieldsOf(kind, record as RecordOf[ListedKind]);
}

/** The values of a `reference` field. */
export function references(fields: Fields, field: string): string[] {
  const value = fields[field] ?? null;
  if (isList(value)) return value.map(wellFormed);
  return value === null ? [] : [wellFormed(String(value))];
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

const SURROGATE = /[\ud800-\udfff]/;

/** Text as SQLite can hold it: halves of surrogate pairs, which UTF-8 has no place for, replaced as Buffer does. */
export function wellFormed(text: string): string {
  return SURROGATE.test(text) ? text.replace(/\p{Surrogate}/gu, '\ufffd') : text;
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

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const BEYOND_ASCII = /[^\x00-\x7f]/;

/** `null` where SQLite's own `lower`, which knows ASCII only, folds as well: nearly always. */
function foldedText(value: FieldValue | readonly string[]): string | null {
  return typeof value === 'string' && BEYOND_ASCII.test(value) ? fold(wellFormed(value)) : null;
}

function foldedList(json: string, value: FieldValue | readonly string[]): string | null {
  return isList(value) && BEYOND_ASCII.test(json) ? listText(value.map(fold)) : null;
}

function listText(value: FieldValue | readonly string[]): string {
  if (!isList(value)) return '[]';
  const json = JSON.stringify(value);
  // JSON.stringify writes half a surrogate pair as an escape, which SQLite would decode to what is not UTF-8
  return json.includes('\\ud') ? JSON.stringify(value.map(wellFormed)) : json;
}

function isList(value: FieldValue | readonly string[]): value is readonly string[] {
  return Array.isArray(value);
}
