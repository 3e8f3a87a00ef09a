import type { FieldSpec } from '../../resources/definition.js';
import {
  type AnyRecord,
  byKind,
  FIELDS,
  fieldsOf,
  type Kind,
  type ListedKind,
  type RecordOf,
} from '../../resources/registry.js';
import { type Fields, type FieldValue, fold } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { raiseMark, type TimedRevision, TRACKED_TIMES } from '../high-water-marks.js';
import type { Pin } from '../store.js';
import type { Connection } from './connection.js';
import type { SqlValue } from './driver.js';

/**
 * How one field of a listed kind is kept in that kind's table: in a column of its own, or, when it has several
 * values, as a list in the JSON object `lists`. (Every column more would cost each revision written more than
 * it saves the few filters that ask for it.)
 */
export interface SqlColumn {
  readonly field: string;
  readonly spec: FieldSpec;
  /** The column, quoted, or the list within `lists`. Field names are words: nothing in them needs escaping. */
  readonly sql: string;
  /** What stands for `null` in a column that lists are ordered by: less than any value, yet comparable. */
  readonly absent: SqlValue;
}

/** The fields of a listed kind, without `id`, which every table has. */
export const COLUMNS = byKind(({ kind }): readonly SqlColumn[] => columnsOf(kind));

const ID_COLUMN: SqlColumn = { field: 'id', spec: { type: 'text' }, sql: 'id', absent: null };

export function columnOf(kind: ListedKind, field: string): SqlColumn | undefined {
  return field === 'id' ? ID_COLUMN : COLUMNS[kind].find((column) => column.field === field);
}

export function isSeveral({ spec }: SqlColumn): boolean {
  return spec.type === 'texts';
}

/**
 * The columns in the order of `toValues`. `folded` is a JSON object of the texts, or lists of them, that
 * SQLite's own `lower` does not fold for `contains`, since it knows ASCII only; mostly NULL.
 */
export const COLUMN_NAMES = byKind(({ kind }): readonly string[] => columnNames(kind));

function columnNames(kind: ListedKind): string[] {
  return ['lists', 'folded', ...COLUMNS[kind].filter((column) => !isSeveral(column)).map(({ sql }) => sql)];
}

/** What the columns of `COLUMN_NAMES` hold for these fields. */
export function toValues(kind: ListedKind, fields: Fields): SqlValue[] {
  const lists: Record<string, readonly string[]> = {};
  const values: SqlValue[] = [null, null];
  let isBeyond = isBeyondAscii(fields.id);
  for (const column of COLUMNS[kind]) {
    const value = fields[column.field] ?? null;
    if (isList(value)) lists[column.field] = value;
    else {
      values.push(bound(value) ?? column.absent);
      isBeyond ||= isBeyondAscii(value);
    }
  }
  const json = listsText(lists);
  values[0] = json;
  if (isBeyond || isBeyondAscii(json)) values[1] = foldedText(fields);
  return values;
}

/** The fields of a record of any listed kind. */
export function listedFields(kind: ListedKind, record: AnyRecord): Fields {
  return fieldsOf(kind, record as RecordOf[ListedKind]);
}

export function references(fields: Fields, field: string): string[] {
  const value = fields[field] ?? null;
  if (isList(value)) return value.map(wellFormed);
  return value === null ? [] : [wellFormed(String(value))];
}

/** A field's value as a column of an ordered field gave it. */
export function fromOrdered(column: SqlColumn | undefined, value: SqlValue): FieldValue {
  if ((column && value === column.absent) || value instanceof Uint8Array) return null;
  return typeof value === 'bigint' ? Number(value) : value;
}

/** How a value is bound to be compared with what columns hold. */
export function bound(value: FieldValue): SqlValue {
  if (typeof value === 'boolean') return value ? 1 : 0;
  return typeof value === 'string' ? wellFormed(value) : value;
}

/** Text as SQLite can hold it: halves of surrogate pairs, which UTF-8 has no place for, replaced as Buffer does. */
export function wellFormed(text: string): string {
  return text.toWellFormed();
}

