import type { Observation } from '../model/revision.js';
import {
  type AnyRecord,
  byKind,
  DEFINITION_OF,
  isListed,
  type ListedKind,
  type RecordOf,
} from '../resources/registry.js';
import { compareValues, type Fields } from '../values/filter.js';
import { DAY, type Instant, latest, toInstant, toMillis } from '../values/instant.js';

// The index of a time also contains what was recorded after a view of the past. Each batch therefore stores
// how far the times reached, and a page of that view starts there. MongoDB stores a range of values for all
// integrations; SQLite the newest time of each integration. A time in the far future would raise that for
// good, so such records are marked as ahead, do not count, and have their own index.

/** The times of each kind that lists can be ordered by. */
export const TRACKED_TIMES = byKind(({ fields }) =>
  Object.keys(fields).filter((field) => fields[field]?.type === 'instant' && fields[field]?.order),
);

/** Of one field, and whether the value was ever missing. */
export interface FieldRange {
  readonly min: Instant | null;
  readonly max: Instant | null;
  readonly nulls: boolean;
}

/** Of each tracked time, from the first batch to this one. */
export type HighWaterMarks = Readonly<Record<ListedKind, Readonly<Record<string, FieldRange>>>>;

const NONE: FieldRange = { min: null, max: null, nulls: false };

/**
 * The range of the time between the first and the last item of a record, as instants after 1970. `nulls`: a record has
 * items with and without a time, or earlier gateways wrote records without this range.
 */
export const ITEM_SPAN = 'itemSpan';
export const UNKNOWN_SPAN: FieldRange = { ...NONE, nulls: true };

export function noMarks(): HighWaterMarks {
  return byKind(({ kind, items }) => {
    const ranges = [...TRACKED_TIMES[kind], ...(items ? [ITEM_SPAN] : [])];
    return Object.fromEntries(ranges.map((range) => [range, NONE]));
  });
}

/** Of a batch's observations alone. */
export function marksOf(observed: ReadonlyMap<Observation, Fields | null>): HighWaterMarks {
  let marks = noMarks();
  for (const [{ key, record }, fields] of observed) {
    if (isListed(key.kind) && fields) marks = widenMarks(marks, key.kind, fields, record);
  }
  return marks;
}

/** With one more record. */
export function widenMarks(
  marks: HighWaterMarks,
  kind: ListedKind,
  fields: Fields,
  record: AnyRecord,
): HighWaterMarks {
  const own = { ...marks[kind] };
  for (const [field, range] of Object.entries(own)) {
    const value = field === ITEM_SPAN ? itemSpan(kind, fields, record) : fields[field];
    own[field] = widened(range, value ?? null);
  }
  return { ...marks, [kind]: own };
}

function itemSpan(kind: ListedKind, fields: Fields, record: AnyRecord): Instant | null {
  const { items, defaultOrder, earliestField } = DEFINITION_OF[kind];
  const [first, last] = [fields[earliestField], fields[defaultOrder]];
  if (!items || typeof first !== 'string' || typeof last !== 'string') return toInstant(0);
  const all = items.of(record as RecordOf[ListedKind]);
  if (all.some((item) => typeof item[items.time] !== 'string')) return null;
  const span = toMillis(last) - toMillis(first);
  return span <= END_OF_TIME_MS ? toInstant(span) : null;
}

function widened(range: FieldRange, value: Fields[string]): FieldRange {
  if (typeof value !== 'string') return { ...range, nulls: true };
  return {
    min: range.min === null || compareValues(value, range.min) < 0 ? value : range.min,
    max: range.max === null || compareValues(value, range.max) > 0 ? value : range.max,
    nulls: range.nulls,
  };
}

/** The stage of a MongoDB update pipeline that widens `extents` by `added`. */
export function widenStage(added: HighWaterMarks): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const [kind, fields] of Object.entries(added)) {
    for (const [field, { min, max, nulls }] of Object.entries(fields)) {
      const path = `extents.${kind}.${field}`;
      // $min and $max ignore null
      if (min !== null) changes[`${path}.min`] = { $min: [`$${path}.min`, min] };
      if (max !== null) changes[`${path}.max`] = { $max: [`$${path}.max`, max] };
      if (nulls) changes[`${path}.nulls`] = true;
    }
  }
  return changes;
}

/** A time further beyond the known ones is ahead. */
const AHEAD_MS = 30 * DAY;
/** If no mark is known, so many new revisions show which times are usual. */
const ENOUGH = 8;
const END_OF_TIME_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** With the fields that lists use. */
export interface TimedRevision {
  readonly rev: number;
  readonly fields: Fields;
}

/** The newest time after a batch at `at`, if it raised `newest`, and the revisions ahead of it. */
export function raiseMark(
  at: Instant,
  newest: Instant | null,
  field: string,
  added: readonly TimedRevision[],
): { readonly raised: Instant | null; readonly ahead: readonly number[] } {
  const times = added.flatMap(({ fields }) => timeOf(fields, field) ?? []).sort();
  const limit = limitOf(latest(at, newest ?? usual(times) ?? at));
  const highest = times.findLast((time) => time <= limit) ?? null;
  const isRaised = highest !== null && (newest === null || highest > newest);
  const isAhead = ({ fields }: TimedRevision) => (timeOf(fields, field) ?? limit) > limit;
  return { raised: isRaised ? highest : null, ahead: added.filter(isAhead).map(({ rev }) => rev) };
}

function timeOf(fields: Fields, field: string): Instant | null {
  const value = fields[field];
  return typeof value === 'string' ? value : null;
}

/** The median, if there are enough. */
function usual(times: readonly Instant[]): Instant | undefined {
  return times.length < ENOUGH ? undefined : times[Math.floor(times.length / 2)];
}

function limitOf(newest: Instant): Instant {
  return toInstant(Math.min(toMillis(newest) + AHEAD_MS, END_OF_TIME_MS));
}
