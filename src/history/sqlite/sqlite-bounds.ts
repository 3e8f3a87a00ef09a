import { compareValues, conjuncts, type FieldValue, type Filter } from '../../values/filter.js';
import type { Position } from '../store.js';
import { bound, type Column, wellFormed } from './columns.js';
import type { SqlValue } from './driver.js';
import type { Query } from './sqlite-connection.js';

/** One end of a stretch of an ordered index. */
export interface Bound {
  readonly value: FieldValue;
  /** Whether `value` itself is within. */
  readonly open: boolean;
  /** Within `value`, where the stretch goes on: after or before this id. */
  readonly id?: string;
}

/** A stretch of an index in which all that is wanted lies. */
export interface Stretch {
  readonly lower: Bound | null;
  readonly upper: Bound | null;
}

/** What the top level of a filter says of one field: the stretch outside which nothing matches. */
export function stretchOf(filter: Filter | null, column: Column): Stretch {
  const all: Stretch = { lower: null, upper: null };
  return conjuncts(filter).reduce((stretch, part) => narrowed(stretch, part, column), all);
}

function narrowed(stretch: Stretch, part: Filter, column: Column): Stretch {
  if (!('field' in part) || part.field !== column.field) return stretch;
  const isFit = (value: FieldValue) => typeof value === (column.spec.type === 'number' ? 'number' : 'string');
  if ('gte' in part && isFit(part.gte))
    return within(stretch, { lower: { value: part.gte, open: false }, upper: null });
  if ('lte' in part && isFit(part.lte)) {
    // what is absent stands below all values, and is not at most any
    const lower = column.absent === null ? null : { value: null, open: true };
    return within(stretch, { lower, upper: { value: part.lte, open: false } });
  }
  // what is absent has a value in the column, unless the column has none to give it
  const isAbsent = 'eq' in part && part.eq === null && column.absent !== null;
  if ('eq' in part && (isFit(part.eq) || isAbsent)) {
    const only = { value: part.eq, open: false };
    return within(stretch, { lower: only, upper: only });
  }
  return stretch;
}

/** What lies in both. */
export function within(a: Stretch, b: Stretch): Stretch {
  return { lower: tighter(a.lower, b.lower, 1), upper: tighter(a.upper, b.upper, -1) };
}

function tighter(a: Bound | null, b: Bound | null, sign: 1 | -1): Bound | null {
  if (a === null || b === null) return a ?? b;
  const order = sign * compareValues(a.value, b.value);
  if (order !== 0) return order > 0 ? a : b;
  if (a.open || b.open) return a.open ? a : b;
  return a.id === undefined ? b : a;
}

/** What is left of an integration's records after a place in a list of several integrations' records. */
export function beyond(after: Position | null, integration: string, descending: boolean): Stretch {
  if (after === null) return { lower: null, upper: null };
  const order = compareValues(integration, after.integration) * (descending ? -1 : 1);
  const edge: Bound =
    order === 0 ? { value: after.value, open: false, id: after.id } : { value: after.value, open: order < 0 };
  return descending ? { lower: null, upper: edge } : { lower: edge, upper: null };
}

/** The stretch as a condition on a column. */
export function stretchSql({ lower, upper }: Stretch, column: Column): Query {
  const ends = [lower && endSql(lower, column, '>'), upper && endSql(upper, column, '<')];
  const queries = ends.filter((end): end is Query => end !== null);
  return {
    sql: queries.map(({ sql }) => ` AND ${sql}`).join(''),
    params: queries.flatMap(({ params }) => params),
  };
}

function endSql(end: Bound, column: Column, operator: '>' | '<'): Query {
  const value: SqlValue = end.value === null ? column.absent : bound(end.value);
  if (end.id !== undefined)
    return { sql: `(${column.sql}, id) ${operator} (?, ?)`, params: [value, wellFormed(end.id)] };
  return { sql: `${column.sql} ${operator}${end.open ? '' : '='} ?`, params: [value] };
}
