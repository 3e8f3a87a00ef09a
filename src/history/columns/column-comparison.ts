import type { FieldSpec } from '../../resources/definition.js';
import type { FieldValue } from '../../values/filter.js';
import { Column, type ColumnCell, lengthAt, NULL_CODE, toCell } from './column.js';
import { encodeCodes, encodeTimes, packed } from './column-builder.js';

/**
 * Compares a stored column with cells that are added one by one. Cells are compared with what the column has in their
 * place, which takes less time and memory than to make the column again of them.
 */
export class ColumnComparison {
  readonly #column: Column;
  #size = 0;
  /** How many codes were compared, and how many values they stand for, `null` included. */
  #codes = 0;
  #values = NULL_CODE + 1;
  #isEqual = true;

  /** Throws if the bytes are no column. */
  constructor(
    private readonly type: FieldSpec['type'],
    private readonly stored: Uint8Array,
  ) {
    this.#column = new Column(stored);
  }

  add(cell: ColumnCell): void {
    if (!this.#isEqual) return;
    const row = this.#size;
    this.#size += 1;
    const { form } = this.#column;
    if (form === 'TIMES') this.#isEqual = Object.is(toCell(cell as FieldValue), this.#column.times[row]);
    else if (form === 'VALUES') this.#isEqual = this.#isNext(cell as FieldValue);
    else this.#isEqual = this.#areNext(cell as readonly string[], row);
  }

  #areNext(values: readonly string[], row: number): boolean {
    if (values.length !== lengthAt(this.#column.starts, row)) return false;
    for (const value of values) if (!this.#isNext(value)) return false;
    return true;
  }

  /** A value that is new has the next number. */
  #isNext(value: FieldValue): boolean {
    const code = this.#column.codes[this.#codes];
    this.#codes += 1;
    if (code === this.#values) this.#values += 1;
    return code !== undefined && code < this.#values && this.#column.values[code] === value;
  }

  /** The stored bytes if these are what a column of the cells has; `null` if not, or if it cannot be told. */
  get bytes(): Uint8Array | null {
    const wanted = this.#isEqual ? this.#encoded() : null;
    return wanted && Buffer.compare(wanted, this.stored) === 0 ? this.stored : null;
  }

  /** The bytes that follow from the cells, which are those of the column; `null` if it has others as well. */
  #encoded(): Uint8Array | null {
    const { form } = this.#column;
    if (form === 'TIMES') {
      const { times } = this.#column;
      const hasTime = times.some((ms) => !Number.isNaN(ms));
      return this.type === 'instant' && hasTime && times.length === this.#size ? encodeTimes(times) : null;
    }
    const { codes, values } = this.#column;
    if (codes.length !== this.#codes || values.length !== this.#values) return null;
    // the same value would have another number
    if (new Set(values).size !== values.length) return null;
    const hasTimesOnly = values.length > 1 && values.every((value) => toCell(value) !== null);
    if (this.type === 'instant' && hasTimesOnly) return null;
    const sections = [encodeCodes(codes), Buffer.from(JSON.stringify(values.slice(NULL_CODE + 1)))];
    if ((this.type === 'texts') !== (form === 'LISTS')) return null;
    if (form === 'VALUES') return packed(form, this.#size, sections);
    const lengths = Array.from({ length: this.#size }, (_, i) => lengthAt(this.#column.starts, i));
    return packed(form, this.#size, [encodeCodes(lengths), ...sections]);
  }
}
