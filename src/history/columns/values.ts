import type { ListedKind } from '../../resources/registry.js';
import { BoundedCache } from '../../values/bounded-cache.js';
import { compareValues, type FieldValue } from '../../values/filter.js';
import type { Block } from './block.js';
import { type Codes, type Column, typeFor } from './column.js';

/** Little, since most of the memory of a large cache would be unused. */
const GROWTH = 1.25;

export class Numbers {
  #all = new Uint32Array(1_024);
  length = 0;

  push(value: number): number {
    this.#reserve(1);
    this.#all[this.length] = value;
    this.length += 1;
    return this.length;
  }

  append(values: ArrayLike<number>): void {
    this.#reserve(values.length);
    this.#all.set(values, this.length);
    this.length += values.length;
  }

  at(i: number): number {
    return this.#all[i] as number;
  }

  /** Whether a number is among those from place `from` on. */
  has(value: number, from: number): boolean {
    for (let i = from; i < this.length; i += 1) if (this.#all[i] === value) return true;
    return false;
  }

  get bytes(): number {
    return this.#all.byteLength;
  }

  get array(): Uint32Array {
    return this.#all.subarray(0, this.length);
  }

  #reserve(more: number): void {
    if (this.length + more <= this.#all.length) return;
    const larger = new Uint32Array(Math.ceil(GROWTH * (this.length + more)));
    larger.set(this.array);
    this.#all = larger;
  }
}

export class JoinedNumbers {
  readonly #parts: Codes[] = [];
  length = 0;

  append(part: Codes): void {
    this.#parts.push(part);
    this.length += part.length;
  }

  get array(): Uint32Array {
    const all = new Uint32Array(this.length);
    let from = 0;
    for (const part of this.#parts) {
      all.set(part, from);
      from += part.length;
    }
    return all;
  }
}

/** The values of a column by number: of each cell or, if its cells are lists, of each value of each list. */
interface CellNumbers {
  readonly numbers: Codes;
  /** Where each list begins, and where the last one ends. */
  readonly starts: Uint32Array | null;
  /** The number that all have, if it is the same. */
  readonly only: number | null;
}

/** The numbers of cells; those of lasting blocks are kept, so that what they are made of is read once. */
export class BlockCells {
  readonly #ofBlocks = new Map<number, CellNumbers>();
  bytes = 0;

  of(block: Block, make: () => CellNumbers): CellNumbers {
    const known = this.#ofBlocks.get(block.after);
    if (known) return known;
    const made = make();
    if (block.isLasting) {
      this.#ofBlocks.set(block.after, made);
      this.bytes += made.numbers.byteLength + (made.starts?.byteLength ?? 0);
    }
    return made;
  }
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * Values by number, 0 for `null`. A value is kept as the bytes of its JSON and compared by them: most are counted
 * without ever being decoded.
 */
export class Values {
  #texts = new Uint8Array(4_096);
  /** Where the text of each number ends. */
  readonly #ends = new Numbers();
  readonly #hashes = new Numbers();
  /** Numbers by the hash of their text; 0 is a free place. */
  #table = new Uint32Array(1_024);
  readonly #cells = new BlockCells();

  constructor() {
    this.#ends.push(0);
    this.#hashes.push(0);
  }

  /** How many there are, `null` included. */
  get size(): number {
    return this.#ends.length;
  }

  get bytes(): number {
    const { bytes: numbers } = this.#ends;
    return this.#texts.length + this.#table.byteLength + 2 * numbers + this.#cells.bytes;
  }

  at(number: number): FieldValue {
    if (number === 0) return null;
    const text = this.#texts.subarray(this.#startOf(number), this.#ends.at(number));
    return JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.length).toString()) as FieldValue;
  }

  /** As `compareValues`. Texts without escapes are compared as they are: their JSON is in UTF-8. */
  compare(one: number, other: number): number {
    if (one === other) return 0;
    const texts = this.#texts;
    let [i, k] = [this.#startOf(one), this.#startOf(other)];
    if (one === 0 || other === 0 || texts[i] !== QUOTE || texts[k] !== QUOTE)
      return compareValues(this.at(one), this.at(other));
    const end = this.#ends.at(one);
    while (i < end && texts[i] === texts[k] && texts[i] !== BACKSLASH) {
      i += 1;
      k += 1;
    }
    if (i === end) return 0;
    const [a, b] = [texts[i] as number, texts[k] as number];
    if (a === BACKSLASH || b === BACKSLASH) return compareValues(this.at(one), this.at(other));
    return a === QUOTE ? -1 : b === QUOTE ? 1 : a - b;
  }

  #startOf(number: number): number {
    return number === 0 ? 0 : this.#ends.at(number - 1);
  }

