import { hash } from 'node:crypto';
import type { HistoryStore } from '../../history/store.js';
import { OPEN_SEQ, type RevisionRecord } from '../../model/revision.js';
import { KINDS, keyText, type RecordKey } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import { tolerantRead } from '../seal/leaf.js';

/** Two numbers for each 64-bit hash: 24 bytes an entry, outside of the heap. */
export class HashTable {
  #size = 1 << 12;
  #used = 0;
  #hashes = new BigUint64Array(this.#size);
  #first = new Float64Array(this.#size);
  #second = new Float64Array(this.#size);

  get firsts(): Float64Array {
    return this.#first;
  }

  set(hash: bigint, first: number, second: number): void {
    const place = this.#find(hash);
    if (this.#hashes[place] === 0n) this.#used += 1;
    // 0 stands for a free place
    this.#hashes[place] = hash || 1n;
    this.#first[place] = first;
    this.#second[place] = second;
    if (this.#used * 3 > this.#size * 2) this.#grow();
  }

  get(hash: bigint): readonly [first: number, second: number] | null {
    const place = this.#find(hash);
    return this.#hashes[place] === 0n ? null : [this.#first[place] ?? 0, this.#second[place] ?? 0];
  }

  #find(hash: bigint): number {
    const wanted = hash || 1n;
    let place = Number(wanted % BigInt(this.#size));
    while (this.#hashes[place] !== 0n && this.#hashes[place] !== wanted) place = (place + 1) % this.#size;
    return place;
  }

  #grow(): void {
    const [hashes, first, second] = [this.#hashes, this.#first, this.#second];
    this.#size *= 2;
    this.#used = 0;
    this.#hashes = new BigUint64Array(this.#size);
    this.#first = new Float64Array(this.#size);
    this.#second = new Float64Array(this.#size);
    for (const [i, hash] of hashes.entries()) if (hash !== 0n) this.set(hash, first[i] ?? 0, second[i] ?? 0);
  }
}

const isEnd = (seq: number) => seq !== 0 && seq !== OPEN_SEQ;

/** How the newest version of each record read so far ended. */
export class VersionEnds {
  readonly #ends = new HashTable();

  /** Whether a version begins where the one before it ended; both as of batch `head`. */
  follows({ key, seqFrom, seqTo, observedFrom, observedTo }: RevisionRecord, head: number): boolean {
    const hash = hashOf(key);
    const before = this.#ends.get(hash);
    const isOpen = seqTo > head;
    this.#ends.set(hash, isOpen ? OPEN_SEQ : seqTo, isOpen || observedTo === null ? 0 : toMillis(observedTo));
    return before === null || (before[0] === seqFrom && before[1] === toMillis(observedFrom));
  }

  isLastEnded(key: RecordKey): boolean {
    return isEnd(this.#ends.get(hashOf(key))?.[0] ?? 0);
  }

  /** Whether any record's last version is stored as ended; in an intact history none is. */
  get hasEnded(): boolean {
    return this.#ends.firsts.some(isEnd);
  }
}

function hashOf(key: RecordKey): bigint {
  return hash('sha256', keyText(key), 'buffer').readBigUInt64LE();
}

/** Read at once; a text may be long. */
const TEXTS_AT_ONCE = 100;

/** What was received for versions that are asked for in the order of changes, read some at a time. */
export class ReceivedTexts {
  #texts = new Map<string, string>();
  #last: { readonly seqFrom: number; readonly key: RecordKey } | null = null;
  /** So many versions are read one by one after a page that cannot be read. */
  #oneByOne = 0;

  constructor(
    private readonly store: HistoryStore,
    private readonly head: number,
  ) {}

  /** `null` or `undefined` if it cannot be read. */
  async of({ key, seqFrom }: RevisionRecord): Promise<string | null | undefined> {
    const name = nameOf(key, seqFrom);
    if (!this.#texts.has(name) && this.#oneByOne-- <= 0) await this.#load(seqFrom);
    return this.#texts.get(name) ?? tolerantRead(this.store, () => this.store.received(key, seqFrom));
  }

  async #load(seqFrom: number): Promise<void> {
    const after = this.#last?.seqFrom === seqFrom ? this.#last : null;
    const query = { afterSeq: seqFrom - 1, toSeq: this.head, kinds: KINDS, integrations: null, after };
    const found = await tolerantRead(this.store, () =>
      this.store.changesReceived({ ...query, limit: TEXTS_AT_ONCE }),
    );
    this.#oneByOne = found ? 0 : TEXTS_AT_ONCE;
    this.#last = found?.at(-1) ?? null;
    this.#texts = new Map(found?.map((each) => [nameOf(each.key, each.seqFrom), each.received]));
  }
}

function nameOf(key: RecordKey, seqFrom: number): string {
  return `${seqFrom} ${keyText(key)}`;
}
