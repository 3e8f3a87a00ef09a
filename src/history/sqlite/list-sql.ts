import { DEFAULT_ORDER, type ListedKind } from '../../resources/registry.js';
import { type Comparison, type FieldValue, type Filter, fold, isNullSought } from '../../values/filter.js';
import { bound, columnOf, isSeveral, type SqlColumn, wellFormed } from './columns.js';
import type { Query } from './connection.js';
import type { SqlValue } from './driver.js';
import { type KeyRange, type ListPlan, namedKeys, type Part, type RangeEnd } from './list-plan.js';
import { aheadIndex, keyIndex, orderIndex, referenceTable, referenceValue } from './schema.js';

export const EVERY_ENTRY = -1;

/** The first `limit` rows (revision, value, id) of a part, as its plan says. */
export function pageSql({ source, lastRev }: ListPlan, part: Part, limit: number): Query {
  switch (source) {
    case 'NAMED':
      return pickSql(part, namedBy(part), limit);
    case 'WRITTEN_UP_TO':
      return pickSql(part, writtenUpTo(lastRev), limit);
    case 'ALL':
      return sortSql(part, limit);
    case 'INDEX':
      return walkSql(part, limit, EVERY_ENTRY);
  }
}

/** The first `limit` rows of a part among revisions that are known. */
export function foundSql(part: Part, revs: readonly number[], limit: number): Query {
  const params = [JSON.stringify(revs)];
  return pickSql(part, { sql: 't.rev IN (SELECT value FROM json_each(?))', params }, limit);
}

/** How many rows of a part there are, as its plan says. */
export function countSql({ source, lastRev }: ListPlan, part: Part): Query {
  if (source === 'INDEX') return rangeCountSql(part);
  const { sql, params } = conditionSql(part, source === 'NAMED' ? namedBy(part) : writtenUpTo(lastRev));
  return { sql: `SELECT count(*) FROM ${sql}`, params };
}

