import type { ListedKind } from '../../resources/registry.js';
import { type FieldValue, type Filter, fold } from '../../values/filter.js';
import { bound, type Column, columnOf, isSeveral, wellFormed } from './columns.js';
import type { Query } from './connection.js';
import type { SqlValue } from './driver.js';

type Leaf = Extract<Filter, { readonly field: string }>;

const ALWAYS: Query = { sql: 'TRUE', params: [] };
const NEVER: Query = { sql: 'FALSE', params: [] };

/**
 * The filter as a condition on a kind's table under the alias `t`, with the meaning of `isMatch`. No part of
 * it is ever NULL, so that NOT turns every false into true.
 */
export function filterSql(kind: ListedKind, filter: Filter): Query {
  if ('and' in filter) return joined(kind, filter.and, 'AND', ALWAYS);
  if ('or' in filter) return joined(kind, filter.or, 'OR', NEVER);
  if ('not' in filter) {
    const inner = filterSql(kind, filter.not);
    return { sql: `NOT (${inner.sql})`, params: inner.params };
  }
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

function isNullSought(leaf: Leaf): boolean {
  if ('eq' in leaf) return leaf.eq === null;
  return 'in' in leaf && leaf.in.includes(null);
}

function scalarSql(column: Column, leaf: Leaf): Query {
  const name = `t.${column.sql}`;
  const present =
    column.absent === null ? { sql: `${name} IS NOT NULL`, params: [] } : isNot(name, column.absent);
  const folded = `coalesce(t.folded ->> '$.${column.field}', lower(${name}))`;
  const found = both(present, comparison(column, name, folded, leaf));
  return isNullSought(leaf) ? either(negated(present), found) : found;
}

function listSql(column: Column, leaf: Leaf): Query {
  const { field } = column;
  const { sql, params } = comparison(column, 'j.value', 'j.value', leaf);
  const folded = `coalesce(t.folded -> '$.${field}', lower(t.${column.sql}))`;
  const list = 'contains' in leaf ? folded : `t.lists, '$.${field}'`;
  const found = { sql: `EXISTS (SELECT 1 FROM json_each(${list}) j WHERE ${sql})`, params };
  const none = { sql: `json_array_length(t.lists, '$.${field}') = 0`, params: [] };
  return isNullSought(leaf) ? either(none, found) : found;
}

/** What is asked of a value that is there. */
function comparison(column: Column, value: string, folded: string, leaf: Leaf): Query {
  if ('eq' in leaf) return equal(column, value, [leaf.eq]);
  if ('in' in leaf) return equal(column, value, leaf.in);
  if ('gte' in leaf) return ordered(column, value, '>=', leaf.gte);
  if ('lte' in leaf) return ordered(column, value, '<=', leaf.lte);
  if (column.spec.type === 'number' || column.spec.type === 'boolean') return NEVER;
  return { sql: `instr(${folded}, ?) > 0`, params: [wellFormed(fold(leaf.contains))] };
}

function equal(column: Column, value: string, wanted: readonly FieldValue[]): Query {
  const fitting = wanted.filter((one) => typeof one === jsType(column)).map(bound);
  if (fitting.length === 0) return NEVER;
  if (fitting.length === 1) return { sql: `${value} = ?`, params: fitting };
  return { sql: `${value} IN (SELECT value FROM json_each(?))`, params: [JSON.stringify(fitting)] };
}

function ordered(column: Column, value: string, operator: string, limit: string | number): Query {
  if (jsType(column) === 'string' || typeof limit === 'number') {
    return { sql: `${value} ${operator} ?`, params: [bound(limit)] };
  }
  const number = Number(limit);
  if (Number.isNaN(number)) return operator === '>=' ? ALWAYS : NEVER;
  return { sql: `${value} ${operator} ?`, params: [number] };
}

function jsType({ spec }: Column): 'string' | 'number' | 'boolean' {
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
