import type { ListedKind } from '../resources/registry.js';
import { DurationTally } from '../values/duration-tally.js';
import type { FieldValue, Filter } from '../values/filter.js';
import { compareValues } from '../values/filter.js';

/** What is counted: records of a kind, or their items. */
export type Unit = 'RECORD' | 'ITEM';

/** By what records are grouped: the account, a field of the unit or of the item's record, or how old a time is. */
export type Dimension =
  | { readonly type: 'ACCOUNT' }
  | { readonly type: 'FIELD'; readonly field: string }
  /** The number of `limits` (in ms) that the age of the field at `at` (in ms) reaches. */
  | { readonly type: 'AGE'; readonly field: string; readonly at: number; readonly limits: readonly number[] };

/** A time from which or until which a duration lasts. */
export interface DurationMeasure {
  readonly type: 'DURATION';
  readonly from: string;
  /** A field; `null`: when the history first had the record as settled. */
  readonly to: string | null;
  /** What a missing end means, by the value of this field: `pending` for these, nothing for those in `none`. */
  readonly state: {
    readonly field: string;
    readonly pending: readonly FieldValue[];
    readonly none: readonly FieldValue[];
  };
}

/** What is computed of each group in each bucket. */
export type Measure =
  | { readonly type: 'COUNT' }
  /** How many different values; of `null`: records, for items. */
  | { readonly type: 'DISTINCT'; readonly of: string | null }
  | DurationMeasure;

export interface StatisticsQuery {
  readonly kind: ListedKind;
  readonly unit: Unit;
  readonly integrations: readonly string[] | null;
  readonly filter: Filter | null;
  readonly seq: number;
  /** The time field that places a record in a bucket. */
  readonly time: string;
  /** The limits of the buckets in ms, ascending: a bucket lasts from one to the next, exclusive. */
  readonly edges: readonly number[];
  readonly groupBy: readonly Dimension[];
  /** How many groups, the largest first. */
  readonly top: number;
  /** Smaller groups are part of the rest. */
  readonly minCount: number;
  /** A field that is true unless a record is only a sample. */
  readonly whole: string | null;
  readonly measure: Measure;
}

/** In milliseconds, rounded up as `DurationTally` does. */
export interface DurationSummary {
  readonly count: number;
  readonly pending: number;
  /** Neither over nor pending: a time is missing. */
  readonly unknown: number;
  readonly min: number | null;
  readonly median: number | null;
  readonly p95: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

export type Measured = number | DurationSummary;

/** A measure over all buckets, and in each. */
export interface Cells {
  readonly all: Measured;
  readonly buckets: readonly Measured[];
}

export interface StatisticsGroup extends Cells {
  /** A value for each dimension. */
  readonly keys: readonly FieldValue[];
  readonly count: number;
}

export interface Statistics {
  readonly total: Cells;
  /** By count, then by keys. */
  readonly groups: readonly StatisticsGroup[];
  /** All other groups; `null` if there are none. A record with several of their values counts once. */
  readonly rest: (Cells & { readonly values: number }) | null;
  /** Matching records without the time, which are in no bucket. */
  readonly untimed: number;
  /** Records of which something was counted and that are only a sample. */
  readonly sampled: number;
}

/** What statistics need of each row that was counted; rows are numbered from 0. */
export interface StatisticsRows {
  /** The bucket of each row. */
  readonly buckets: readonly number[];
  /** The groups of each row: all pairs of a row and a group, in the order of the rows. */
  readonly pairs: { readonly rows: readonly number[]; readonly groups: readonly number[] };
  /** The keys of each group. */
  readonly keys: readonly (readonly FieldValue[])[];
  readonly untimed: number;
  readonly sampled: number;
  /** What is computed of some rows. */
  readonly measure: (rows: readonly number[]) => Measured;
}

/** Groups, buckets and the rest, from rows that were selected in whatever way. */
export function summarize(
  { buckets, pairs, keys, untimed, sampled, measure }: StatisticsRows,
  { edges, groupBy, top, minCount }: Pick<StatisticsQuery, 'edges' | 'groupBy' | 'top' | 'minCount'>,
): Statistics {
  const cellsOf = (rows: readonly number[]): Cells => {
    const parts: number[][] = Array.from({ length: edges.length - 1 }, () => []);
    for (const row of rows) parts[buckets[row] as number]?.push(row);
    return { all: measure(rows), buckets: parts.map(measure) };
  };
  const total = cellsOf(Array.from(buckets, (_, row) => row));
  if (groupBy.length === 0) return { total, groups: [], rest: null, untimed, sampled };
  const counts = new Uint32Array(keys.length);
  for (const group of pairs.groups) counts[group] = (counts[group] as number) + 1;
  const shown = largest(counts, keys, top, minCount);
  const slots = new Int32Array(keys.length).fill(-1);
  for (const [slot, group] of shown.entries()) slots[group] = slot;
  const rowsOf: number[][] = shown.map(() => []);
  const others: number[] = [];
  for (const [i, row] of pairs.rows.entries()) {
    const slot = slots[pairs.groups[i] as number] as number;
    if (slot >= 0) rowsOf[slot]?.push(row);
    else if (others.at(-1) !== row) others.push(row);
  }
  const values = keys.length - shown.length;
  return {
    ...{ total, untimed, sampled },
    groups: shown.map((group, slot) => ({
      ...{ keys: keys[group] ?? [], count: counts[group] as number, ...cellsOf(rowsOf[slot] ?? []) },
    })),
    rest: values === 0 ? null : { values, ...cellsOf(others) },
  };
}

/** The groups to show, in their order. */
function largest(counts: Uint32Array, keys: StatisticsRows['keys'], top: number, minCount: number): number[] {
  const enough = Array.from(counts, (_, group) => group).filter(
    (group) => (counts[group] as number) >= minCount,
  );
  const byCount = (a: number, b: number) =>
    (counts[b] as number) - (counts[a] as number) || compareKeys(keys[a] ?? [], keys[b] ?? []);
  return enough.sort(byCount).slice(0, top);
}

function compareKeys(a: readonly FieldValue[], b: readonly FieldValue[]): number {
  for (const [i, value] of a.entries()) {
    const order = compareValues(value, b[i] ?? null);
    if (order !== 0) return order;
  }
  return 0;
}

/** What became of one duration: its length in ms, or why it has none. */
export type DurationState = number | 'PENDING' | 'UNKNOWN' | 'NONE';

export function durationState(
  from: number,
  to: number,
  state: FieldValue,
  { pending, none }: DurationMeasure['state'],
): DurationState {
  if (Number.isNaN(from)) return none.includes(state) ? 'NONE' : 'UNKNOWN';
  if (!Number.isNaN(to)) return to - from;
  if (none.includes(state)) return 'NONE';
  return pending.includes(state) ? 'PENDING' : 'UNKNOWN';
}

export function summarizeDurations(states: readonly DurationState[]): DurationSummary {
  const tally = new DurationTally();
  const counts = { pending: 0, unknown: 0 };
  for (const state of states) {
    if (typeof state === 'number') tally.add(state);
    else if (state === 'PENDING') counts.pending += 1;
    else if (state === 'UNKNOWN') counts.unknown += 1;
  }
  const at = (share: number) => tally.percentile(share);
  const { size: count, mean } = tally;
  return { count, ...counts, min: at(0), median: at(0.5), p95: at(0.95), max: at(1), mean };
}
