import { DEFAULT_ORDER, type ListedKind } from '../../resources/registry.js';
import { compareValues, conjuncts, type FieldValue, type Filter } from '../../values/filter.js';
import type { Position } from '../store.js';
import { bound, type Column, columnOf, wellFormed } from './columns.js';
import type { Query } from './connection.js';
import type { SqlValue } from './driver.js';
import { filterSql } from './filter-sql.js';
import { aheadIndex, keyIndex, orderIndex, referenceTable, referenceValue } from './schema.js';

/** One account's part of a list, as the SQL needs it. */
export interface Part {
  readonly kind: ListedKind;
  /** The integration's number. */
  readonly integration: number;
  readonly seq: number;
  readonly filter: Filter | null;
  /** What it is ordered by. */
  readonly column: Column;
  readonly descending: boolean;
  readonly range: KeyRange;
  /** Only those whose field is ahead of their recording, by the index that holds no others. */
  readonly ahead: boolean;
}

/**
 * The first `limit` rows (revision, value, id) of a part, by walking its index; `budget` entries of it at
 * most, or all for -1. Without a filter the table itself is not looked at.
 *
 * The inner query gives the index's entries in their order, as they are asked for, and the outer loops keep
 * that order: CROSS JOIN fixes them. An ORDER BY outside would have SQLite collect everything first.
 */
export function walkSql(part: Part, limit: number, budget: number): Query {
  const { kind, column, filter, seq } = part;
  const deleted = column.field === 'id' ? 'deleted' : '0 AS deleted';
  const inner = entriesSql(part, `rev, ${column.sql} AS value, id, seq_from, seq_to, ${deleted}`, budget);
  const visible = 'w.seq_from <= ? AND w.seq_to > ? AND w.deleted = 0';
  if (filter === null) {
    const sql = `SELECT w.rev, w.value, w.id FROM (${inner.sql}) w WHERE ${visible} LIMIT ?`;
    return { sql, params: [...inner.params, seq, seq, limit] };
  }
  const matching = filterSql(kind, filter);
  return {
    sql: `SELECT w.rev, w.value, w.id FROM (${inner.sql}) w CROSS JOIN "${kind}" t ON t.rev = w.rev
      WHERE ${visible} AND (${matching.sql}) LIMIT ?`,
    params: [...inner.params, seq, seq, ...matching.params, limit],
  };
}

/**
 * The first `limit` places (value, id, number of the record's versions) at which a version recorded up to the view
 * stands, superseded or not, by walking an index as `walkSql` does.
 */
export function recordedSql(part: Part, limit: number): Query {
  const { kind, column, integration, seq } = part;
  const inner = entriesSql(part, `rev, ${column.sql} AS value, id, seq_from`, -1);
  const filter = partFilter(part);
  return {
    sql: `SELECT d.value, d.id, (SELECT count(*) FROM "${kind}" v INDEXED BY ${keyIndex(kind)}
        WHERE v.integration = ? AND v.id = d.id AND v.seq_from <= ?)
      FROM (SELECT DISTINCT w.value, w.id FROM (${inner.sql}) w CROSS JOIN "${kind}" t ON t.rev = w.rev
        WHERE w.seq_from <= ? AND ${filter.sql} LIMIT ?) d`,
    params: [integration, seq, ...inner.params, seq, ...filter.params, limit],
  };
}

/** How many entries a walk would meet, counted up to `budget`. */
export function walkLengthSql(part: Part, budget: number): Query {
  const { sql, params } = entriesSql(part, '1', budget);
  return { sql: `SELECT count(*) FROM (${sql})`, params };
}

function entriesSql(part: Part, what: string, budget: number): Query {
  const { kind, column, descending, integration } = part;
  const direction = descending ? 'DESC' : 'ASC';
  const range = rangeSql(part.range, column);
  const order = column.field === 'id' ? `id ${direction}` : `${column.sql} ${direction}, id ${direction}`;
  return {
    sql: `SELECT ${what} FROM "${kind}" INDEXED BY ${indexOf(part)}
      WHERE integration = ? ${partialOf(part)} ${range.sql} ORDER BY ${order} LIMIT ?`,
    params: [integration, ...range.params, budget],
  };
}

