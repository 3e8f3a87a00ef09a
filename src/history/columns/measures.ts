import { DurationTally, raise } from '../../values/duration-tally.js';
import type { DurationMeasure, RowMeasure } from '../statistics.js';
import type { Block } from './block.js';
import type { RowNumbers, UnitReader } from './unit-reader.js';
import { Numbers, type Values } from './values.js';

/** What a measure needs of the rows that are counted. */
export interface MeasureRows {
  /** Takes the rows of a block; `dimensions` are their values, and `firstOwner` is the number of the first record. */
  add(of: UnitReader, dimensions: readonly RowNumbers[], firstOwner: number): void;
  measure(): RowMeasure;
}

export class DistinctRows implements MeasureRows {
  readonly #numbers = new Numbers();
  /** Where the numbers of each row begin; none if each row has one. */
  readonly #starts = new Numbers();

  constructor(
    private readonly of: string,
    /** The dimension that has the same values; -1 if none has. */
    private readonly place: number,
    private readonly values: Values,
  ) {}

  add(reader: UnitReader, dimensions: readonly RowNumbers[]): void {
    const { numbers, starts } = dimensions[this.place] ?? reader.numbers(this.of, this.values);
    for (let i = 0; starts && i + 1 < starts.length; i += 1)
      this.#starts.push(this.#numbers.length + (starts[i] as number));
    this.#numbers.append(numbers);
  }

  measure(): RowMeasure {
    const starts = this.#starts.length === 0 ? null : this.#starts;
    starts?.push(this.#numbers.length);
    return differentIn(this.#numbers.array, starts?.array ?? null, this.values.size);
  }
}

export class OwnerRows implements MeasureRows {
  readonly #owners = new Numbers();

  add({ owners }: UnitReader, _: readonly RowNumbers[], firstOwner: number): void {
    for (let i = 0, owner = firstOwner; i < owners.length; i += 1) {
      if (i > 0 && owners[i] !== owners[i - 1]) owner += 1;
      this.#owners.push(owner);
    }
  }

  measure(): RowMeasure {
    return differentIn(this.#owners.array, null, this.#owners.length + 1);
  }
}

/** Counts the different numbers of rows, except 0. All are less than `size`. */
function differentIn(numbers: Uint32Array, starts: Uint32Array | null, size: number): RowMeasure {
  const seen = new Uint32Array(size);
  let token = 0;
  return (rows) => {
    token += 1;
    let count = 0;
    for (let k = 0; k < rows.length; k += 1) {
      const row = rows[k] as number;
      const end = starts === null ? row + 1 : (starts[row + 1] as number);
      for (let i = starts === null ? row : (starts[row] as number); i < end; i += 1) {
        const number = numbers[i] as number;
        if (number === 0 || seen[number] === token) continue;
        seen[number] = token;
        count += 1;
      }
    }
    return count;
  };
}

/** Why a duration has no length. */
const [NONE, PENDING, UNKNOWN] = [0, 1, 2];

export class DurationRows implements MeasureRows {
  /** For each row the number of its length, or why it has none. */
  readonly #numbers = new Numbers();
  /** Lengths by number, rounded up: there are few. */
  readonly #lengths: number[] = [NONE, PENDING, UNKNOWN];
  readonly #known = new Map<number, number>();

  constructor(
    private readonly duration: DurationMeasure,
    private readonly settled: Settled | null,
  ) {}

  add(reader: UnitReader): void {
    const { from, to, state } = this.duration;
    const [begun, ended] = [reader.times(from), to === null ? null : reader.times(to)];
    const absences = reader.each(state.field, (value) =>
      state.none.includes(value) ? NONE : state.pending.includes(value) ? PENDING : UNKNOWN,
    );
    const numbers = new Uint32Array(begun.length);
    for (let i = 0; i < numbers.length; i += 1) {
      const [start, end] = [begun[i] as number, ended ? (ended[i] as number) : this.#settledAt(reader, i)];
      const absence = absences[i] as number;
      const isBegun = !Number.isNaN(start);
      if (isBegun && !Number.isNaN(end)) numbers[i] = this.#numberOf(end - start);
      else numbers[i] = isBegun || absence === NONE ? absence : UNKNOWN;
    }
    this.#numbers.append(numbers);
  }

  #settledAt({ block, rows }: UnitReader, i: number): number {
    return this.settled?.at(block, rows[i] as number) ?? Number.NaN;
  }

  #numberOf(ms: number): number {
    const length = raise(ms);
    const known = this.#known.get(length);
    if (known !== undefined) return known;
    this.#known.set(length, this.#lengths.length);
    return this.#lengths.push(length) - 1;
  }

  measure(): RowMeasure {
    const [numbers, lengths] = [this.#numbers.array, this.#lengths];
    const counts = new Uint32Array(lengths.length);
    return (rows) => {
      const found: number[] = [];
      for (let i = 0; i < rows.length; i += 1) {
        const number = numbers[rows[i] as number] as number;
        if (counts[number] === 0) found.push(number);
        counts[number] = (counts[number] as number) + 1;
      }
      const tally = new DurationTally();
      const [pending, unknown] = [counts[PENDING] as number, counts[UNKNOWN] as number];
      for (const number of found) {
        if (number > UNKNOWN) tally.add(lengths[number] as number, counts[number]);
        counts[number] = 0;
      }
      const at = (share: number) => tally.percentile(share);
      const { size: count, mean } = tally;
      return { count, pending, unknown, min: at(0), median: at(0.5), p95: at(0.95), max: at(1), mean };
    };
  }
}

export interface SettledFacts {
  /** When the batch of a revision was recorded, in ms. */
  readonly recordedAt: (rev: number) => number;
  /** The field that is true while a record may change, by which it is settled or not; `null`: all are settled. */
  readonly unsettled: string | null;
}

/** Since when each record has been settled, from its versions. */
export class Settled {
  /** For each revision the first one of the settled versions that end with it; 0 if it is not settled. */
  readonly #since: Uint32Array;

  constructor(
    blocks: readonly Block[],
    private readonly facts: SettledFacts,
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
