import type { FieldSpec } from '../../resources/definition.js';
import type { FieldValue } from '../../values/filter.js';
import { type Instant, toInstant } from '../../values/instant.js';

/*
 * One field of many revisions as bytes. A column of times has milliseconds; every other has codes and the values that
 * they stand for. A column of lists also has the length of each list. Equal values always make equal bytes, so that
 * `verify` can compare them.
 */

/** Numbers of a column, as narrow as they allow. */
export type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** What a column contains, apart from the values themselves. */
type Form = 'VALUES' | 'LISTS' | 'TIMES';

/** By number; from 1 on, since the SQLite driver takes bytes that begin with 0 for text. */
const FORMS: readonly (Form | null)[] = [null, 'VALUES', 'LISTS', 'TIMES'];
const HEADER = 16;
/** The code of `null` in a column of values. */
export const NULL_CODE = 0;

export type ColumnCell = FieldValue | readonly string[];

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

/** A month has its day, other than 29 February: what `Date.parse` reads of such a text is what it says. */
const CERTAIN =
  /^\d{4}-(?:\d\d-(?:[01]\d|2[0-8])|(?!02)\d\d-(?:29|30)|(?:0[13578]|1[02])-31)T(?:[01]\d|2[0-3]):\d\d:\d\d\.\d{3}Z$/;

/** The milliseconds of an instant; `null` for anything else. */
export function toTime(value: FieldValue): number | null {
  if (typeof value !== 'string' || value.length !== 24) return null;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return null;
  return CERTAIN.test(value) || new Date(ms).toISOString() === value ? ms : null;
}

/** As a column of times has the value; `null` for what is no time. */
export function toCell(value: FieldValue): number | null {
  return value === null ? Number.NaN : toTime(value);
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
const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array };
const CODES_HEADER = 24;

export function decodeCodes(bytes: Uint8Array): Codes {
  const head = new Float64Array(aligned(bytes, 0, CODES_HEADER));
  const [count, width, least] = [head[0] as number, head[1] as number, head[2] as number];
  if (width === 0) return new (typeFor(least))(count).fill(least);
  const beyond = new ARRAYS[width as 1 | 2 | 4 | 8](
    aligned(bytes, CODES_HEADER, CODES_HEADER + width * count),
  );
  if (least === 0) return beyond;
  const codes = new (typeFor(least + 256 ** Math.min(width, 4)))(count);
  for (let i = 0; i < count; i += 1) codes[i] = (beyond[i] as number) + least;
  return codes;
}

export function isAllZero(bytes: Uint8Array): boolean {
  const [, width, least] = new Float64Array(aligned(bytes, 0, CODES_HEADER));
  return width === 0 && least === 0;
}

export function typeFor(largest: number) {
  return largest < 0x100
    ? Uint8Array
    : largest < 0x10000
      ? Uint16Array
      : largest < 0x100000000
        ? Uint32Array
        : Float64Array;
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function aligned(bytes: Uint8Array, from: number, to: number): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to) as ArrayBuffer;
}

export function packed(form: Form, size: number, sections: readonly Uint8Array[]): Uint8Array {
  const [first = 0, second = 0] = sections.map(({ length }) => length);
  const head = Uint32Array.of(FORMS.indexOf(form), size, first, second);
  return Buffer.concat([bytesOf(head), ...sections]);
}

/** A column, of which only what is asked for is decoded. */
export class Column {
  readonly size: number;
  readonly form: Form;
  readonly #sections: readonly Uint8Array[];
  #values: readonly FieldValue[] | null = null;
  #codes: Codes | null = null;
  #times: Float64Array | null = null;
  #starts: Uint32Array | null = null;

  constructor(bytes: Uint8Array) {
    const [form = 0, size = 0, first = 0, second = 0] = new Uint32Array(aligned(bytes, 0, HEADER));
    this.form = FORMS[form] ?? 'VALUES';
    this.size = size;
    const ends = [HEADER, HEADER + first, HEADER + first + second];
    this.#sections =
      this.form === 'LISTS'
        ? [...[0, 1].map((i) => bytes.subarray(ends[i], ends[i + 1])), bytes.subarray(ends[2])]
        : [bytes.subarray(ends[0], ends[1]), bytes.subarray(ends[1])];
  }

  /** Milliseconds, NaN for `null`; in the form TIMES. */
  get times(): Float64Array {
    this.#times ??= this.#decodeTimes();
    return this.#times;
  }

  #decodeTimes(): Float64Array {
    const [earliest = Number.NaN] = this.range;
    const codes = decodeCodes(this.#section(1));
    const times = new Float64Array(codes.length);
    for (let i = 0; i < times.length; i += 1) {
      const code = codes[i] as number;
      times[i] = code === 0 ? Number.NaN : earliest + code - 1;
    }
    return times;
  }

  /** The earliest and the latest time, in milliseconds, and how many are `null`; in the form TIMES. */
  get range(): readonly number[] {
    return [...new Float64Array(aligned(this.#section(0), 0, 24))];
  }

  #section(i: number): Uint8Array {
    return this.#sections.at(i) ?? new Uint8Array();
  }

  /** Of each cell or, in the form LISTS, of each value of each list. */
  get codes(): Codes {
    this.#codes ??= decodeCodes(this.#section(-2));
    return this.#codes;
  }

  /** Where each list begins within `codes`, and where the last one ends. */
  get starts(): Uint32Array {
    this.#starts ??= startsOf(decodeCodes(this.#section(0)));
    return this.#starts;
  }

  /** The JSON of the values, without the brackets. */
  get text(): Uint8Array {
    return this.#section(-1).subarray(1, -1);
  }

  get values(): readonly FieldValue[] {
    this.#values ??= [null, ...(JSON.parse(`[${Buffer.from(this.text)}]`) as FieldValue[])];
    return this.#values;
  }

  valueAt(i: number): FieldValue {
    return this.values[this.codes[i] ?? NULL_CODE] ?? null;
  }

  cells(): ColumnCell[] {
    const { form, size } = this;
    if (form === 'TIMES') return Array.from(this.times, toInstantOrNull);
    if (form === 'VALUES') return Array.from({ length: size }, (_, i) => this.valueAt(i));
    const values = Array.from(this.codes, (_, i) => String(this.valueAt(i)));
    const { starts } = this;
    return Array.from({ length: size }, (_, i) => values.slice(starts[i], starts[i + 1]));
  }
}

function toInstantOrNull(ms: number): Instant | null {
  return Number.isNaN(ms) ? null : toInstant(ms);
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

/** Where each of some lists begins when they are laid end to end, and where the last one ends. */
export function startsOf(lengths: Codes): Uint32Array {
  const starts = new Uint32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i += 1) starts[i + 1] = (starts[i] as number) + (lengths[i] as number);
  return starts;
}

export function lengthAt(starts: Uint32Array, i: number): number {
  return (starts[i + 1] ?? 0) - (starts[i] ?? 0);
}
