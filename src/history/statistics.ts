import type { ListedKind } from '../resources/registry.js';
import type { FieldValue, Filter } from '../values/filter.js';

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

export type StatisticsMeasure =
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
  readonly top: number;
  /** Smaller groups are part of the rest. */
  readonly minCount: number;
  /** A field that is true unless a record is only a sample. */
  readonly whole: string | null;
  readonly measure: StatisticsMeasure;
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

interface StatisticsGroup extends Cells {
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
  readonly buckets: Uint32Array;
  /** The groups of each row: all pairs of a row and a group, in the order of the rows; `null`: each row has one. */
  readonly pairs: { readonly rows: Uint32Array | null; readonly groups: Uint32Array };
  readonly keysOf: (group: number) => readonly FieldValue[];
  readonly compare: (a: number, b: number) => number;
  /** Groups have lower numbers than this; not each number is that of a group. */
  readonly groups: number;
  readonly untimed: number;
  readonly sampled: number;
}

/** What is computed of some rows; `null`: how many there are. */
export type RowMeasure = ((rows: Uint32Array) => Measured) | null;

type Shown = Pick<StatisticsQuery, 'edges' | 'groupBy' | 'top' | 'minCount'>;

/** Groups, buckets and the rest, from rows that were selected in whatever way; for each measure. */
export function summarize(
  rows: StatisticsRows,
  { edges, groupBy, top, minCount }: Shown,
  measures: readonly RowMeasure[],
): Statistics[] {
  const { buckets, pairs, untimed, sampled } = rows;
  const width = edges.length - 1;
  const all = new CellTable(buckets, null, 1, width);
  const alone = (measure: RowMeasure) => ({ total: all.cellsOf(0, measure), untimed, sampled });
  if (groupBy.length === 0) return measures.map((each) => ({ ...alone(each), groups: [], rest: null }));
  const counts = countsOf(pairs.groups, rows.groups);
  const { shown, hidden: values } = largest(counts, rows.compare, top, minCount);
  // numbers that are known already
  const isCounted = width === 1 && pairs.rows === null && measures.every((each) => each === null);
  const others = shown.reduce((left, group) => left - (counts[group] as number), buckets.length);
  const cellOf = (count: number): Cells => ({ all: count, buckets: [count] });
  const grouped = isCounted
    ? {
        cellsOf: (slot: number) =>
          cellOf(slot < shown.length ? (counts[shown[slot] as number] as number) : others),
      }
    : cellsByGroup(rows, shown, width);
  return measures.map((measure) => ({
    ...alone(measure),
    groups: shown.map((group, slot) => ({
      ...{ keys: rows.keysOf(group), count: counts[group] as number, ...grouped.cellsOf(slot, measure) },
    })),
    rest: values === 0 ? null : { values, ...grouped.cellsOf(shown.length, measure) },
  }));
}

/** The rows of the groups that are shown, and of the rest, in which a row with several of its values is once. */
function cellsByGroup({ buckets, pairs, groups }: StatisticsRows, shown: number[], width: number): CellTable {
  const others = shown.length;
  const slots = new Uint32Array(groups).fill(others);
  for (const [slot, group] of shown.entries()) slots[group] = slot;
  const size = pairs.groups.length;
  const cells = new Uint32Array(size);
  const rows = pairs.rows && new Uint32Array(size);
  let count = 0;
  for (let i = 0, lastOther = -1; i < size; i += 1) {
    const row = pairs.rows === null ? i : (pairs.rows[i] as number);
    const slot = slots[pairs.groups[i] as number] as number;
    if (slot === others && row === lastOther) continue;
    if (slot === others) lastOther = row;
    if (rows !== null) rows[count] = row;
    cells[count] = slot * width + (buckets[row] as number);
    count += 1;
  }
  return new CellTable(cells.subarray(0, count), rows?.subarray(0, count) ?? null, others + 1, width);
}

/** How often each number occurs; all are less than `size`. */
function countsOf(numbers: Uint32Array, size: number): Uint32Array {
  const counts = new Uint32Array(size);
  for (let i = 0; i < numbers.length; i += 1) {
    const number = numbers[i] as number;
    counts[number] = (counts[number] as number) + 1;
  }
  return counts;
}

/** The rows of each slot (a shown group, or the rest) by bucket. */
class CellTable {
  readonly #counts: Uint32Array;
  #sorted: { readonly rows: Uint32Array; readonly starts: Uint32Array } | null = null;

  constructor(
    private readonly cells: Uint32Array,
    /** `null`: their numbers are their places. */
    private readonly rows: Uint32Array | null,
    slots: number,
    private readonly width: number,
  ) {
    this.#counts = slots * width === 1 ? Uint32Array.of(cells.length) : countsOf(cells, slots * width);
  }

  cellsOf(slot: number, measure: RowMeasure): Cells {
    const [from, to] = [slot * this.width, (slot + 1) * this.width];
    if (measure === null) {
      const counts = Array.from(this.#counts.subarray(from, to));
      return { all: counts.reduce((sum, count) => sum + count, 0), buckets: counts };
    }
    this.#sorted ??= this.#byCell();
    const { rows, starts } = this.#sorted;
    const rowsIn = (first: number, end: number) => rows.subarray(starts[first], starts[end]);
    const buckets = Array.from({ length: this.width }, (_, i) => measure(rowsIn(from + i, from + i + 1)));
    return { all: this.width === 1 ? (buckets[0] as Measured) : measure(rowsIn(from, to)), buckets };
  }

  /** The rows of each cell one after the other: those of a slot are together. */
  #byCell() {
    const { cells, rows: given } = this;
    const starts = new Uint32Array(this.#counts.length + 1);
    for (const [cell, count] of this.#counts.entries()) starts[cell + 1] = (starts[cell] as number) + count;
    const next = starts.slice();
    const rows = new Uint32Array(cells.length);
    for (let i = 0; i < cells.length; i += 1) {
      const cell = cells[i] as number;
      const place = next[cell] as number;
      rows[place] = given === null ? i : (given[i] as number);
      next[cell] = place + 1;
    }
    return { rows, starts };
  }
}

/** The groups to show, in their order, and how many others there are. */
function largest(counts: Uint32Array, compare: StatisticsRows['compare'], top: number, minCount: number) {
  const best: number[] = [];
  let found = 0;
  const isBefore = (a: number, b: number) =>
    ((counts[b] as number) - (counts[a] as number) || compare(a, b)) < 0;
  for (let group = 0; group < counts.length; group += 1) {
    const count = counts[group] as number;
    if (count !== 0) found += 1;
    if (count < minCount) continue;
    if (best.length === top && !isBefore(group, best[top - 1] as number)) continue;
    let place = best.length;
    while (place > 0 && isBefore(group, best[place - 1] as number)) place -= 1;
    best.splice(place, 0, group);
    if (best.length > top) best.pop();
  }
  return { shown: best, hidden: found - best.length };
}
