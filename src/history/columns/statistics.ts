import type { FieldValue } from '../../values/filter.js';
import {
  type Dimension,
  type DurationState,
  durationState,
  type Measured,
  type StatisticsQuery,
  type StatisticsRows,
  summarizeDurations,
  type Unit,
} from '../statistics.js';
import { type Account, type Block, itemColumn } from './block.js';
import { type Column, NULL_CODE } from './column.js';
import { columnName, isItemField, type Mask } from './masks.js';
import { type ScanQuery, scanned } from './scan.js';

/** What a scan needs to know besides the query. */
export interface StatisticsFacts {
  readonly nameOf: (account: Account) => string;
  /** When the batch of a revision was recorded, in ms. */
  readonly recordedAt: (rev: number) => number;
  /** The field that is true while a record may change, by which it is settled or not. */
  readonly unsettled: string;
}

/** Values by number, 0 for `null`. */
class Values {
  readonly #numbers = new Map<FieldValue, number>([[null, 0]]);
  readonly all: FieldValue[] = [null];

  numberOf(value: FieldValue): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.all.length);
    return this.all.push(value) - 1;
  }
}

/** The numbers of the values of each row of a block; a row without any has none. */
type RowValues = (row: number) => readonly number[];

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
  readonly #buckets: number[] = [];
  readonly #pairs = { rows: [] as number[], groups: [] as number[] };
  readonly #groups = new Map<number, number>();
  readonly #keys: FieldValue[][] = [];
  readonly #values: readonly Values[];
  readonly #distinct = new Values();
  readonly #found: (readonly number[])[] = [];
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
    const { measure } = query;
    this.#settled = measure.type === 'DURATION' && measure.to === null ? new Settled(blocks, facts) : null;
  }

  add(block: Block, mask: Mask): void {
    const { kind, unit, edges, time } = this.query;
    const ofUnit = new UnitReader(kind, unit, block);
    const times = ofUnit.times(time);
    // most blocks have no row of the window, and then only their times are read
    let readers: ReturnType<RowCollector['readers']> | null = null;
    let [bucket, owner] = [0, -1];
    for (let row = mask.indexOf(1); row >= 0; row = mask.indexOf(1, row + 1)) {
      const ms = times[row] as number;
      if (Number.isNaN(ms)) {
        this.#untimed += 1;
        continue;
      }
      if (ms < (edges[0] as number) || ms >= (edges.at(-1) as number)) continue;
      readers ??= this.readers(ofUnit);
      bucket = bucketOf(edges, ms, bucket);
      const n = this.#buckets.push(bucket) - 1;
      if (ofUnit.ownerOf(row) !== owner) {
        owner = ofUnit.ownerOf(row);
        this.#owners += 1;
        if (readers.isWhole !== null && readers.isWhole(owner) !== true) this.#sampled += 1;
      }
      this.#group(n, row, readers.dimensions);
      readers.measured(row);
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

  #group(n: number, row: number, [first, second]: readonly RowValues[]): void {
    if (!first) return;
    for (const a of ofNull(first(row))) {
      if (!second) this.#pair(n, a, [a]);
      else for (const b of ofNull(second(row))) this.#pair(n, a * 2 ** 26 + b, [a, b]);
    }
  }

  #pair(row: number, key: number, numbers: readonly number[]): void {
    let group = this.#groups.get(key);
    if (group === undefined) {
      group = this.#keys.push(numbers.map((number, i) => this.#values[i]?.all[number] ?? null)) - 1;
      this.#groups.set(key, group);
    }
    this.#pairs.rows.push(row);
    this.#pairs.groups.push(group);
  }

  #reader(of: UnitReader, dimension: Dimension, values: Values): RowValues {
    if (dimension.type === 'FIELD') return of.values(dimension.field, values);
    if (dimension.type === 'ACCOUNT') {
      const { accounts } = of.block;
      return (row) => [values.numberOf(this.facts.nameOf(accounts.valueAt(of.ownerOf(row)) as Account))];
    }
    const times = of.times(dimension.field);
    return (row) => [values.numberOf(ageOf(times[row] as number, dimension))];
  }

  /** Reads what the measure needs of a row. */
  #measured(of: UnitReader): (row: number) => void {
    const { measure } = this.query;
    if (measure.type === 'COUNT') return () => {};
    if (measure.type === 'DISTINCT') {
      if (measure.of === null) return () => void this.#found.push([this.#owners]);
      const valuesOf = of.values(measure.of, this.#distinct);
      return (row) => void this.#found.push(valuesOf(row));
    }
    const { from, to, state } = measure;
    const [begun, ended] = [of.times(from), to === null ? null : of.times(to)];
    const states = new Values();
    const stateOf = of.values(state.field, states);
    return (row) => {
      const end = ended ? (ended[row] as number) : (this.#settled?.at(of.block, row) ?? Number.NaN);
      const [value = 0] = stateOf(row);
      this.#durations.push(durationState(begun[row] as number, end, states.all[value] ?? null, state));
    };
  }

  collected(): StatisticsRows {
    return {
      ...{ buckets: this.#buckets, pairs: this.#pairs, keys: this.#keys },
      ...{ untimed: this.#untimed, sampled: this.#sampled, measure: this.#measure() },
    };
  }

  #measure(): (rows: readonly number[]) => Measured {
    const { measure } = this.query;
    if (measure.type === 'COUNT') return ({ length }) => length;
    if (measure.type === 'DURATION')
      return (rows) => summarizeDurations(rows.map((row) => this.#durations[row] ?? 'UNKNOWN'));
    const seen = new Uint32Array(measure.of === null ? this.#owners + 1 : this.#distinct.all.length);
    let token = 0;
    return (rows) => {
      token += 1;
      let count = 0;
      for (const row of rows) {
        for (const value of this.#found[row] ?? []) {
          if (value === 0 || seen[value] === token) continue;
          seen[value] = token;
          count += 1;
        }
      }
      return count;
    };
  }
}

const NULL_GROUP = [0];

function ofNull(values: readonly number[]): readonly number[] {
  return values.length === 0 ? NULL_GROUP : values;
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

/** The fields of the unit's rows in one block. */
class UnitReader {
  readonly #owners: Uint32Array | null;

  constructor(
    private readonly kind: ScanQuery['kind'],
    private readonly unit: Unit,
    readonly block: Block,
  ) {
    this.#owners = unit === 'ITEM' ? ownersOf(block) : null;
  }

  /** The row of the record. */
  ownerOf(row: number): number {
    return this.#owners === null ? row : (this.#owners[row] as number);
  }

  #isOfOwner(field: string): boolean {
    return this.unit === 'ITEM' && !isItemField(this.kind, field);
  }

  /** In ms, NaN for none. */
  times(field: string): Float64Array {
    const column = this.block.column(columnName(this.kind, this.unit, field));
    const times =
      column.form === 'TIMES'
        ? column.times
        : Float64Array.from(column.cells(), (cell) =>
            typeof cell === 'string' ? Date.parse(cell) : Number.NaN,
          );
    const owners = this.#isOfOwner(field) ? this.#owners : null;
    return owners ? Float64Array.from(owners, (owner) => times[owner] as number) : times;
  }

  /** A field of the record, by its row. */
  owned(field: string): (owner: number) => FieldValue {
    const column = this.block.column(columnName(this.kind, 'RECORD', field));
    return (owner) => column.valueAt(owner);
  }

  values(field: string, values: Values): RowValues {
    const name = columnName(this.kind, this.unit, field);
    const column = this.block.column(name);
    const numberOf = numbersOf(column, values);
    const isOfItems = this.unit === 'RECORD' && name === itemColumn(field);
    const starts = isOfItems ? this.block.itemStarts : column.form === 'LISTS' ? column.starts : null;
    const isOfOwner = this.#isOfOwner(field);
    const place = (row: number) => (isOfOwner ? this.ownerOf(row) : row);
    if (starts === null) return (row) => single(numberOf(column.codes[place(row)] as number));
    return (row) => listed(column, numberOf, starts, place(row));
  }
}

function single(number: number): readonly number[] {
  return number === 0 ? [] : [number];
}

function listed(
  column: Column,
  numberOf: (code: number) => number,
  starts: Uint32Array,
  row: number,
): number[] {
  const numbers: number[] = [];
  for (let i = starts[row] as number; i < (starts[row + 1] as number); i += 1) {
    const number = numberOf(column.codes[i] as number);
    if (number !== 0 && !numbers.includes(number)) numbers.push(number);
  }
  return numbers;
}

/** The number of the value of a code. */
function numbersOf(column: Column, values: Values): (code: number) => number {
  const known = new Uint32Array(column.values.length);
  return (code) => {
    if (code === NULL_CODE) return 0;
    if (known[code] === 0) known[code] = values.numberOf(column.values[code] ?? null);
    return known[code] as number;
  };
}

function ownersOf({ itemStarts, size }: Block): Uint32Array {
  const owners = new Uint32Array(itemStarts.at(-1) ?? 0);
  for (let row = 0; row < size; row += 1) owners.fill(row, itemStarts[row], itemStarts[row + 1]);
  return owners;
}

/** Since when each record has been settled, from its versions. */
class Settled {
  /** The first revision of the settled versions that end with a revision. */
  readonly #since = new Map<number, number>();

  constructor(
    blocks: readonly Block[],
    private readonly facts: StatisticsFacts,
  ) {
    for (const block of blocks) {
      const unsettled = block.column(facts.unsettled);
      for (const [row, rev] of block.revs.entries()) {
        if (unsettled.valueAt(row) !== false) continue;
        this.#since.set(rev, this.#since.get(block.priors[row] as number) ?? rev);
      }
    }
  }

  at(block: Block, row: number): number {
    const since = this.#since.get(block.revs[row] as number);
    return since === undefined ? Number.NaN : this.facts.recordedAt(since);
  }
}