  numberOf(value: FieldValue): number {
    return value === null ? 0 : (this.#read(Buffer.from(JSON.stringify(value)))[1] as number);
  }

  of(block: Block, name: string): CellNumbers {
    return this.#cells.of(block, () => {
      const column = block.column(name);
      const { codes, text } = column;
      const byCode = this.#read(text);
      const numbers = new (typeFor(this.size))(codes.length);
      for (let i = 0; i < numbers.length; i += 1) numbers[i] = byCode[codes[i] as number] as number;
      const [first = 0] = numbers;
      const only = numbers.every((number) => number === first) ? first : null;
      return { numbers, starts: column.form === 'LISTS' ? column.starts : null, only };
    });
  }

  /** The numbers of the values of a JSON list without its brackets, after the 0 of `null`. */
  #read(text: Uint8Array): Uint32Array {
    const numbers = new Numbers();
    numbers.push(0);
    for (let from = 0, to = 0; from < text.length; from = to + 1) {
      let hash = SEED;
      const isText = text[from] === QUOTE;
      to = from;
      do {
        if (text[to] === BACKSLASH) hash = Math.imul(hash ^ BACKSLASH, PRIME) + (text[++to] as number);
        else hash = Math.imul(hash ^ (text[to] as number), PRIME);
        to += 1;
      } while (to < text.length && text[to] !== (isText ? QUOTE : COMMA));
      if (isText) to += 1;
      if (to > text.length || (to < text.length && text[to] !== COMMA))
        throw new SyntaxError('the values of a column are no JSON');
      numbers.push(this.#numberOf(text, from, to, (hash ^ (hash >>> 15)) >>> 0));
    }
    return numbers.array;
  }

  #numberOf(text: Uint8Array, from: number, to: number, hash: number): number {
    const [table, last] = [this.#table, this.#table.length - 1];
    let place = hash & last;
    for (let number = table[place] as number; number !== 0; number = table[place] as number) {
      if (this.#hashes.at(number) === hash && this.#isText(number, text, from, to)) return number;
      place = (place + 1) & last;
    }
    const number = this.#add(text, from, to, hash);
    table[place] = number;
    if (2 * this.size > table.length) this.#rehash();
    return number;
  }

  #isText(number: number, text: Uint8Array, from: number, to: number): boolean {
    const [start, texts] = [this.#startOf(number), this.#texts];
    if (this.#ends.at(number) - start !== to - from) return false;
    for (let i = from; i < to; i += 1) if (texts[start + i - from] !== text[i]) return false;
    return true;
  }

  #add(text: Uint8Array, from: number, to: number, hash: number): number {
    const start = this.#ends.at(this.size - 1);
    const end = start + to - from;
    if (end > this.#texts.length) {
      const larger = new Uint8Array(Math.ceil(GROWTH * end));
      larger.set(this.#texts);
      this.#texts = larger;
    }
    const texts = this.#texts;
    for (let i = from; i < to; i += 1) texts[start + i - from] = text[i] as number;
    this.#hashes.push(hash);
    return this.#ends.push(end) - 1;
  }

  #rehash(): void {
    const table = new Uint32Array(2 * this.#table.length);
    for (let number = 1; number < this.size; number += 1) {
      let place = this.#hashes.at(number) & (table.length - 1);
      while (table[place] !== 0) place = (place + 1) & (table.length - 1);
      table[place] = number;
    }
    this.#table = table;
  }
}

/** Parts of lasting blocks, by what the blocks are after. */
export class KnownParts<T extends { readonly bytes: number }> extends Map<number, T> {
  get bytes(): number {
    let bytes = 0;
    for (const part of this.values()) bytes += part.bytes;
    return bytes;
  }
}

type Kept = Values | BlockCells | KnownParts<Block> | KnownParts<Column>;

/** What was read of columns, and what they were numbered to, for those who read them next. */
export class KnownValues {
  readonly #used = new Map<string, Kept>();

  constructor(
    /** `null`: nothing is kept, for those who read them once. */
    private readonly kept: BoundedCache<Kept> | null = new BoundedCache<Kept>(
      'columnValues',
      ({ bytes }) => bytes,
    ),
  ) {}

  of(name: string): Values {
    return this.#usedAs(name, Values);
  }

  /** The lasting blocks of a kind, without their columns. */
  blocks(kind: ListedKind): KnownParts<Block> {
    return this.#usedAs(kind, KnownParts<Block>);
  }

  /** A column of the lasting blocks of a kind, of those in which it has few values. */
  columns(kind: ListedKind, name: string): KnownParts<Column> {
    return this.#usedAs(`${kind}/${name}`, KnownParts<Column>);
  }

  computed(name: string): BlockCells {
    return this.#usedAs(name, BlockCells);
  }

  #usedAs<T extends Kept>(name: string, Made: new () => T): T {
    const found = this.#used.get(name) ?? this.kept?.get(name);
    const used = found instanceof Made ? found : new Made();
    this.#used.set(name, used);
    return used;
  }

  /** Keeps what was used since the last time, as far as there is room. */
  keep(): void {
    for (const [name, values] of this.#used) {
      // what it takes has changed
      this.kept?.delete(name);
      this.kept?.set(name, values);
    }
    this.#used.clear();
  }
}
