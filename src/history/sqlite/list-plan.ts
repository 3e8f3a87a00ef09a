import type { ListedKind } from '../../resources/registry.js';
import { compareValues, conjuncts, type FieldValue, type Filter } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import type { ListQuery, Position } from '../store.js';
import { columnOf, type SqlColumn } from './columns.js';
import type { Limits } from './query-worker.js';
import { isWalked } from './schema.js';

/**
 * Where the records of a list are found.
 * - `NAMED`: by the ids or references that the filter names
 * - `INDEX`: along the index of the order
 * - `WRITTEN_UP_TO`: among all revisions that the view's batches wrote
 * - `ALL`: among all revisions, sorted
 */
type ListSource = 'NAMED' | 'INDEX' | 'WRITTEN_UP_TO' | 'ALL';

/** The part of a list that is in one integration, and in a view of the past on one side of its high-water mark. */
export interface Part {
  readonly kind: ListedKind;
  readonly integration: number;
  readonly seq: number;
  readonly filter: Filter | null;
  readonly column: SqlColumn;
  readonly descending: boolean;
  readonly range: KeyRange;
  /** Only those whose field is ahead of their recording, by the index that holds no others. */
  readonly ahead: boolean;
}

export interface ListPlan {
  readonly source: ListSource;
  readonly parts: readonly Part[];
  readonly place: 'INLINE' | 'QUERY_WORKER';
  /** How many index entries of a part are walked inline first, which is enough if all parts end there; `null`: none. */
  readonly budget: number | null;
  /** The view's last revision. */
  readonly lastRev: number;
}

/** A page, a count, or a page of what was ever recorded. */
export interface PlanRequest extends Omit<ListQuery, 'integrations'> {
  readonly goal: 'PAGE' | 'COUNT' | 'RECORDED';
  readonly descending: boolean;
  readonly after: Position | null;
}

/** What a plan depends on besides the request. */
interface ListFacts {
  readonly integrations: readonly {
    readonly n: number;
    readonly name: string;
    /** The high-water mark of the order in a view of the past. */
    readonly mark?: Instant | null;
  }[];
  /** The last revision of the view, and of the history. */
  readonly viewRev: number;
  readonly lastRev: number;
  readonly limits: Limits;
}

/** How much larger than a view a history is for which the view's revisions are sorted rather than an index walked. */
const FACTOR = 20;

/** A filter makes a walk read each row, which takes several times as long as an entry of an index. */
const FILTERED_COST = 4;

type Choice = readonly [
  applies: boolean,
  source: ListSource,
  place: ListPlan['place'],
  firstWalk?: 'SHORT_WALK',
];

/** Chooses the cheapest way to answer a list: the first row of its table that applies, or else along the index. */
export function planList(request: PlanRequest, column: SqlColumn, facts: ListFacts): ListPlan {
  const { kind, filter, goal } = request;
  const { viewRev, lastRev, limits } = facts;
  const rest = undecided(filter, column);
  const [own, wanted] = [{ ...request, filter: rest }, keyRangeOf(filter, column)];
  const parts = facts.integrations.flatMap((integration) => partsOf(own, wanted, column, integration));
  const isNamed = parts.length === 0 || namedKeys(kind, filter) !== null;
  const isShort = lastRev <= limits.scan;
  const isShortView = viewRev <= limits.scan;
  const ifShort = isShort ? 'INLINE' : 'QUERY_WORKER';
  const ifShortView = isShortView ? 'INLINE' : 'QUERY_WORKER';
  const tables: Record<PlanRequest['goal'], readonly Choice[]> = {
    PAGE: [
      [isNamed, 'NAMED', 'INLINE'],
      [!isWalked(column), 'ALL', ifShort],
      [isShort, 'INDEX', 'INLINE'],
      [isShortView, 'WRITTEN_UP_TO', 'INLINE'],
      [viewRev * FACTOR < lastRev, 'WRITTEN_UP_TO', 'QUERY_WORKER', 'SHORT_WALK'],
      [true, 'INDEX', 'QUERY_WORKER', 'SHORT_WALK'],
    ],
    COUNT: [
      [isNamed, 'NAMED', 'INLINE'],
      [keyRangeOf(filter, column).lower !== null, 'INDEX', ifShortView],
      [true, 'WRITTEN_UP_TO', ifShortView],
    ],
    RECORDED: [],
  };
  const alongIndex: Choice = [true, 'INDEX', ifShort];
  const [, source, place, firstWalk] = tables[goal].find(([applies]) => applies) ?? alongIndex;
  const budget = firstWalk ? Math.ceil(limits.walk / (rest ? FILTERED_COST : 1) / parts.length) : null;
  return { source, parts, place, budget, lastRev: viewRev };
}

