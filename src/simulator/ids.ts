import { gather, hash32, scatter } from './random.js';

/** Ids of one kind: each tells its index, so that a record is found by its id without a table. */
export interface Ids {
  of(index: number): string;
  /** `null` when no record has this id. */
  indexOf(id: string): number | null;
  /** A number by which the API orders its pages: unrelated to any time. */
  rank(index: number): number;
}

/** Ids that look like random UUIDs. */
export function uuids(seed: number, count: number): Ids {
  const key = hash32(seed, 11);
  const rank = (index: number) => scatter(index ^ key);
  const of = (index: number) => uuid(rank(index), hash32(seed, 12, index), hash32(seed, 13, index), seed);
  return { of, rank, indexOf: (id) => verified(gather(Number.parseInt(id.slice(0, 8), 16)) ^ key, id) };

  function verified(found: number, id: string): number | null {
    const index = found >>> 0;
    return index < count && of(index) === id ? index : null;
  }
}

/** A UUID of version 4 from four words. */
export function uuid(a: number, b: number, c: number, d: number): string {
  const tail = hex(scatter(c ^ d));
  const version = `4${hex(b).slice(5)}`;
  const variant = `${'89ab'[c & 3]}${hex(c).slice(5)}`;
  return `${hex(a)}-${hex(b).slice(0, 4)}-${version}-${variant}-${tail}${hex(b ^ c).slice(0, 4)}`;
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0');
}

const FIRST_CASE = 10_412_000;
const CASE_STEP = 7;

/** Ids that grow with the index, with gaps, as those of cases do. */
export function caseNumbers(seed: number, count: number): Ids {
  const key = hash32(seed, 11);
  const of = (index: number) =>
    String(FIRST_CASE + index * CASE_STEP + (hash32(seed, 12, index) % CASE_STEP));
  return {
    of,
    rank: (index) => scatter(index ^ key),
    indexOf(id) {
      const index = Math.floor((Number(id) - FIRST_CASE) / CASE_STEP);
      return index >= 0 && index < count && of(index) === id ? index : null;
    },
  };
}

/** A signed 64-bit integer as text. */
export function int64Text(high: number, low: number): string {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString();
}
