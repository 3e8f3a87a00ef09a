import type { FieldValue } from '../../values/filter.js';
import {
  type Dimension,
  type DurationMeasure,
  type DurationState,
  durationState,
  type Statistics,
  type StatisticsMeasure,
  type StatisticsQuery,
  type StatisticsRows,
  summarize,
  summarizeDurations,
} from '../statistics.js';
import type { Account, Block } from './block.js';
import { columnName } from './masks.js';
import { type Finder, finderOf, Replaced, type ScanQuery } from './scan.js';
import { Numbers, oneValue, type RowValues, UnitReader, Values } from './unit-reader.js';

/** What a scan needs to know besides the query. */
export interface StatisticsFacts {
  readonly nameOf: (account: Account) => string;
  /** When the batch of a revision was recorded, in ms. */
  readonly recordedAt: (rev: number) => number;
  /** The field that is true while a record may change, by which it is settled or not; `null`: all are settled. */
  readonly unsettled: string | null;
}

/** Statistics of the records or items that a scan finds. */
export interface AskedStatistics {
  readonly scan: ScanQuery;
  readonly query: Omit<StatisticsQuery, 'integrations' | 'seq'>;
}

/** All statistics of one view in one pass: each block is read once, and has its columns in memory only meanwhile. */
export function statisticsIn(
  blocks: readonly Block[],
  asked: readonly AskedStatistics[],
  facts: StatisticsFacts,
): Statistics[] {
  const replaced = new Replaced(blocks, asked[0]?.scan.lastRev ?? 0);
  const collectors = new Map<string, RowCollector>();
  const results = asked.map(({ scan, query }) => {
    const { measure, ...rest } = query;
    const key = JSON.stringify([scan, rest]);
    const collector = collectors.get(key) ?? new RowCollector({ scan, query }, replaced, facts);
    collectors.set(key, collector);
    const rows = collector.rowsWith(measure, blocks);
    return () => summarize(rows(), query);
  });
  for (const block of blocks) {
    for (const collector of collectors.values()) collector.add(block);
    block.forget();
  }
  return results.map((result) => result());
}

/** Collects the rows of one query, and what some measures need of them. */
class RowCollector {
  readonly #buckets = new Numbers();
  readonly #pairs = { rows: new Numbers(), groups: new Numbers() };
  readonly #groups: Groups;
  /** The values of the row that is being read, for each dimension. */
  readonly #read: readonly Numbers[];
  readonly #values: readonly Values[];
  readonly #measures: MeasureRows[] = [];
  readonly #query: AskedStatistics['query'];
  readonly #find: Finder;
  #untimed = 0;
  #sampled = 0;
  #owners = 0;

  constructor(
    { scan, query }: AskedStatistics,
    replaced: Replaced,
    private readonly facts: StatisticsFacts,
  ) {
    this.#query = query;
    this.#find = finderOf(replaced, query.unit, scan);
    this.#values = query.groupBy.map(() => new Values());
    this.#read = query.groupBy.map(() => new Numbers());
    this.#groups = new Groups(this.#values);
  }