/** Whether a text is a name that SQLite compares whole and gives back as it is: UTF-8 has no half pairs. */
export function isName(text: string): boolean {
  return typeof text === 'string' && text !== '' && !text.includes('\0') && wellFormed(text) === text;
}

function columnsOf(kind: ListedKind): SqlColumn[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  return specs
    .filter(([field]) => field !== 'id')
    .map(([field, spec]) => ({
      field,
      spec,
      sql: spec.type === 'texts' ? `lists -> '$.${field}'` : `"${field}"`,
      absent: !spec.order ? null : spec.type === 'number' ? Number.NEGATIVE_INFINITY : '',
    }));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with them
const BEYOND_ASCII = /[^\x00-\x7f]/;

function isBeyondAscii(value: Fields[string] | undefined): boolean {
  return typeof value === 'string' && BEYOND_ASCII.test(value);
}

function foldedText(fields: Fields): string {
  const folded: Record<string, string | string[]> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (isList(value)) {
      if (value.some(isBeyondAscii)) folded[field] = value.map((part) => wellFormed(fold(part)));
    } else if (typeof value === 'string' && isBeyondAscii(value)) folded[field] = wellFormed(fold(value));
  }
  return JSON.stringify(folded);
}

function listsText(lists: Record<string, readonly string[]>): string {
  const json = JSON.stringify(lists);
  if (!json.includes('\\ud')) return json;
  // JSON.stringify writes half a surrogate pair as an escape, which SQLite would decode to what is not UTF-8
  return JSON.stringify(lists, (_, value) => (typeof value === 'string' ? wellFormed(value) : value));
}

function isList(value: Fields[string] | undefined): value is readonly string[] {
  return Array.isArray(value);
}

const LIVE = `SELECT live FROM tallies WHERE kind = ? AND integration = ? AND seq <= ?
  ORDER BY seq DESC LIMIT 1`;

/** How many records of a listed kind were live after batch `seq`. */
export function liveCountAt(connection: Connection, kind: Kind, integration: number, seq: number): number {
  return Number(connection.first(LIVE, [kind, integration, seq])?.[0] ?? 0);
}

const MARK = `SELECT top FROM tops
  WHERE kind = ? AND field = ? AND integration = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`;
const INSERT_MARK = 'INSERT INTO tops (kind, field, integration, seq, top) VALUES (?, ?, ?, ?, ?)';

/** The newest time of a field recorded up to `seq`, those ahead left out; `null` when there is none. */
export function markAt(
  connection: Connection,
  kind: ListedKind,
  field: string,
  integration: number,
  seq: number,
): Instant | null {
  const row = connection.first(MARK, [kind, field, integration, seq]);
  return row ? String(row[0]) : null;
}

/** Gathers the times of one batch's new revisions, then writes the marks that it leaves behind. */
export class TimeMarks {
  readonly #added = new Map<ListedKind, Map<number, TimedRevision[]>>();

  add(kind: ListedKind, integration: number, rev: number, fields: Fields): void {
    const ofKind = this.#added.get(kind) ?? new Map<number, TimedRevision[]>();
    const added = ofKind.get(integration) ?? [];
    added.push({ rev, fields });
    this.#added.set(kind, ofKind.set(integration, added));
  }

  write(connection: Connection, { seq, at }: Pin): void {
    for (const [kind, ofKind] of this.#added) {
      for (const [integration, added] of ofKind) {
        for (const field of TRACKED_TIMES[kind]) {
          const newest = markAt(connection, kind, field, integration, seq);
          const { raised, ahead } = raiseMark(at, newest, field, added);
          if (raised !== null) connection.run(INSERT_MARK, [kind, field, integration, seq, raised]);
          for (const rev of ahead) connection.run(`UPDATE "${kind}" SET ahead = 1 WHERE rev = ?`, [rev]);
        }
      }
    }
    this.#added.clear();
  }
}