function indexOf({ kind, column, ahead }: Part): string {
  if (column.field === 'id') return keyIndex(kind);
  return ahead ? aheadIndex(kind, column.field) : orderIndex(kind, column.field);
}

function partialOf({ column, ahead }: Part): string {
  if (column.field === 'id') return '';
  return ahead ? 'AND deleted = 0 AND ahead = 1' : 'AND deleted = 0';
}

/** Which rows may match, where that is found quicker than by walking an order. */
interface Candidates extends Query {
  /** Whether they are few, whatever the history's size. */
  readonly few: boolean;
}

/** The revisions written up to a batch, by the number of its last revision. */
export function writtenUpTo(lastRev: number): Candidates {
  return { sql: 't.rev <= ?', params: [lastRev], few: false };
}

/** The revisions that a filter names by id or by what they refer to, if it does so at its top level. */
export function namedBy(kind: ListedKind, integration: number, filter: Filter | null): Candidates | null {
  for (const part of conjuncts(filter)) {
    const values = valuesSought(part);
    if (!('field' in part) || values === null) continue;
    const list = JSON.stringify(values);
    if (part.field === 'id')
      return { sql: `t.id IN (SELECT value FROM json_each(?))`, params: [list], few: true };
    if (!columnOf(kind, part.field)?.spec.reference) continue;
    const revs = `SELECT r.rev FROM json_each(?) v CROSS JOIN ${referenceTable(kind, part.field)} r
      ON r.integration = ? AND r.value = ${referenceValue('v.value')}`;
    return { sql: `t.rev IN (${revs})`, params: [list, integration], few: true };
  }
  return null;
}

function valuesSought(part: Filter): SqlValue[] | null {
  const values = 'eq' in part ? [part.eq] : 'in' in part ? part.in : null;
  if (values === null || values.some((value) => typeof value !== 'string')) return null;
  return values.map(bound);
}

/** The first `limit` rows of a part among candidates, sorted. */
export function pickSql(part: Part, candidates: Query, limit: number): Query {
  const { column, descending } = part;
  const direction = descending ? 'DESC' : 'ASC';
  const { sql, params } = conditionSql(part, candidates);
  return {
    sql: `SELECT t.rev, t.${column.sql}, t.id FROM ${sql}
      ORDER BY t.${column.sql} ${direction}, t.id ${direction} LIMIT ?`,
    params: [...params, limit],
  };
}

/** The first `limit` rows of a part in an order that has no index: all of them sorted. */
export function sortSql(part: Part, limit: number): Query {
  const { kind, column, descending, integration, seq, range } = part;
  const direction = descending ? 'DESC' : 'ASC';
  const intersect = rangeSql(range, column);
  const filter = partFilter(part);
  return {
    sql: `SELECT rev, ${column.sql}, id FROM "${kind}" t INDEXED BY ${orderIndex(kind, DEFAULT_ORDER[kind])}
      WHERE integration = ? AND deleted = 0 AND seq_from <= ? AND seq_to > ? ${intersect.sql} AND ${filter.sql}
      ORDER BY ${column.sql} ${direction}, id ${direction} LIMIT ?`,
    params: [integration, seq, seq, ...intersect.params, ...filter.params, limit],
  };
}

/** How many rows of a part there are among candidates. */
export function countSql(part: Part, candidates: Query): Query {
  const { sql, params } = conditionSql(part, candidates);
  return { sql: `SELECT count(*) FROM ${sql}`, params };
}

/** How many rows of a part there are, along the index of its column. */
export function rangeCountSql(part: Part): Query {
  const range = rangeSql(part.range, part.column);
  const filter = partFilter(part);
  return {
    sql: `SELECT count(*) FROM "${part.kind}" t INDEXED BY ${indexOf(part)}
      WHERE t.integration = ? ${partialOf(part)} ${range.sql}
        AND t.seq_from <= ? AND t.seq_to > ? AND t.deleted = 0 AND ${filter.sql}`,
    params: [part.integration, ...range.params, part.seq, part.seq, ...filter.params],
  };
}

