/** Murmur3's finaliser: a bijection of 32-bit integers that scatters neighbours. */
export function scatter(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The inverse of `scatter`. */
export function gather(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x7ed1b41d);
  h = Math.imul(h ^ (h >>> 13) ^ (h >>> 26), 0xa5cb9243);
  return (h ^ (h >>> 16)) >>> 0;
}

/** A 32-bit hash of a seed and up to three integers. */
export function hash32(seed: number, a: number, b = 0, c = 0): number {
  let h = scatter(seed ^ Math.imul(a, 0x9e3779b1));
  h = scatter(h ^ Math.imul(b, 0x85ebca77));
  return scatter(h ^ Math.imul(c, 0xc2b2ae3d));
}

/** A share in [0, 1) from a seed and up to three integers. */
export function unit(seed: number, a: number, b = 0, c = 0): number {
  return hash32(seed, a, b, c) / 0x1_0000_0000;
}

/** A 32-bit seed from a number or any text. */
export function seedOf(seed: number | string): number {
  if (typeof seed === 'number') return scatter(seed);
  let h = 0;
  for (let i = 0; i < seed.length; i++) h = scatter(h ^ Math.imul(seed.charCodeAt(i), 0x9e3779b1));
  return h;
}

/** A small deterministic generator; the same start gives the same sequence. */
export class Random {
  #state: number;

  constructor(seed: number, a: number, b = 0, c = 0) {
    this.#state = hash32(seed, a, b, c);
  }

  next(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    return scatter(this.#state);
  }

  /** In [0, 1). */
  unit(): number {
    return this.next() / 0x1_0000_0000;
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return Math.floor(this.unit() * bound);
  }

  /** An integer in [from, to). */
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
