import type { FieldValue } from '../../values/filter.js';
import type { Unit } from '../statistics.js';
import { type Block, itemColumn } from './block.js';
import type { Codes, Column } from './column.js';
import { columnName, isItemField, sizeOf } from './masks.js';
import type { ScanQuery } from './scan.js';
import { type BlockCells, Numbers, type Values } from './values.js';

/** The values of some rows, by number; 0 stands for none. */
export interface RowNumbers {
  readonly numbers: Codes;
  /** Where those of each row begin, and where the last ones end; `null`: each row has one. */
  readonly starts: ArrayLike<number> | null;
}

export class UnitReader {
  #owners: Uint32Array | null = null;

  constructor(
    private readonly kind: ScanQuery['kind'],
    private readonly unit: Unit,
    readonly block: Block,
    readonly rows: Uint32Array,
  ) {}

  /** The rows of their records. */
  get owners(): Uint32Array {
    if (this.unit === 'RECORD') return this.rows;
    const all = this.block.itemOwners;
    // all rows in their order
    this.#owners ??= this.rows.length === all.length ? all : this.rows.map((row) => all[row] as number);
    return this.#owners;
  }

  only(rows: Uint32Array): UnitReader {
    return new UnitReader(this.kind, this.unit, this.block, rows);
  }

  /** Numbers of all rows of the block, which `make` computes if they are not known, for these rows. */
  computed(cells: BlockCells, make: (all: UnitReader) => Codes): Codes {
    const all = () => this.only(placesUpTo(sizeOf(this.block, this.unit)));
    const { numbers } = cells.of(this.block, () => ({ numbers: make(all()), starts: null, only: null }));
    return this.#areAll(this.rows, numbers.length) ? numbers : gathered(numbers, this.rows);
  }

  #column(field: string): Column {
    return this.block.column(columnName(this.kind, this.unit, field));
  }

  /** Where a column has a field of each row. */
  #places(field: string): Uint32Array {
    return this.unit === 'ITEM' && !isItemField(this.kind, field) ? this.owners : this.rows;
  }

  /** Whether places are those of all cells of a column in their order; records of items repeat. */
  #areAll(places: Uint32Array, size: number): boolean {
    return places === this.rows && places.length === size;
  }

  /** In ms, NaN for none. */
  times(field: string): Float64Array {
    const column = this.#column(field);
    const places = this.#places(field);
    if (column.form === 'TIMES' && this.#areAll(places, column.size)) return column.times;
    const found = new Float64Array(places.length);
    const [values, of] = column.form === 'TIMES' ? [column.times, null] : [timesOf(column), column.codes];
    for (let i = 0; i < found.length; i += 1) {
      const place = places[i] as number;
      found[i] = values[of === null ? place : (of[place] as number)] as number;
    }
    return found;
  }

  /** What each different value of a field comes to, for each row; the field has no more than one value. */
  each(field: string, of: (value: FieldValue) => number): Uint32Array {
    const { codes, values } = this.#column(field);
    return mapped(Uint32Array.from(values, of), codes, this.#places(field));
  }

  numbers(field: string, values: Values): RowNumbers {
    const name = columnName(this.kind, this.unit, field);
    const { numbers, starts: own } = values.of(this.block, name);
    const starts = this.unit === 'RECORD' && name === itemColumn(field) ? this.block.itemStarts : own;
    const places = this.#places(field);
    if (starts !== null) return severalOf(numbers, starts, places);
    return { numbers: this.#areAll(places, numbers.length) ? numbers : gathered(numbers, places), starts };
  }
}

export function placesUpTo(size: number): Uint32Array {
  const places = new Uint32Array(size);
  for (let i = 0; i < size; i += 1) places[i] = i;
  return places;
}

function severalOf(all: Codes, starts: Uint32Array, places: Uint32Array): RowNumbers {
  const [numbers, from] = [new Numbers(), new Numbers()];
  for (let n = 0; n < places.length; n += 1) {
    const place = places[n] as number;
    const first = numbers.length;
    from.push(first);
    for (let i = starts[place] as number; i < (starts[place + 1] as number); i += 1) {
      const number = all[i] as number;
      if (number !== 0 && !numbers.has(number, first)) numbers.push(number);
    }
    if (numbers.length === first) numbers.push(0);
  }
  from.push(numbers.length);
  return { numbers: numbers.array, starts: from.array };
}

function gathered(from: Codes, places: Uint32Array): Codes {
  const found = new (from.constructor as typeof Uint32Array)(places.length);
  for (let i = 0; i < found.length; i += 1) found[i] = from[places[i] as number] as number;
  return found;
}

function mapped(known: Uint32Array, codes: ArrayLike<number>, places: Uint32Array): Uint32Array {
  const found = new Uint32Array(places.length);
  for (let i = 0; i < found.length; i += 1) found[i] = known[codes[places[i] as number] as number] as number;
  return found;
}

/** The instants that codes stand for, if a column has them as texts. */
function timesOf({ values }: Column): Float64Array {
  return Float64Array.from(values, (value) => (typeof value === 'string' ? Date.parse(value) : Number.NaN));
}