function conditionSql(part: Part, candidates: Query): Query {
  const range = rangeSql(part.range, part.column);
  const filter = partFilter(part);
  // an index on the order would be walked from end to end for the few rows that are wanted
  const from = candidates.sql.startsWith('t.id') ? `INDEXED BY ${keyIndex(part.kind)}` : 'NOT INDEXED';
  return {
    sql: `"${part.kind}" t ${from} WHERE ${candidates.sql} AND t.integration = ?
      AND t.seq_from <= ? AND t.seq_to > ? AND t.deleted = 0 ${range.sql} AND ${filter.sql}`,
    params: [...candidates.params, part.integration, part.seq, part.seq, ...range.params, ...filter.params],
  };
}

function partFilter({ kind, filter }: Part): Query {
  if (filter === null) return { sql: 'TRUE', params: [] };
  const { sql, params } = filterSql(kind, filter);
  return { sql: `(${sql})`, params };
}

/** One end of a stretch of an ordered index. */
interface RangeEnd {
  readonly value: FieldValue;
  /** Whether `value` itself is within. */
  readonly open: boolean;
  /** Within `value`, where the stretch goes on: after or before this id. */
  readonly id?: string;
}

/** A stretch of an index in which all that is wanted lies. */
export interface KeyRange {
  readonly lower: RangeEnd | null;
  readonly upper: RangeEnd | null;
}

/** What the top level of a filter says of one field: the stretch outside which nothing matches. */
export function keyRangeOf(filter: Filter | null, column: Column): KeyRange {
  const all: KeyRange = { lower: null, upper: null };
  return conjuncts(filter).reduce((range, part) => narrowed(range, part, column), all);
}

function narrowed(range: KeyRange, part: Filter, column: Column): KeyRange {
  if (!('field' in part) || part.field !== column.field) return range;
  const isFit = (value: FieldValue) => typeof value === (column.spec.type === 'number' ? 'number' : 'string');
  if ('gte' in part && isFit(part.gte))
    return intersect(range, { lower: { value: part.gte, open: false }, upper: null });
  if ('lte' in part && isFit(part.lte)) {
    // what is absent stands below all values, and is not at most any
    const lower = column.absent === null ? null : { value: null, open: true };
    return intersect(range, { lower, upper: { value: part.lte, open: false } });
  }
  // what is absent has a value in the column, unless the column has none to give it
  const isAbsent = 'eq' in part && part.eq === null && column.absent !== null;
  if ('eq' in part && (isFit(part.eq) || isAbsent)) {
    const only = { value: part.eq, open: false };
    return intersect(range, { lower: only, upper: only });
  }
  return range;
}

/** What lies in both. */
export function intersect(a: KeyRange, b: KeyRange): KeyRange {
  return { lower: tighter(a.lower, b.lower, 1), upper: tighter(a.upper, b.upper, -1) };
}

function tighter(a: RangeEnd | null, b: RangeEnd | null, sign: 1 | -1): RangeEnd | null {
  if (a === null || b === null) return a ?? b;
  const order = sign * compareValues(a.value, b.value);
  if (order !== 0) return order > 0 ? a : b;
  if (a.open || b.open) return a.open ? a : b;
  return a.id === undefined ? b : a;
}

/** What is left of an integration's records after a place in a list of several integrations' records. */
export function after(after: Position | null, integration: string, descending: boolean): KeyRange {
  if (after === null) return { lower: null, upper: null };
  const order = compareValues(integration, after.integration) * (descending ? -1 : 1);
  const edge: RangeEnd =
    order === 0 ? { value: after.value, open: false, id: after.id } : { value: after.value, open: order < 0 };
  return descending ? { lower: null, upper: edge } : { lower: edge, upper: null };
}

/** The stretch as a condition on a column. */
function rangeSql({ lower, upper }: KeyRange, column: Column): Query {
  const ends = [lower && endSql(lower, column, '>'), upper && endSql(upper, column, '<')];
  const queries = ends.filter((end): end is Query => end !== null);
  return {
    sql: queries.map(({ sql }) => ` AND ${sql}`).join(''),
    params: queries.flatMap(({ params }) => params),
  };
}

function endSql(end: RangeEnd, column: Column, operator: '>' | '<'): Query {
  const value: SqlValue = end.value === null ? column.absent : bound(end.value);
  if (end.id !== undefined)
    return { sql: `(${column.sql}, id) ${operator} (?, ?)`, params: [value, wellFormed(end.id)] };
  return { sql: `${column.sql} ${operator}${end.open ? '' : '='} ?`, params: [value] };
}