/** The revisions of a part. */
export function matchingSql({ source, lastRev }: ListPlan, part: Part): Query {
  const { sql, params } = conditionSql(part, source === 'NAMED' ? namedBy(part) : writtenUpTo(lastRev));
  return { sql: `SELECT t.rev FROM ${sql}`, params };
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
 * The first `limit` places (value, id) at which a version recorded up to the view stands, superseded or not, by walking
 * an index as `walkSql` does.
 */
export function recordedSql(part: Part, limit: number): Query {
  const { kind, column, seq } = part;
  const inner = entriesSql(part, `rev, ${column.sql} AS value, id, seq_from`, EVERY_ENTRY);
  const filter = partFilter(part);
  return {
    sql: `SELECT DISTINCT w.value, w.id FROM (${inner.sql}) w CROSS JOIN "${kind}" t ON t.rev = w.rev
      WHERE w.seq_from <= ? AND ${filter.sql} LIMIT ?`,
    params: [...inner.params, seq, ...filter.params, limit],
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

/** A condition on `t` that holds for the revisions written up to a batch whose last revision is `lastRev`. */
function writtenUpTo(lastRev: number): Query {
  return { sql: 't.rev <= ?', params: [lastRev] };
}

/** A condition on `t` that holds for the revisions that a part's filter names. */
function namedBy({ kind, integration, filter }: Part): Query {
  const named = namedKeys(kind, filter);
  const list = JSON.stringify(named?.values.map(bound) ?? []);
  if (!named || named.field === 'id')
    return { sql: 't.id IN (SELECT value FROM json_each(?))', params: [list] };
  const revs = `SELECT r.rev FROM json_each(?) v CROSS JOIN ${referenceTable(kind, named.field)} r
      ON r.integration = ? AND r.value = ${referenceValue('v.value')}`;
  return { sql: `t.rev IN (${revs})`, params: [list, integration] };
}

/** The first `limit` rows of a part among candidates, sorted. */
function pickSql(part: Part, candidates: Query, limit: number): Query {
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
function sortSql(part: Part, limit: number): Query {
  const { kind, column, descending, integration, seq, range } = part;
  const direction = descending ? 'DESC' : 'ASC';
  const within = rangeSql(range, column);
  const filter = partFilter(part);
  return {
    sql: `SELECT rev, ${column.sql}, id FROM "${kind}" t INDEXED BY ${orderIndex(kind, DEFAULT_ORDER[kind])}
      WHERE integration = ? AND deleted = 0 AND seq_from <= ? AND seq_to > ? ${within.sql} AND ${filter.sql}
      ORDER BY ${column.sql} ${direction}, id ${direction} LIMIT ?`,
    params: [integration, seq, seq, ...within.params, ...filter.params, limit],
  };
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
  // SQLite would otherwise walk an index of the order from end to end for the few rows that are wanted
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

/** The range as a condition on a column. */
function rangeSql({ lower, upper }: KeyRange, column: SqlColumn): Query {
  const ends = [lower && endSql(lower, column, '>'), upper && endSql(upper, column, '<')];
  const queries = ends.filter((end): end is Query => end !== null);
  return {
    sql: queries.map(({ sql }) => ` AND ${sql}`).join(''),
    params: queries.flatMap(({ params }) => params),
  };
}

function endSql(end: RangeEnd, column: SqlColumn, operator: '>' | '<'): Query {
  const value: SqlValue = end.value === null ? column.absent : bound(end.value);
  if (end.id !== undefined)
    return { sql: `(${column.sql}, id) ${operator} (?, ?)`, params: [value, wellFormed(end.id)] };
  return { sql: `${column.sql} ${operator}${end.open ? '' : '='} ?`, params: [value] };
}

/** In filters, the number of a revision: of parts that blocks have decided. */
export const REVISION = '$rev';

const ALWAYS: Query = { sql: 'TRUE', params: [] };
const NEVER: Query = { sql: 'FALSE', params: [] };

/**
 * The filter as a condition on a kind's table under the alias `t`, with the meaning of `isMatch`. No part of
 * it is ever NULL, so that NOT turns every false into true.
 */
function filterSql(kind: ListedKind, filter: Filter): Query {
  if ('and' in filter) return joined(kind, filter.and, 'AND', ALWAYS);
  if ('or' in filter) return joined(kind, filter.or, 'OR', NEVER);
  if ('not' in filter) {
    const inner = filterSql(kind, filter.not);
    return { sql: `NOT (${inner.sql})`, params: inner.params };
  }
  if ('some' in filter) throw new TypeError('no column has what items have: blocks decide it');
  if (filter.field === REVISION && 'in' in filter)
    return { sql: 't.rev IN (SELECT value FROM json_each(?))', params: [JSON.stringify(filter.in)] };
  const column = columnOf(kind, filter.field);
  if (column === undefined) return isNullSought(filter) ? ALWAYS : NEVER;
  return isSeveral(column) ? listSql(column, filter) : scalarSql(column, filter);
}

function joined(kind: ListedKind, parts: readonly Filter[], operator: string, none: Query): Query {
  if (parts.length === 0) return none;
  const queries = parts.map((part) => filterSql(kind, part));
  return {
    sql: queries.map(({ sql }) => `(${sql})`).join(` ${operator} `),
    params: queries.flatMap(({ params }) => params),
  };
}

function scalarSql(column: SqlColumn, leaf: Comparison): Query {
  const name = `t.${column.sql}`;
  const present =
    column.absent === null ? { sql: `${name} IS NOT NULL`, params: [] } : isNot(name, column.absent);
  const folded = `coalesce(t.folded ->> '$.${column.field}', lower(${name}))`;
  const found = both(present, comparison(column, name, folded, leaf));
  return isNullSought(leaf) ? either(negated(present), found) : found;
}

function listSql(column: SqlColumn, leaf: Comparison): Query {
  const { field } = column;
  const { sql, params } = comparison(column, 'j.value', 'j.value', leaf);
  const folded = `coalesce(t.folded -> '$.${field}', lower(t.${column.sql}))`;
  const list = 'contains' in leaf || 'startsWith' in leaf ? folded : `t.lists, '$.${field}'`;
  const found = { sql: `EXISTS (SELECT 1 FROM json_each(${list}) j WHERE ${sql})`, params };
  const none = { sql: `json_array_length(t.lists, '$.${field}') = 0`, params: [] };
  return isNullSought(leaf) ? either(none, found) : found;
}

/** What is asked of a value that is there. */
function comparison(column: SqlColumn, value: string, folded: string, leaf: Comparison): Query {
  if ('eq' in leaf) return equal(column, value, [leaf.eq]);
  if ('in' in leaf) return equal(column, value, leaf.in);
  if ('gte' in leaf) return ordered(column, value, '>=', leaf.gte);
  if ('lte' in leaf) return ordered(column, value, '<=', leaf.lte);
  if (column.spec.type === 'number' || column.spec.type === 'boolean') return NEVER;
  if ('contains' in leaf)
    return { sql: `instr(${folded}, ?) > 0`, params: [wellFormed(fold(leaf.contains))] };
  return { sql: `instr(${folded}, ?) = 1`, params: [wellFormed(fold(leaf.startsWith))] };
}

function equal(column: SqlColumn, value: string, wanted: readonly FieldValue[]): Query {
  const fitting = wanted.filter((one) => typeof one === jsType(column)).map(bound);
  if (fitting.length === 0) return NEVER;
  if (fitting.length === 1) return { sql: `${value} = ?`, params: fitting };
  return { sql: `${value} IN (SELECT value FROM json_each(?))`, params: [JSON.stringify(fitting)] };
}

function ordered(column: SqlColumn, value: string, operator: string, limit: string | number): Query {
  if (jsType(column) === 'string' || typeof limit === 'number') {
    return { sql: `${value} ${operator} ?`, params: [bound(limit)] };
  }
  const number = Number(limit);
  if (Number.isNaN(number)) return operator === '>=' ? ALWAYS : NEVER;
  return { sql: `${value} ${operator} ?`, params: [number] };
}

function jsType({ spec }: SqlColumn): 'string' | 'number' | 'boolean' {
  return spec.type === 'number' || spec.type === 'boolean' ? spec.type : 'string';
}

function isNot(name: string, value: SqlValue): Query {
  return { sql: `${name} <> ?`, params: [value] };
}

function both(a: Query, b: Query): Query {
  return { sql: `(${a.sql} AND ${b.sql})`, params: [...a.params, ...b.params] };
}

function either(a: Query, b: Query): Query {
  return { sql: `(${a.sql} OR ${b.sql})`, params: [...a.params, ...b.params] };
}

function negated({ sql, params }: Query): Query {
  return { sql: `NOT (${sql})`, params };
}
