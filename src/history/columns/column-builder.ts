import type { FieldSpec } from '../../resources/definition.js';
import type { FieldValue } from '../../values/filter.js';
import {
  ARRAYS,
  bytesOf,
  CODES_HEADER,
  type Column,
  type ColumnCell,
  FORMS,
  type Form,
  lengthAt,
  NULL_CODE,
  toCell,
  toInstantOrNull,
} from './column.js';

/** Makes the bytes of one column of cells that are added one by one, and keeps none of them. */
export class ColumnBuilder {
  readonly #dictionary = new Dictionary();
  readonly #codes: number[] = [];
  readonly #lengths: number[] | null;
  /** As long as all cells are `null` or instants in the form that the gateway writes; otherwise texts are kept. */
  #times: number[] | null;
  #size = 0;

  constructor(type: FieldSpec['type']) {
    this.#lengths = type === 'texts' ? [] : null;
    this.#times = type === 'instant' ? [] : null;
  }

  add(cell: ColumnCell): void {
    this.#size += 1;
    if (this.#times !== null && this.#isTime(cell as FieldValue)) return;
    if (this.#lengths === null) this.#codes.push(this.#dictionary.codeOf(cell as FieldValue));
    else {
      const values = cell as readonly string[];
      this.#lengths.push(values.length);
      for (const value of values) this.#codes.push(this.#dictionary.codeOf(value));
    }
  }

  #isTime(cell: FieldValue): boolean {
    const ms = toCell(cell);
    if (ms === null) this.#keepTexts();
    else this.#times?.push(ms);
    return ms !== null;
  }

  #keepTexts(): void {
    const times = this.#times ?? [];
    this.#times = null;
    for (const ms of times) this.#codes.push(this.#dictionary.codeOf(toInstantOrNull(ms)));
  }

  get bytes(): Uint8Array {
    if (this.#times?.some((ms) => !Number.isNaN(ms))) return encodeTimes(Float64Array.from(this.#times));
    this.#keepTexts();
    const sections = [encodeCodes(this.#codes), this.#dictionary.bytes];
    if (this.#lengths === null) return packed('VALUES', this.#size, sections);
    return packed('LISTS', this.#size, [encodeCodes(this.#lengths), ...sections]);
  }
}

export function encodeColumn(type: FieldSpec['type'], cells: Iterable<ColumnCell>): Uint8Array {
  const column = new ColumnBuilder(type);
  for (const cell of cells) column.add(cell);
  return column.bytes;
}

/** As distances from the earliest, 0 for `null`. */
export function encodeTimes(times: Float64Array): Uint8Array {
  let [earliest, latest, nulls] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const ms of times) {
    if (ms < earliest) earliest = ms;
    if (ms > latest) latest = ms;
    if (Number.isNaN(ms)) nulls += 1;
  }
  const codes = encodeCodes(times.map((ms) => (Number.isNaN(ms) ? 0 : ms - earliest + 1)));
  return packed('TIMES', times.length, [bytesOf(Float64Array.of(earliest, latest, nulls)), codes]);
}

class Dictionary {
  readonly #codes = new Map<FieldValue, number>([[null, NULL_CODE]]);

  codeOf(value: FieldValue): number {
    const known = this.#codes.get(value);
    if (known !== undefined) return known;
    const code = this.#codes.size;
    this.#codes.set(value, code);
    return code;
  }

  get bytes(): Uint8Array {
    const [, ...values] = this.#codes.keys();
    return Buffer.from(JSON.stringify(values));
  }
}

export function encodeValues(cells: Iterable<FieldValue>): Uint8Array {
  return encodeColumn('text', cells);
}

/** Whole numbers as bytes: how many, their width and the least of them, then by how much each exceeds it. */
export function encodeCodes(codes: ArrayLike<number>): Uint8Array {
  let least = codes[0] ?? 0;
  let most = least;
  for (let i = 1; i < codes.length; i += 1) {
    const code = codes[i] as number;
    if (code < least) least = code;
    if (code > most) most = code;
  }
  const width = WIDTHS.find((bytes) => most - least < 256 ** bytes) ?? 8;
  const bytes = new Uint8Array(CODES_HEADER + width * codes.length);
  new Float64Array(bytes.buffer, 0, 3).set([codes.length, width, least]);
  if (width === 0) return bytes;
  const beyond = new ARRAYS[width](bytes.buffer, CODES_HEADER);
  for (let i = 0; i < codes.length; i += 1) beyond[i] = (codes[i] as number) - least;
  return bytes;
}

const WIDTHS = [0, 1, 2, 4] as const;

export function packed(form: Form, size: number, sections: readonly Uint8Array[]): Uint8Array {
  const [first = 0, second = 0] = sections.map(({ length }) => length);
  const head = Uint32Array.of(FORMS.indexOf(form), size, first, second);
  return Buffer.concat([bytesOf(head), ...sections]);
}

/** The column of all cells of some columns, one after the other. */
export function concatColumns(type: FieldSpec['type'], columns: readonly Column[]): Uint8Array {
  const forms = new Set(columns.map(({ form }) => form));
  const [form] = forms;
  if (form === undefined || forms.size > 1) {
    const cells = columns.flatMap((column) => column.cells());
    return encodeColumn(type, cells);
  }
  if (form === 'TIMES') return encodeTimes(Float64Array.from(columns.flatMap(({ times }) => [...times])));
  // a column numbers its values in the order of its cells: those of all columns follow from the values alone
  const dictionary = new Dictionary();
  const codes: number[] = [];
  for (const column of columns) {
    const known = column.values.map((value) => dictionary.codeOf(value));
    for (const code of column.codes) codes.push(known[code] as number);
  }
  const size = columns.reduce((sum, column) => sum + column.size, 0);
  const sections = [encodeCodes(codes), dictionary.bytes];
  if (form === 'VALUES') return packed(form, size, sections);
  const lengths = columns.flatMap(({ starts, size: of }) =>
    Array.from({ length: of }, (_, i) => lengthAt(starts, i)),
  );
  return packed(form, size, [encodeCodes(lengths), ...sections]);
}
