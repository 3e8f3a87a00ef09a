import { durationOf, meanOf, numberOfDuration, rankOf } from '../../values/duration-tally.js';
import type { DurationMeasure, DurationSummary, RowMeasure } from '../statistics.js';
import type { Block } from './block.js';
import { type Codes, typeFor } from './column.js';
import type { RowNumbers, UnitReader } from './unit-reader.js';
import { type BlockCells, JoinedNumbers, Numbers, type Values } from './values.js';

export interface MeasureRows {
  /** Takes the rows of a block; `dimensions` are their values. */
  add(of: UnitReader, dimensions: readonly RowNumbers[]): void;
  measure(): RowMeasure;
}

export class DistinctRows implements MeasureRows {
  readonly #numbers = new JoinedNumbers();
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
  readonly #numbers = new JoinedNumbers();
  #owners = 0;

  add({ owners }: UnitReader): void {
    const numbers = new Uint32Array(owners.length);
    for (let i = 0; i < owners.length; i += 1) {
      if (i === 0 || owners[i] !== owners[i - 1]) this.#owners += 1;
      numbers[i] = this.#owners;
    }
    this.#numbers.append(numbers);
  }

  measure(): RowMeasure {
    return differentIn(this.#numbers.array, null, this.#owners + 1);
  }
}

/** Counts the different numbers of rows, except 0. All are less than `size`. */
function differentIn(numbers: Uint32Array, starts: Uint32Array | null, size: number): RowMeasure {
  const seen = new Uint32Array(size);
  let token = 0;
  return (rows) => {
    token += 1;
    seen[0] = token;
    let count = 0;
    if (starts === null) {
      for (let k = 0; k < rows.length; k += 1) {
        const number = numbers[rows[k] as number] as number;
        if (seen[number] === token) continue;
        seen[number] = token;
        count += 1;
      }
      return count;
    }
    for (let k = 0; k < rows.length; k += 1) {
      const row = rows[k] as number;
      for (let i = starts[row] as number; i < (starts[row + 1] as number); i += 1) {
        const number = numbers[i] as number;
        if (seen[number] === token) continue;
        seen[number] = token;
        count += 1;
      }
    }
    return count;
  };
}

/** Why a duration has no length. */
const [NONE, PENDING, UNKNOWN] = [0, 1, 2];

/** What follows is the number of a length. */
const FIRST_LENGTH = 3;
/** Lengths up to six years have lower numbers: an array has a place for each. */
const NEAR = 0x10000;

export class DurationRows implements MeasureRows {
  /** For each row the number of its length, or why it has none. */
  readonly #numbers = new JoinedNumbers();

  constructor(
    private readonly duration: DurationMeasure,
    private readonly settled: Settled | null,
    /** What other requests computed, unless it depends on the view. */
    private readonly known: BlockCells,
  ) {}

  add(reader: UnitReader): void {
    const isKnown = this.settled === null;
    this.#numbers.append(isKnown ? reader.computed(this.known, (all) => this.#of(all)) : this.#of(reader));
  }

  #of(reader: UnitReader): Codes {
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
      numbers[i] =
        isBegun && !Number.isNaN(end)
          ? FIRST_LENGTH + numberOfDuration(end - start)
          : isBegun || absence === NONE
            ? absence
            : UNKNOWN;
    }
    return new (typeFor(largestOf(numbers)))(numbers);
  }

  #settledAt({ block, rows }: UnitReader, i: number): number {
    return this.settled?.at(block, rows[i] as number) ?? Number.NaN;
  }

  measure(): RowMeasure {
    const numbers = this.#numbers.array;
    const largest = largestOf(numbers);
    const far = largest < NEAR ? [] : renumberFar(numbers);
    const counts = new Uint32Array(far.length > 0 ? NEAR + far.length : largest + FIRST_LENGTH);
    const different = new Uint32Array(counts.length);
    // a bit for each number that occurs, so that they are found in their order
    const bits = new Uint32Array((counts.length >>> 5) + 1);
    return (rows) => {
      for (let i = 0; i < rows.length; i += 1) {
        const number = numbers[rows[i] as number] as number;
        counts[number] = (counts[number] as number) + 1;
        bits[number >>> 5] = (bits[number >>> 5] as number) | (1 << (number & 31));
      }
      let size = 0;
      for (let i = 0; i < bits.length; i += 1) {
        for (let left = bits[i] as number; left !== 0; left &= left - 1) {
          different[size] = 32 * i + 31 - Math.clz32(left & -left);
          size += 1;
        }
        bits[i] = 0;
      }
      const found = different.subarray(0, size);
      const summary = summaryOf(found, counts, far);
      for (let i = 0; i < size; i += 1) counts[found[i] as number] = 0;
      return summary;
    };
  }
}

function largestOf(numbers: Uint32Array): number {
  let largest = 0;
  for (let i = 0; i < numbers.length; i += 1)
    if ((numbers[i] as number) > largest) largest = numbers[i] as number;
  return largest;
}

/** Gives the next free numbers to the few lengths whose numbers are so large, in their order; returns what they were. */
function renumberFar(numbers: Uint32Array): number[] {
  const far = new Set<number>();
  for (let i = 0; i < numbers.length; i += 1)
    if ((numbers[i] as number) >= NEAR) far.add(numbers[i] as number);
  const ordered = [...far].sort((a, b) => a - b);
  const renumbered = new Map(ordered.map((number, i) => [number, NEAR + i]));
  for (let i = 0; i < numbers.length; i += 1)
    numbers[i] = renumbered.get(numbers[i] as number) ?? (numbers[i] as number);
  return ordered;
}

/** Of the numbers that occur, in their order; `counts` says how often each does. */
function summaryOf(found: Uint32Array, counts: Uint32Array, far: readonly number[]): DurationSummary {
  const lengthOf = (number: number) =>
    durationOf((number < NEAR ? number : (far[number - NEAR] as number)) - FIRST_LENGTH);
  let first = 0;
  while ((found[first] as number) < FIRST_LENGTH) first += 1;
  let [count, sum] = [0, 0];
  for (let i = first; i < found.length; i += 1) {
    const number = found[i] as number;
    count += counts[number] as number;
    sum += (counts[number] as number) * lengthOf(number);
  }
  const at = (share: number) => {
    let left = rankOf(share, count);
    for (let i = first; i < found.length; i += 1) {
      const number = found[i] as number;
      left -= counts[number] as number;
      if (left <= 0) return lengthOf(number);
    }
    return null;
  };
  const [pending, unknown] = [counts[PENDING] as number, counts[UNKNOWN] as number];
  const mean = meanOf(sum, count);
  return { count, pending, unknown, min: at(0), median: at(0.5), p95: at(0.95), max: at(1), mean };
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
