import type { FieldValue } from '../../values/filter.js';
import type { Unit } from '../statistics.js';
import { type Block, itemColumn } from './block.js';
import { type Column, NULL_CODE } from './column.js';
import { columnName, isItemField } from './masks.js';
import type { ScanQuery } from './scan.js';

/** Values by number, 0 for `null`. */
export class Values {
  readonly #numbers = new Map<FieldValue, number>([[null, 0]]);
  readonly all: FieldValue[] = [null];

  numberOf(value: FieldValue): number {
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    this.#numbers.set(value, this.all.length);
    return this.all.push(value) - 1;
  }
}

/** Numbers, as many as come. */
export class Numbers {
  #all = new Uint32Array(1_024);
  length = 0;

  push(value: number): number {
    if (this.length === this.#all.length) {
      const larger = new Uint32Array(2 * this.length);
      larger.set(this.#all);
      this.#all = larger;
    }
    this.#all[this.length] = value;
    this.length += 1;
    return this.length;
  }

  at(i: number): number {
    return this.#all[i] as number;
  }

  put(i: number, value: number): void {
    this.#all[i] = value;
  }

  /** Whether a number is among those from place `from` on. */
  has(value: number, from: number): boolean {
    for (let i = from; i < this.length; i += 1) if (this.#all[i] === value) return true;
    return false;
  }

  get array(): Uint32Array {
    return this.#all.subarray(0, this.length);
  }
}

/** The values of the rows of a block, by number. */
export interface RowValues {
  /** The number of the only value of a row, 0 for none; `null` if rows may have several. */
  readonly one: ((row: number) => number) | null;
  /** Adds the numbers of the values of a row; none if it has no value. */
  add(row: number, to: Numbers): void;
}

/** A row has one value or none. */
export function oneValue(one: (row: number) => number): RowValues {
  return {
    one,
    add(row, to) {
      const number = one(row);
      if (number !== 0) to.push(number);
    },
  };
}

/** The fields of the unit's rows in one block. */
export class UnitReader {
  readonly #owners: Uint32Array | null;

  constructor(
    private readonly kind: ScanQuery['kind'],
    private readonly unit: Unit,
    readonly block: Block,
  ) {
    this.#owners = unit === 'ITEM' ? block.itemOwners : null;
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

  /** A field that has no more than one value. */
  value(field: string): (row: number) => FieldValue {
    const column = this.block.column(columnName(this.kind, this.unit, field));
    const isOfOwner = this.#isOfOwner(field);
    return (row) => column.valueAt(isOfOwner ? this.ownerOf(row) : row);
  }

  values(field: string, values: Values): RowValues {
    const name = columnName(this.kind, this.unit, field);
    const column = this.block.column(name);
    const { codes } = column;
    const numberOf = numbersOf(column, values);
    const isOfItems = this.unit === 'RECORD' && name === itemColumn(field);
    const starts = isOfItems ? this.block.itemStarts : column.form === 'LISTS' ? column.starts : null;
    const owners = this.#isOfOwner(field) ? this.#owners : null;
    const rowOf = (row: number) => (owners === null ? row : (owners[row] as number));
    if (starts === null) return oneValue((row) => numberOf(codes[rowOf(row)] as number));
    return {
      one: null,
      add(row, to) {
        const [place, from] = [rowOf(row), to.length];
        for (let i = starts[place] as number; i < (starts[place + 1] as number); i += 1) {
          const number = numberOf(codes[i] as number);
          if (number !== 0 && !to.has(number, from)) to.push(number);
        }
      },
    };
  }
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
