import type { FieldValue } from '../../values/filter.js';
import {
  type Dimension,
  type Statistics,
  type StatisticsMeasure,
  type StatisticsQuery,
  type StatisticsRows,
  summarize,
} from '../statistics.js';
import type { Account, Block } from './block.js';
import { columnName, type Mask, sizeOf } from './masks.js';
import {
  DistinctRows,
  DurationRows,
  type MeasureRows,
  OwnerRows,
  Settled,
  type SettledFacts,
} from './measures.js';
import { type Finder, finderOf, Replaced, type ScanQuery } from './scan.js';
import { placesUpTo, type RowNumbers, UnitReader } from './unit-reader.js';
import { JoinedNumbers, type KnownValues, Numbers, Values } from './values.js';

export interface StatisticsFacts extends SettledFacts {
  readonly nameOf: (account: Account) => string;
  readonly known: KnownValues;
}

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
    const place = collector.measure(measure, blocks);
    return () => collector.statistics[place] as Statistics;
  });
  for (const block of blocks) {
    for (const collector of collectors.values()) collector.add(block);
    block.forget();
  }
  return results.map((result) => result());
}

class RowCollector {
  readonly #buckets = new JoinedNumbers();
  /** The rows of the pairs of a row and a group; none if each row is in one group. */
  readonly #pairRows = new Numbers();
  /** For each dimension the values of the groups of all pairs. */
  readonly #pairValues: readonly JoinedNumbers[];
  readonly #values: readonly Values[];
  /** `null`: nothing is needed of a row. */
  readonly #measures: (MeasureRows | null)[] = [];
  #statistics: Statistics[] | null = null;
  readonly #query: AskedStatistics['query'];
  readonly #find: Finder;
  #untimed = 0;
  #sampled = 0;

  constructor(
    { scan, query }: AskedStatistics,
    replaced: Replaced,
    private readonly facts: StatisticsFacts,
  ) {
    this.#query = query;
    this.#find = finderOf(replaced, query.unit, scan);
    this.#values = query.groupBy.map((each) => (each.type === 'FIELD' ? this.#of(each.field) : new Values()));
    this.#pairValues = query.groupBy.map(() => new JoinedNumbers());
  }

