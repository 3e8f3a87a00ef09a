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
export type Form = 'VALUES' | 'LISTS' | 'TIMES';

/** By number; from 1 on, since the SQLite driver takes bytes that begin with 0 for text. */
export const FORMS: readonly (Form | null)[] = [null, 'VALUES', 'LISTS', 'TIMES'];
const HEADER = 16;
export const ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array };
export const CODES_HEADER = 24;
/** The code of `null` in a column of values. */
export const NULL_CODE = 0;

/** What a column takes besides its bytes, and each of its values besides its text. */
const COLUMN_BYTES = 650;
const VALUE_BYTES = 32;

export type ColumnCell = FieldValue | readonly string[];

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

/** A column, of which only what is asked for is decoded. */
export class Column {
  readonly size: number;
  readonly form: Form;
  /** Whether there are no more than 256 different values. */
  readonly isNarrow: boolean;
  readonly #sections: readonly Uint8Array[];
  #values: readonly FieldValue[] | null = null;
  #codes: Codes | null = null;
  #times: Float64Array | null = null;
  #starts: Uint32Array | null = null;
  #counts: { readonly of: Uint32Array | null; readonly counts: Uint32Array } | null = null;

  constructor(bytes: Uint8Array) {
    const [form = 0, size = 0, first = 0, second = 0] = new Uint32Array(aligned(bytes, 0, HEADER));
    this.form = FORMS[form] ?? 'VALUES';
    this.size = size;
    const ends = [HEADER, HEADER + first, HEADER + first + second];
    this.#sections =
      this.form === 'LISTS'
        ? [...[0, 1].map((i) => bytes.subarray(ends[i], ends[i + 1])), bytes.subarray(ends[2])]
        : [bytes.subarray(ends[0], ends[1]), bytes.subarray(ends[1])];
    this.isNarrow = this.form !== 'TIMES' && isNarrow(this.#section(-2));
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

  /** Of what is decoded, about as much as it takes. */
  get bytes(): number {
    let bytes = COLUMN_BYTES + (this.#codes?.byteLength ?? 0) + (this.#starts?.byteLength ?? 0);
    for (const section of this.#sections) bytes += section.length;
    bytes += this.#counts?.counts.byteLength ?? 0;
    return bytes + (this.#values === null ? 0 : VALUE_BYTES * this.#values.length + this.text.length);
  }

  /** Of each cell or, in the form LISTS, of each value of each list. */
  get codes(): Codes {
    this.#codes ??= decodeCodes(this.#section(-2));
    return this.#codes;
  }

  /** What a table has for each code. No codes are decoded for it. */
  mapped(table: Uint8Array): Uint8Array {
    const { count, least, beyond } = storedCodes(this.#section(-2));
    const mapped = new Uint8Array(count);
    if (beyond === null) return mapped.fill(table[least] as number);
    const after = table.subarray(least);
    for (let i = 0; i < count; i += 1) mapped[i] = after[beyond[i] as number] as number;
    return mapped;
  }

  /** How many cells have each code or, of the lists that begin at `starts`, how many lists have it. */
  counts(starts: Uint32Array | null): Uint32Array {
    if (this.#counts?.of !== starts) this.#counts = { of: starts, counts: this.#count(starts) };
    return this.#counts.counts;
  }

  #count(starts: Uint32Array | null): Uint32Array {
    const { count, least, beyond } = storedCodes(this.#section(-2));
    const [counts, last] = [new Uint32Array(this.values.length), new Uint32Array(this.values.length)];
    const size = starts === null ? count : starts.length - 1;
    for (let i = 0, n = 0; i < size; i += 1) {
      const end = starts === null ? i + 1 : (starts[i + 1] as number);
      for (; n < end; n += 1) {
        const code = beyond === null ? least : (beyond[n] as number) + least;
        if (last[code] === i + 1) continue;
        last[code] = i + 1;
        counts[code] = (counts[code] as number) + 1;
      }
    }
    return counts;
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

export function toInstantOrNull(ms: number): Instant | null {
  return Number.isNaN(ms) ? null : toInstant(ms);
}

function headOf(bytes: Uint8Array) {
  const [count = 0, width = 0, least = 0] = new Float64Array(aligned(bytes, 0, CODES_HEADER));
  return { count, width, least };
}

/** Numbers as they are stored: by how much each exceeds the least; `null` if all are the same. */
function storedCodes(bytes: Uint8Array) {
  const head = headOf(bytes);
  if (head.width === 0) return { ...head, beyond: null };
  const stored = aligned(bytes, CODES_HEADER, CODES_HEADER + head.width * head.count);
  return { ...head, beyond: new ARRAYS[head.width as 1 | 2 | 4 | 8](stored) };
}

export function decodeCodes(bytes: Uint8Array): Codes {
  const { count, width, least, beyond } = storedCodes(bytes);
  if (beyond === null) return new (typeFor(least))(count).fill(least);
  if (least === 0) return beyond;
  const codes = new (typeFor(least + 256 ** Math.min(width, 4)))(count);
  for (let i = 0; i < count; i += 1) codes[i] = (beyond[i] as number) + least;
  return codes;
}

export function isAllZero(bytes: Uint8Array): boolean {
  const { width, least } = headOf(bytes);
  return width === 0 && least === 0;
}

/** Whether numbers that are less than 256 apart are stored. */
function isNarrow(bytes: Uint8Array): boolean {
  return headOf(bytes).width <= 1;
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

export function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function aligned(bytes: Uint8Array, from: number, to: number): ArrayBuffer {
  return bytes.buffer.slice(bytes.byteOffset + from, bytes.byteOffset + to) as ArrayBuffer;
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