  /** The rows with one measure, once all blocks were added. */
  rowsWith(measure: StatisticsMeasure, blocks: readonly Block[]): () => StatisticsRows {
    const rows = this.#measureRows(measure, blocks);
    if (rows) this.#measures.push(rows);
    return () => ({ ...this.#collected(), measure: rows?.measure() ?? null });
  }

  /** `null`: nothing is needed of a row. */
  #measureRows(measure: StatisticsMeasure, blocks: readonly Block[]): MeasureRows | null {
    if (measure.type === 'COUNT') return null;
    if (measure.type === 'DURATION')
      return new DurationRows(measure, measure.to === null ? new Settled(blocks, this.facts) : null);
    const place = this.#query.groupBy.findIndex(
      (dimension) => dimension.type === 'FIELD' && dimension.field === measure.of,
    );
    return new DistinctRows(measure.of, place, this.#values[place] ?? new Values());
  }

  add(block: Block): void {
    const { kind, unit, edges, time } = this.#query;
    const [first = 0, end = 0] = [edges[0], edges.at(-1)];
    const [earliest, latest, nulls] = block.ranges[columnName(kind, unit, time)] ?? [first, first, 1];
    if (nulls === 0 && (latest < first || earliest >= end)) return;
    const mask = this.#find(block);
    if (mask === null) return;
    const ofUnit = new UnitReader(kind, unit, block);
    const times = ofUnit.times(time);
    // most blocks have no row of the window, and then only their times are read
    let readers: ReturnType<RowCollector['readers']> | null = null;
    let [bucket, owner] = [0, -1];
    for (let row = 0; row < mask.length; row += 1) {
      if (mask[row] === 0) continue;
      const ms = times[row] as number;
      if (Number.isNaN(ms)) this.#untimed += 1;
      if (!(ms >= first && ms < end)) continue;
      readers ??= this.readers(ofUnit);
      bucket = bucketOf(edges, ms, bucket);
      const n = this.#buckets.push(bucket) - 1;
      if (ofUnit.ownerOf(row) !== owner) {
        owner = ofUnit.ownerOf(row);
        this.#owners += 1;
        if (readers.isWhole !== null && readers.isWhole(owner) !== true) this.#sampled += 1;
      }
      this.#group(n, row, readers.dimensions);
      for (const read of readers.measured) read(row, this.#owners);
    }
  }

  private readers(of: UnitReader) {
    const { groupBy, whole } = this.#query;
    const dimensions = groupBy.map((each, i) => this.#reader(of, each, this.#values[i] as Values));
    return {
      dimensions,
      measured: this.#measures.map((measure) => measure.readerOf(of, dimensions)),
      isWhole: whole === null ? null : of.owned(whole),
    };
  }

  #group(n: number, row: number, dimensions: readonly RowValues[]): void {
    const [first, second] = dimensions;
    if (!first) return;
    if (first.one && (!second || second.one)) this.#pair(n, first.one(row), second?.one?.(row));
    else this.#groupAll(n, row, dimensions);
  }

  #groupAll(n: number, row: number, dimensions: readonly RowValues[]): void {
    for (const [i, values] of dimensions.entries()) {
      const found = this.#read[i] as Numbers;
      found.length = 0;
      values.add(row, found);
      if (found.length === 0) found.push(0);
    }
    const [first, second] = this.#read as [Numbers, Numbers?];
    for (let a = 0; a < first.length; a += 1) {
      for (let b = 0; b < (second?.length ?? 1); b += 1) this.#pair(n, first.at(a), second?.at(b));
    }
  }

  #pair(n: number, a: number, b: number | undefined): void {
    this.#pairs.rows.push(n);
    this.#pairs.groups.push(this.#groups.groupOf(a, b));
  }

