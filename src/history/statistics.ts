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
  /** How many groups, the largest first. */
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
  readonly buckets: Uint32Array;
  /** The groups of each row: all pairs of a row and a group, in the order of the rows. */
  readonly pairs: { readonly rows: Uint32Array; readonly groups: Uint32Array };
  /** The keys of a group. */
  readonly keysOf: (group: number) => readonly FieldValue[];
  readonly groups: number;
  readonly untimed: number;
  readonly sampled: number;
  /** What is computed of some rows; `null`: how many there are. */
  readonly measure: ((rows: Uint32Array) => Measured) | null;
}

type Shown = Pick<StatisticsQuery, 'edges' | 'groupBy' | 'top' | 'minCount'>;

/** Groups, buckets and the rest, from rows that were selected in whatever way. */
export function summarize(rows: StatisticsRows, { edges, groupBy, top, minCount }: Shown): Statistics {
  const { buckets, pairs, groups, untimed, sampled } = rows;
  const cellsFor = (slots: number, most: number) => new CellTable(slots, most, edges.length - 1, rows);
  const all = cellsFor(1, buckets.length);
  for (let row = 0; row < buckets.length; row += 1) all.add(0, row);
  const total = all.cellsOf(0);
  if (groupBy.length === 0) return { total, groups: [], rest: null, untimed, sampled };
  const counts = new Uint32Array(groups);
  for (let i = 0; i < pairs.groups.length; i += 1) {
    const group = pairs.groups[i] as number;
    counts[group] = (counts[group] as number) + 1;
  }
  const shown = largest(counts, rows.keysOf, top, minCount);
  const others = shown.length;
  const slots = new Uint32Array(groups).fill(others);
  for (const [slot, group] of shown.entries()) slots[group] = slot;
  const cells = cellsFor(others + 1, pairs.rows.length);
  for (let i = 0, lastOther = -1; i < pairs.rows.length; i += 1) {
    const [row, slot] = [pairs.rows[i] as number, slots[pairs.groups[i] as number] as number];
    if (slot === others && row === lastOther) continue;
    if (slot === others) lastOther = row;
    cells.add(slot, row);
  }
  const values = groups - shown.length;
  return {
    ...{ total, untimed, sampled },
    groups: shown.map((group, slot) => ({
      ...{ keys: rows.keysOf(group), count: counts[group] as number, ...cells.cellsOf(slot) },
    })),
    rest: values === 0 ? null : { values, ...cells.cellsOf(others) },
  };
}

/** The rows of each slot (a shown group, or the rest) by bucket; only their number if that is all that is wanted. */
class CellTable {
  /** How many rows each cell has. */
  readonly #counts: Uint32Array;
  /** The rows that were added, and the cell of each. */
  readonly #added: { readonly rows: Uint32Array; readonly cells: Uint32Array } | null;
  #size = 0;
  #sorted: { readonly rows: Uint32Array; readonly starts: Uint32Array } | null = null;

  constructor(
    slots: number,
    most: number,
    private readonly width: number,
    private readonly of: Pick<StatisticsRows, 'buckets' | 'measure'>,
  ) {
    this.#counts = new Uint32Array(slots * width);
    this.#added = of.measure === null ? null : { rows: new Uint32Array(most), cells: new Uint32Array(most) };
  }

  add(slot: number, row: number): void {
    const cell = slot * this.width + (this.of.buckets[row] as number);
    this.#counts[cell] = (this.#counts[cell] as number) + 1;
    if (this.#added === null) return;
    this.#added.rows[this.#size] = row;
    this.#added.cells[this.#size] = cell;
    this.#size += 1;
  }

  cellsOf(slot: number): Cells {
    const [from, to] = [slot * this.width, (slot + 1) * this.width];
    const { measure } = this.of;
    if (measure === null) {
      const counts = Array.from(this.#counts.subarray(from, to));
      return { all: counts.reduce((sum, count) => sum + count, 0), buckets: counts };
    }
    this.#sorted ??= this.#byCell();
    const { rows, starts } = this.#sorted;
    const rowsIn = (first: number, end: number) => rows.subarray(starts[first], starts[end]);
    const buckets = Array.from({ length: this.width }, (_, i) => measure(rowsIn(from + i, from + i + 1)));
    return { all: measure(rowsIn(from, to)), buckets };
  }

  /** The rows of each cell one after the other: those of a slot are together. */
  #byCell() {
    const starts = new Uint32Array(this.#counts.length + 1);
    for (const [cell, count] of this.#counts.entries()) starts[cell + 1] = (starts[cell] as number) + count;
    const next = starts.slice();
    const rows = new Uint32Array(this.#size);
    for (let i = 0; i < this.#size; i += 1) {
      const cell = this.#added?.cells[i] as number;
      rows[next[cell] as number] = this.#added?.rows[i] as number;
      next[cell] = (next[cell] as number) + 1;
    }
    return { rows, starts };
  }
}

/** The groups to show, in their order. */
function largest(
  counts: Uint32Array,
  keysOf: StatisticsRows['keysOf'],
  top: number,
  minCount: number,
): number[] {
  // of many groups only those are compared by their keys that are as large as the last one shown
  const least = Math.max(minCount, counts.toSorted().at(-top) ?? 0);
  const enough: number[] = [];
  for (let group = 0; group < counts.length; group += 1)
    if ((counts[group] as number) >= least) enough.push(group);
  const byCount = (a: number, b: number) =>
    (counts[b] as number) - (counts[a] as number) || compareKeys(keysOf(a), keysOf(b));
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
