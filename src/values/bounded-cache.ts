import { LRUCache } from 'lru-cache';

const KIB = 1024;
const MIB = 1024 * KIB;

/**
 * Every cache that outlives a request, with its bound in bytes. docs/architecture.md says what each holds and why
 * its bound is what it is; a test compares the two.
 */
export const CACHE_BYTES = {
  responses: 16 * MIB,
  requestsSeenOnce: MIB,
  parsedQueries: 4 * MIB,
  compiledQueries: 8 * MIB,
  analysedQueries: 4 * MIB,
  listFreshness: 256 * KIB,
  evaluations: 4 * MIB,
  sqliteRevisions: 16 * MIB,
  sqliteNewestRevisions: 2 * MIB,
  sqliteStatements: 4 * MIB,
  mongodbBatchExtents: MIB,
  normalisedWords: 256 * KIB,
  knownWords: 256 * KIB,
  sealedRuns: 4 * MIB,
  unknownIds: MIB,
  apiKeys: 512 * KIB,
  apiKeyUses: 256 * KIB,
  checkedTokens: MIB,
  trustedCredentials: 2 * MIB,
  failedAttempts: 2 * MIB,
} as const;

export type CacheName = keyof typeof CACHE_BYTES;

/** What a cache takes now, and may take, in bytes. */
export interface CacheGauge {
  readonly cache: CacheName;
  readonly maxBytes: number;
  readonly bytes: number;
}

/** What an entry takes besides its key and its value: its places in the map and in the order of use. */
const ENTRY_BYTES = 150;
/** One entry may not push out most of the others. */
const LARGEST_SHARE = 1 / 2;

const made = new Set<WeakRef<CacheGauge>>();

/** The caches of this thread that are in use. */
export function caches(): CacheGauge[] {
  return [...made].flatMap((ref) => ref.deref() ?? []);
}

/** Makes a cache known to `caches`. */
export function registerCache(gauge: CacheGauge): void {
  for (const ref of made) if (!ref.deref()) made.delete(ref);
  made.add(new WeakRef(gauge));
}

/** Keeps what was used last, up to so many bytes. `bytesOf` counts what a value holds, and its key unless it is text. */
export class BoundedCache<V extends NonNullable<unknown>, K extends object | string | number = string>
  extends LRUCache<K, V>
  implements CacheGauge
{
  readonly maxBytes: number;

  constructor(
    readonly cache: CacheName,
    bytesOf: (value: V, key: K) => number,
    maxBytes: number = CACHE_BYTES[cache],
  ) {
    super({
      maxSize: maxBytes,
      maxEntrySize: Math.ceil(maxBytes * LARGEST_SHARE),
      sizeCalculation: (value, key) =>
        Math.ceil(ENTRY_BYTES + (typeof key === 'string' ? textBytes(key) : 0) + bytesOf(value, key)),
    });
    this.maxBytes = maxBytes;
    registerCache(this);
  }

  get bytes(): number {
    return this.calculatedSize;
  }
}

/** Keeps short texts on hot paths: nothing is moved when one is found, and all of them go when it is full. */
export class WordCache<V> implements CacheGauge {
  readonly maxBytes: number;
  readonly #entries = new Map<string | null, V>();
  #bytes = 0;

  constructor(readonly cache: CacheName) {
    this.maxBytes = CACHE_BYTES[cache];
    registerCache(this);
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(word: string | null): V | undefined {
    return this.#entries.get(word);
  }

  /** Keeps what is known of a word; a value counts for nothing, so it must be one of few. */
  set(word: string | null, value: V): void {
    if (this.#entries.has(word)) return;
    const bytes = ENTRY_BYTES + textBytes(word ?? '');
    if (bytes > this.maxBytes * LARGEST_SHARE) return;
    if (this.#bytes + bytes > this.maxBytes) {
      this.#entries.clear();
      this.#bytes = 0;
    }
    this.#entries.set(word, value);
    this.#bytes += bytes;
  }
}

/** What a text takes in memory: V8 has a byte for each unit of one that is Latin-1 throughout, else two. */
export function textBytes(text: string): number {
  return 24 + (isLatin1(text) ? text.length : 2 * text.length);
}

function isLatin1(text: string): boolean {
  return !/[^\0-\xff]/.test(text);
}

/** What plain data takes, roughly: more than its JSON, by the objects around it. */
export function jsonBytes(value: unknown): number {
  return 2 * textBytes(JSON.stringify(value) ?? '');
}