  #reader(of: UnitReader, dimension: Dimension, values: Values): RowValues {
    if (dimension.type === 'FIELD') return of.values(dimension.field, values);
    if (dimension.type === 'ACCOUNT') {
      const { accounts } = of.block;
      const nameAt = (row: number) => this.facts.nameOf(accounts.valueAt(of.ownerOf(row)) as Account);
      return oneValue((row) => values.numberOf(nameAt(row)));
    }
    const times = of.times(dimension.field);
    return oneValue((row) => values.numberOf(ageOf(times[row] as number, dimension)));
  }

  #collected(): Omit<StatisticsRows, 'measure'> {
    const { rows, groups } = this.#pairs;
    return {
      ...{ buckets: this.#buckets.array, pairs: { rows: rows.array, groups: groups.array } },
      ...{ keysOf: (group: number) => this.#groups.keysOf(group), groups: this.#groups.size },
      ...{ untimed: this.#untimed, sampled: this.#sampled },
    };
  }
}

/** What a measure needs of the rows that are counted. */
interface MeasureRows {
  /** Reads a row of a block; `owner` is the number of its record. */
  readerOf(of: UnitReader, dimensions: readonly RowValues[]): (row: number, owner: number) => void;
  measure(): StatisticsRows['measure'];
}

class DistinctRows implements MeasureRows {
  /** The different values that were found, and where those of each row begin. */
  readonly #values = new Numbers();
  readonly #starts = new Numbers();
  #owners = 0;

  constructor(
    /** `null`: records. */
    private readonly of: string | null,
    /** The dimension that has the same values; -1 if none has. */
    private readonly place: number,
    private readonly known: Values,
  ) {}

  readerOf(reader: UnitReader, dimensions: readonly RowValues[]) {
    const read = this.of === null ? null : (dimensions[this.place] ?? reader.values(this.of, this.known));
    return (row: number, owner: number) => {
      this.#starts.push(this.#values.length);
      this.#owners = owner;
      if (read) read.add(row, this.#values);
      else this.#values.push(owner);
    };
  }

  measure() {
    const [values, starts] = [this.#values.array, this.#starts];
    starts.push(values.length);
    const seen = new Uint32Array(this.of === null ? this.#owners + 1 : this.known.all.length);
    let token = 0;
    return (rows: Uint32Array) => {
      token += 1;
      let count = 0;
      for (const row of rows) {
        for (let i = starts.at(row); i < starts.at(row + 1); i += 1) {
          const value = values[i] as number;
          if (seen[value] === token) continue;
          seen[value] = token;
          count += 1;
        }
      }
      return count;
    };
  }
}

class DurationRows implements MeasureRows {
  readonly #durations: DurationState[] = [];

  constructor(
    private readonly duration: DurationMeasure,
    private readonly settled: Settled | null,
  ) {}

  readerOf(reader: UnitReader) {
    const { from, to, state } = this.duration;
    const [begun, ended] = [reader.times(from), to === null ? null : reader.times(to)];
    const stateOf = reader.value(state.field);
    return (row: number) => {
      const end = ended ? (ended[row] as number) : (this.settled?.at(reader.block, row) ?? Number.NaN);
      this.#durations.push(durationState(begun[row] as number, end, stateOf(row), state));
    };
  }

  measure() {
    return (rows: Uint32Array) =>
      summarizeDurations(Array.from(rows, (row) => this.#durations[row] ?? 'UNKNOWN'));
  }
}

/** Groups by number, in the order in which they were found. */
class Groups {
  /** The group of each value of a single dimension, plus one. */
  readonly #single = new Numbers();
  readonly #pairs = new Map<number, number>();
  readonly #first = new Numbers();
  readonly #second = new Numbers();

  constructor(private readonly values: readonly Values[]) {}

  groupOf(a: number, b: number | undefined): number {
    if (b !== undefined) {
      const key = a * 2 ** 26 + b;
      const known = this.#pairs.get(key) ?? this.#add(a, b);
      this.#pairs.set(key, known);
      return known;
    }
    while (this.#single.length <= a) this.#single.push(0);
    if (this.#single.at(a) === 0) this.#single.put(a, this.#add(a, 0) + 1);
    return this.#single.at(a) - 1;
  }

  #add(a: number, b: number): number {
    this.#second.push(b);
    return this.#first.push(a) - 1;
  }

  get size(): number {
    return this.#first.length;
  }

  keysOf(group: number): FieldValue[] {
    const numbers = [this.#first.at(group), this.#second.at(group)];
    return this.values.map(({ all }, i) => all[numbers[i] ?? 0] ?? null);
  }
}

/** The bucket of a time within the edges; most rows are in that of the row before. */
function bucketOf(edges: readonly number[], ms: number, guess: number): number {
  if (ms >= (edges[guess] as number) && ms < (edges[guess + 1] as number)) return guess;
  let [low, high] = [0, edges.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ms >= (edges[middle] as number)) low = middle;
    else high = middle;
  }
  return low;
}

function ageOf(ms: number, { at, limits }: Extract<Dimension, { readonly type: 'AGE' }>): number | null {
  if (Number.isNaN(ms)) return null;
  let reached = 0;
  for (const limit of limits) if (at - ms >= limit) reached += 1;
  return reached;
}

/** Since when each record has been settled, from its versions. */
class Settled {
  /** For each revision the first one of the settled versions that end with it; 0 if it is not settled. */
  readonly #since: Uint32Array;

  constructor(
    blocks: readonly Block[],
    private readonly facts: StatisticsFacts,
  ) {
    this.#since = new Uint32Array((blocks.at(-1)?.revs.at(-1) ?? 0) + 1);
    for (const block of blocks) this.#add(block);
  }

  #add(block: Block): void {
    const unsettled = this.facts.unsettled === null ? null : block.column(this.facts.unsettled);
    const isSettled = Uint8Array.from(unsettled?.values ?? [], (value) => (value === false ? 1 : 0));
    const { revs, priors } = block;
    for (let row = 0; row < revs.length; row += 1) {
      const rev = revs[row] as number;
      if (unsettled === null || isSettled[unsettled.codes[row] as number] === 1)
        this.#since[rev] = this.#since[priors[row] as number] || rev;
    }
  }

  at(block: Block, row: number): number {
    const since = this.#since[block.revs[row] as number] as number;
    return since === 0 ? Number.NaN : this.facts.recordedAt(since);
  }
}
