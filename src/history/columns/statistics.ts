import type { FieldValue } from '../../values/filter.js';
import {
  type Dimension,
  type DurationState,
  durationState,
  type StatisticsQuery,
  type StatisticsRows,
  summarizeDurations,
} from '../statistics.js';
import type { Account, Block } from './block.js';
import { columnName, type Mask } from './masks.js';
import { type ScanQuery, scanned } from './scan.js';
import { Numbers, type RowValues, UnitReader, Values } from './unit-reader.js';

/** What a scan needs to know besides the query. */
export interface StatisticsFacts {
  readonly nameOf: (account: Account) => string;
  /** When the batch of a revision was recorded, in ms. */
  readonly recordedAt: (rev: number) => number;
  /** The field that is true while a record may change, by which it is settled or not; `null`: all are settled. */
  readonly unsettled: string | null;
}

/** Reads what statistics need of the rows that match. */
export function statisticsRows(
  blocks: readonly Block[],
  scan: ScanQuery,
  query: Omit<StatisticsQuery, 'integrations' | 'seq'>,
  facts: StatisticsFacts,
): StatisticsRows {
  const rows = new RowCollector(query, facts, blocks);
  const name = columnName(query.kind, query.unit, query.time);
  const [from = 0, to = 0] = [query.edges[0], query.edges.at(-1)];
  const isOutside = ({ ranges }: Block) => {
    const [earliest, latest, nulls] = ranges[name] ?? [from, from, 1];
    return nulls === 0 && (latest < from || earliest >= to);
  };
  for (const { block, mask } of scanned(blocks, query.unit, scan, isOutside)) rows.add(block, mask);
  return rows.collected();
}

class RowCollector {
  readonly #buckets = new Numbers();
  readonly #pairs = { rows: new Numbers(), groups: new Numbers() };
  readonly #groups: Groups;
  /** The values of the row that is being read, for each dimension. */
  readonly #read: readonly Numbers[];
  readonly #values: readonly Values[];
  readonly #distinct = new Values();
  /** The different values that were found, and where those of each row begin. */
  readonly #found = { values: new Numbers(), starts: new Numbers() };
  readonly #durations: DurationState[] = [];
  readonly #settled: Settled | null;
  #untimed = 0;
  #sampled = 0;
  #owners = 0;

  constructor(
    private readonly query: Omit<StatisticsQuery, 'integrations' | 'seq'>,
    private readonly facts: StatisticsFacts,
    blocks: readonly Block[],
  ) {
    this.#values = query.groupBy.map(() => new Values());
    this.#read = query.groupBy.map(() => new Numbers());
    this.#groups = new Groups(this.#values);
    const { measure } = query;
    this.#settled = measure.type === 'DURATION' && measure.to === null ? new Settled(blocks, facts) : null;
  }

  add(block: Block, mask: Mask): void {
    const { kind, unit, edges, time } = this.query;
    const [first, end] = [edges[0] as number, edges.at(-1) as number];
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
      readers.measured?.(row);
    }
  }

  private readers(of: UnitReader) {
    const { groupBy, whole } = this.query;
    return {
      dimensions: groupBy.map((each, i) => this.#reader(of, each, this.#values[i] as Values)),
      measured: this.#measured(of),
      isWhole: whole === null ? null : of.owned(whole),
    };
  }

  #group(n: number, row: number, dimensions: readonly RowValues[]): void {
    for (const [i, read] of dimensions.entries()) {
      const found = this.#read[i] as Numbers;
      found.length = 0;
      read(row, found);
      if (found.length === 0) found.push(0);
    }
    const [first, second] = this.#read;
    if (!first) return;
    const { rows, groups } = this.#pairs;
    for (let a = 0; a < first.length; a += 1) {
      for (let b = 0; b < (second?.length ?? 1); b += 1) {
        rows.push(n);
        groups.push(this.#groups.groupOf(first.at(a), second?.at(b)));
      }
    }
  }

  #reader(of: UnitReader, dimension: Dimension, values: Values): RowValues {
    if (dimension.type === 'FIELD') return of.values(dimension.field, values);
    const add = (value: FieldValue, to: Numbers) => void to.push(values.numberOf(value));
    if (dimension.type === 'ACCOUNT') {
      const { accounts } = of.block;
      return (row, to) => add(this.facts.nameOf(accounts.valueAt(of.ownerOf(row)) as Account), to);
    }
    const times = of.times(dimension.field);
    return (row, to) => add(ageOf(times[row] as number, dimension), to);
  }

  /** Reads what the measure needs of a row; `null`: nothing. */
  #measured(of: UnitReader): ((row: number) => void) | null {
    const { measure } = this.query;
    if (measure.type === 'COUNT') return null;
    if (measure.type === 'DISTINCT') {
      const { values, starts } = this.#found;
      const read = measure.of === null ? null : of.values(measure.of, this.#distinct);
      return (row) => {
        starts.push(values.length);
        if (read) read(row, values);
        else values.push(this.#owners);
      };
    }
    const { from, to, state } = measure;
    const [begun, ended] = [of.times(from), to === null ? null : of.times(to)];
    const stateOf = of.value(state.field);
    return (row) => {
      const end = ended ? (ended[row] as number) : (this.#settled?.at(of.block, row) ?? Number.NaN);
      this.#durations.push(durationState(begun[row] as number, end, stateOf(row), state));
    };
  }

  collected(): StatisticsRows {
    const { rows, groups } = this.#pairs;
    return {
      ...{ buckets: this.#buckets.array, pairs: { rows: rows.array, groups: groups.array } },
      ...{ keysOf: (group: number) => this.#groups.keysOf(group), groups: this.#groups.size },
      ...{ untimed: this.#untimed, sampled: this.#sampled, measure: this.#measure() },
    };
  }

  #measure(): StatisticsRows['measure'] {
    const { measure } = this.query;
    if (measure.type === 'COUNT') return null;
    if (measure.type === 'DURATION')
      return (rows) => summarizeDurations(rows.map((row) => this.#durations[row] ?? 'UNKNOWN'));
    const [values, starts] = [this.#found.values.array, this.#found.starts];
    starts.push(values.length);
    const seen = new Uint32Array(measure.of === null ? this.#owners + 1 : this.#distinct.all.length);
    let token = 0;
    return (rows) => {
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
  return Number.isNaN(ms) ? null : limits.filter((limit) => at - ms >= limit).length;
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