/** One part, or, where there is a high-water mark, those up to it and those ahead of it. */
function partsOf(
  { kind, filter, seq, descending, after: place }: PlanRequest,
  wanted: KeyRange,
  column: SqlColumn,
  { n, name, mark }: ListFacts['integrations'][number],
): Part[] {
  const range = intersect(wanted, after(place, name, descending));
  const part = { kind, filter, seq, descending, column, integration: n, range, ahead: false };
  if (mark === undefined) return [part];
  const upTo = { lower: null, upper: { value: mark, open: false } };
  const ahead = { lower: { value: mark, open: true }, upper: null };
  return [
    { ...part, range: intersect(range, upTo) },
    { ...part, range: intersect(range, ahead), ahead: true },
  ];
}

/** The ids or referenced values that a filter names, if it does so at its top level. */
export function namedKeys(
  kind: ListedKind,
  filter: Filter | null,
): { readonly field: string; readonly values: readonly string[] } | null {
  for (const part of conjuncts(filter)) {
    if (!('field' in part)) continue;
    const { field } = part;
    const values = 'eq' in part ? [part.eq] : 'in' in part ? part.in : [null];
    const isNaming = field === 'id' || columnOf(kind, field)?.spec.reference;
    if (isNaming && values.every((value) => typeof value === 'string')) return { field, values };
  }
  return null;
}

/** One end of a range of an ordered index. */
export interface RangeEnd {
  readonly value: FieldValue;
  /** Whether `value` itself is excluded. */
  readonly open: boolean;
  /** Within `value`, the id after or before which the range continues. */
  readonly id?: string;
}

/** A range of an index that holds everything that is wanted. */
export interface KeyRange {
  readonly lower: RangeEnd | null;
  readonly upper: RangeEnd | null;
}

/** The range of a field outside which nothing matches, by the top level of a filter. */
export function keyRangeOf(filter: Filter | null, column: SqlColumn): KeyRange {
  const all: KeyRange = { lower: null, upper: null };
  return conjuncts(filter).reduce((range, part) => narrowed(range, part, column), all);
}

function narrowed(range: KeyRange, part: Filter, column: SqlColumn): KeyRange {
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

/**
 * What a filter asks beyond the range of an instant, so that a walk along its index need not look at the table. Only
 * instants: in other columns a value may be equal to what stands for `null`, or be written in several ways.
 */
function undecided(filter: Filter | null, column: SqlColumn): Filter | null {
  if (column.spec.type !== 'instant') return filter;
  const parts = conjuncts(filter);
  const rest = parts.filter((part) => !isOfRange(part, column));
  if (rest.length === parts.length) return filter;
  return rest.length === 0 ? null : { and: rest };
}

function isOfRange(part: Filter, { field, absent }: SqlColumn): boolean {
  if (!('field' in part) || part.field !== field) return false;
  const value = 'lte' in part ? part.lte : 'gte' in part ? part.gte : null;
  return typeof value === 'string' && compareValues(value, absent as FieldValue) > 0;
}

function intersect(a: KeyRange, b: KeyRange): KeyRange {
  return { lower: tighter(a.lower, b.lower, 1), upper: tighter(a.upper, b.upper, -1) };
}

function tighter(a: RangeEnd | null, b: RangeEnd | null, sign: 1 | -1): RangeEnd | null {
  if (a === null || b === null) return a ?? b;
  const order = sign * compareValues(a.value, b.value);
  if (order !== 0) return order > 0 ? a : b;
  if (a.open || b.open) return a.open ? a : b;
  if (a.id === undefined || b.id === undefined) return a.id === undefined ? b : a;
  return sign * compareValues(a.id, b.id) > 0 ? a : b;
}

/** What is left of a part after one of its rows. */
export function continued(part: Part, { value, id }: Pick<Position, 'value' | 'id'>): Part {
  const edge: RangeEnd = { value, open: false, id };
  const rest = part.descending ? { lower: null, upper: edge } : { lower: edge, upper: null };
  return { ...part, range: intersect(part.range, rest) };
}

/** What is left of an integration's records after a place in a list of several integrations' records. */
function after(after: Position | null, integration: string, descending: boolean): KeyRange {
  if (after === null) return { lower: null, upper: null };
  const order = compareValues(integration, after.integration) * (descending ? -1 : 1);
  const edge: RangeEnd =
    order === 0 ? { value: after.value, open: false, id: after.id } : { value: after.value, open: order < 0 };
  return descending ? { lower: null, upper: edge } : { lower: edge, upper: null };
}
