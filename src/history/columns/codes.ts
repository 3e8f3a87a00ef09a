/*
 * Whole numbers as bytes, as narrow as they allow.
 */

/** Numbers of a column, as narrow as they allow. */
export type Codes = Uint8Array | Uint16Array | Uint32Array | Float64Array;

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

function headOf(bytes: Uint8Array) {
  const [count = 0, width = 0, least = 0] = new Float64Array(aligned(bytes, 0, CODES_HEADER));
  return { count, width, least };
}

/** Numbers as they are stored: by how much each exceeds the least; `null` if all are the same. */
export function storedCodes(bytes: Uint8Array) {
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
export function isNarrow(bytes: Uint8Array): boolean {
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

export function aligned(bytes: Uint8Array, from: number, to: number): ArrayBuffer {
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
