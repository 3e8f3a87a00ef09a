import type { Observation } from '../model/revision.js';
import type { FieldSpec } from '../resources/definition.js';
import { byKind, FIELDS, isListed, type ListedKind } from '../resources/registry.js';
import { compareValues, type Fields } from '../values/filter.js';
import type { Instant } from '../values/instant.js';

/** The earliest and the latest value of one field, and whether it was ever missing. */
export interface FieldRange {
  readonly min: Instant | null;
  readonly max: Instant | null;
  readonly nulls: boolean;
}

/**
 * What every time that lists are ordered by has been, from the first batch to this one. A page at an old
 * `seq` walks an index that also holds all that came later; knowing how far its own view reaches, it begins
 * there instead of passing over the rest.
 */
export type HighWaterMarks = Readonly<Record<ListedKind, Readonly<Record<string, FieldRange>>>>;

const NONE: FieldRange = { min: null, max: null, nulls: false };

/** The extents of an empty history. */
export function noMarks(): HighWaterMarks {
  return byKind(({ kind }) => none(kind));
}

function none(kind: ListedKind): Record<string, FieldRange> {
  return Object.fromEntries(orderedTimes(kind).map((field) => [field, NONE]));
}

/** The fields of a kind that have an extent. */
export function orderedTimes(kind: ListedKind): string[] {
  const specs: [string, FieldSpec][] = Object.entries(FIELDS[kind]);
  return specs.filter(([, { type, order }]) => type === 'instant' && order).map(([field]) => field);
}

/** The extents of what a batch brings. */
export function marksOf(observed: ReadonlyMap<Observation, Fields | null>): HighWaterMarks {
  let extents = noMarks();
  for (const [{ key }, fields] of observed) {
    if (isListed(key.kind) && fields) extents = widenMarks(extents, key.kind, fields);
  }
  return extents;
}

/** `extents` with one more record in them. */
export function widenMarks(extents: HighWaterMarks, kind: ListedKind, fields: Fields): HighWaterMarks {
  const own = { ...extents[kind] };
  for (const [field, range] of Object.entries(own)) own[field] = widened(range, fields[field] ?? null);
  return { ...extents, [kind]: own };
}

function widened(range: FieldRange, value: Fields[string]): FieldRange {
  if (typeof value !== 'string') return { ...range, nulls: true };
  return {
    min: range.min === null || compareValues(value, range.min) < 0 ? value : range.min,
    max: range.max === null || compareValues(value, range.max) > 0 ? value : range.max,
    nulls: range.nulls,
  };
}

/** The stage of an update pipeline that widens the document's own `extents` by `added`. */
export function widenStage(added: HighWaterMarks): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const [kind, fields] of Object.entries(added)) {
    for (const [field, { min, max, nulls }] of Object.entries(fields)) {
      const path = `extents.${kind}.${field}`;
      // $min and $max pass over null
      if (min !== null) changes[`${path}.min`] = { $min: [`$${path}.min`, min] };
      if (max !== null) changes[`${path}.max`] = { $max: [`$${path}.max`, max] };
      if (nulls) changes[`${path}.nulls`] = true;
    }
  }
  return changes;
}
