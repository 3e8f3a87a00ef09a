/** Murmur3's finaliser: a bijection of 32-bit integers that separates neighbours. */
export function scatter(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function gather(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7ed1b41d);
  h = Math.imul(h ^ (h >>> 13) ^ (h >>> 26), 0xa5cb9243);
  return (h ^ (h >>> 16)) >>> 0;
}

export function hash32(seed: number, a: number, b = 0, c = 0): number {
  let h = scatter(seed ^ Math.imul(a, 0x9e3779b1));
  h = scatter(h ^ Math.imul(b, 0x85ebca77));
  return scatter(h ^ Math.imul(c, 0xc2b2ae3d));
}

export function unit(seed: number, a: number, b = 0, c = 0): number {
  return hash32(seed, a, b, c) / 0x1_0000_0000;
}

export function seedOf(seed: number | string): number {
  if (typeof seed === 'number') return scatter(seed);
  let h = 0;
  for (let i = 0; i < seed.length; i++) h = scatter(h ^ Math.imul(seed.charCodeAt(i), 0x9e3779b1));
  return h;
}

export class Random {
  #state: number;

  constructor(seed: number, a: number, b = 0, c = 0) {
    this.#state = hash32(seed, a, b, c);
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return scatter(this.#state);
  }

  unit(): number {
    return this.next() / 0x1_0000_0000;
  }

  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  between(from: number, to: number): number {
    return from + this.below(to - from);
  }

  chance(share: number): boolean {
    return this.unit() < share;
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }
}

/** Ids that encode the index, so that a record is found without a table. */
export interface Ids {
  of(index: number): string;
  /** `null` if no record has this id. */
  indexOf(id: string): number | null;
  /** The order of the API's pages, unrelated to time. */
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

/** Ids that grow with the index, with gaps, as those of cases. */
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

export function int64Text(high: number, low: number): string {
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low)).toString();
}