  #of(field: string): Values {
    const { kind, unit } = this.#query;
    return this.facts.known.of(`${kind} ${columnName(kind, unit, field)}`);
  }

  measure(measure: StatisticsMeasure, blocks: readonly Block[]): number {
    return this.#measures.push(this.#measureRows(measure, blocks)) - 1;
  }

  get statistics(): readonly Statistics[] {
    const measures = this.#measures.map((each) => each?.measure() ?? null);
    this.#statistics ??= summarize(this.#collected(), this.#query, measures);
    return this.#statistics;
  }

  #measureRows(measure: StatisticsMeasure, blocks: readonly Block[]): MeasureRows | null {
    if (measure.type === 'COUNT') return null;
    if (measure.type === 'DURATION') {
      const settled = measure.to === null ? new Settled(blocks, this.facts) : null;
      const { kind, unit } = this.#query;
      return new DurationRows(
        measure,
        settled,
        this.facts.known.computed(JSON.stringify([kind, unit, measure])),
      );
    }
    const { of } = measure;
    if (of === null) return new OwnerRows();
    const place = this.#query.groupBy.findIndex((each) => each.type === 'FIELD' && each.field === of);
    return new DistinctRows(of, place, this.#of(of));
  }

  add(block: Block): void {
    const { kind, unit, edges, time, groupBy } = this.#query;
    const [first = 0, end = 0] = [edges[0], edges.at(-1)];
    const [earliest, latest, nulls] = block.ranges[columnName(kind, unit, time)] ?? [first, first, 1];
    if (nulls === 0 && (latest < first || earliest >= end)) return;
    const mask = this.#find(block);
    if (mask === 'NONE') return;
    const places = mask === 'ALL' ? placesUpTo(sizeOf(block, unit)) : placesIn(mask);
    const all = new UnitReader(kind, unit, block, places);
    const bucket = bucketOf(edges, earliest, 0);
    const isInOne = nulls === 0 && earliest >= (edges[bucket] ?? end) && latest < (edges[bucket + 1] ?? 0);
    // of a block that lies in one bucket the times are not read
    const reader = isInOne ? all : this.#within(all);
    const { rows } = reader;
    if (isInOne) this.#buckets.append(new Uint32Array(rows.length).fill(bucket));
    // most blocks have no row of the window, and then only their times are read
    if (rows.length === 0) return;
    const dimensions = groupBy.map((each, i) => this.#numbers(reader, each, this.#values[i] as Values));
    this.#group(dimensions, rows.length);
    for (const measure of this.#measures) measure?.add(reader, dimensions);
    this.#countSampled(reader);
  }

  /** The rows that lie in a bucket. */
  #within(all: UnitReader): UnitReader {
    const { kind, unit, edges, time } = this.#query;
    const [first = 0, end = 0] = [edges[0], edges.at(-1)];
    const known = this.facts.known.computed(JSON.stringify([kind, unit, time]));
    const times = all.computed(known, (each) => each.times(time));
    const [found, buckets] = [new Uint32Array(times.length), new Uint32Array(times.length)];
    let count = 0;
    for (let i = 0, bucket = 0; i < times.length; i += 1) {
      const ms = times[i] as number;
      if (Number.isNaN(ms)) this.#untimed += 1;
      if (!(ms >= first && ms < end)) continue;
      bucket = bucketOf(edges, ms, bucket);
      buckets[count] = bucket;
      found[count] = all.rows[i] as number;
      count += 1;
    }
    this.#buckets.append(buckets.subarray(0, count));
    return all.only(found.subarray(0, count));
  }

  #countSampled(reader: UnitReader): void {
    const { kind, whole } = this.#query;
    if (whole === null) return;
    const name = columnName(kind, 'RECORD', whole);
    const values = this.facts.known.of(`${kind} ${name}`);
    const { numbers, only } = values.of(reader.block, name);
    const isWhole = values.numberOf(true);
    if (only === isWhole) return;
    const { owners } = reader;
    for (let i = 0; i < owners.length; i += 1) {
      const owner = owners[i] as number;
      if (owner !== owners[i - 1] && numbers[owner] !== isWhole) this.#sampled += 1;
    }
  }

  #group(dimensions: readonly RowNumbers[], size: number): void {
    if (dimensions.every(({ starts }) => starts === null)) {
      for (const [i, { numbers }] of dimensions.entries()) this.#pairValues[i]?.append(numbers);
      return;
    }
    const [first, second] = dimensions as [RowNumbers, RowNumbers?];
    const [firsts, seconds] = [new Numbers(), new Numbers()];
    const row = this.#buckets.length - size;
    const startOf = ({ starts }: RowNumbers, i: number) => (starts === null ? i : (starts[i] as number));
    for (let i = 0; i < size; i += 1) {
      for (let a = startOf(first, i); a < startOf(first, i + 1); a += 1) {
        const end = second ? startOf(second, i + 1) : 1;
        for (let b = second ? startOf(second, i) : 0; b < end; b += 1) {
          this.#pairRows.push(row + i);
          firsts.push(first.numbers[a] as number);
          if (second) seconds.push(second.numbers[b] as number);
        }
      }
    }
    for (const [i, { array }] of [firsts, seconds].entries()) this.#pairValues[i]?.append(array);
  }

  #numbers(of: UnitReader, dimension: Dimension, values: Values): RowNumbers {
    if (dimension.type === 'FIELD') return of.numbers(dimension.field, values);
    if (dimension.type === 'ACCOUNT') {
      const { codes, values: accounts } = of.block.accounts;
      const names = accounts.map((account) =>
        account === null ? 0 : values.numberOf(this.facts.nameOf(account as Account)),
      );
      return { numbers: of.owners.map((owner) => names[codes[owner] as number] as number), starts: null };
    }
    const numbers = [null, ...dimension.limits.keys(), dimension.limits.length].map((age) =>
      values.numberOf(age),
    );
    const times = of.times(dimension.field);
    const ages = Uint32Array.from(times, (ms) => numbers[ageOf(ms, dimension)] as number);
    return { numbers: ages, starts: null };
  }

  #collected(): StatisticsRows {
    const [first, second] = this.#pairValues.map(({ array }) => array);
    const [ofFirst, ofSecond] = this.#values;
    const rows = this.#pairRows.length === 0 ? null : this.#pairRows.array;
    const groups =
      second && ofFirst && ofSecond
        ? pairsOf(first as Uint32Array, second, ofFirst.size > ofSecond.size)
        : null;
    const place = (group: number, i: number) => groups?.places[i]?.[group] ?? group;
    return {
      buckets: this.#buckets.array,
      pairs: { rows, groups: groups?.numbers ?? first ?? new Uint32Array() },
      groups: groups?.size ?? ofFirst?.size ?? 0,
      keysOf: (group) => this.#values.map((values, i): FieldValue => values.at(place(group, i))),
      compare: (a, b) =>
        ofFirst?.compare(place(a, 0), place(b, 0)) || ofSecond?.compare(place(a, 1), place(b, 1)) || 0,
      ...{ untimed: this.#untimed, sampled: this.#sampled },
    };
  }
}

const SCATTER = 0x9e3779b1;

function pairsOf(first: Uint32Array, second: Uint32Array, isFirstWider: boolean) {
  const numbers = new Uint32Array(first.length);
  const [firsts, seconds] = [new Uint32Array(numbers.length), new Uint32Array(numbers.length)];
  let size = 0;
  // at most half full; rows that follow each other mostly have places near each other
  const table = new Uint32Array(2 ** Math.ceil(Math.log2(2 * numbers.length + 2)));
  const last = table.length - 1;
  for (let i = 0; i < numbers.length; i += 1) {
    const [a, b] = [first[i] as number, second[i] as number];
    let place = (isFirstWider ? a + Math.imul(b, SCATTER) : b + Math.imul(a, SCATTER)) & last;
    let next = table[place] as number;
    while (next !== 0 && (firsts[next - 1] !== a || seconds[next - 1] !== b)) {
      place = (place + 1) & last;
      next = table[place] as number;
    }
    if (next === 0) {
      firsts[size] = a;
      seconds[size] = b;
      size += 1;
      next = size;
      table[place] = next;
    }
    numbers[i] = next - 1;
  }
  return { numbers, size, places: [firsts, seconds] };
}

function placesIn(mask: Mask): Uint32Array {
  const places = new Uint32Array(mask.length);
  let count = 0;
  for (let i = 0; i < mask.length; i += 1) {
    places[count] = i;
    count += mask[i] as number;
  }
  return places.subarray(0, count);
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

/** 0 without a time, else one more than the number of limits that the age reaches. */
function ageOf(ms: number, { at, limits }: Extract<Dimension, { readonly type: 'AGE' }>): number {
  if (Number.isNaN(ms)) return 0;
  let reached = 1;
  for (const limit of limits) if (at - ms >= limit) reached += 1;
  return reached;
}
