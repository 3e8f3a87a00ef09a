import { LRUCache } from 'lru-cache';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Every cache that outlives a request; docs/architecture.md gives the reasons, a test compares the two. */
export const CACHE_BYTES = {
  responses: 16 * MIB,
  requestsSeenOnce: MIB,
  queriesSeenOnce: 256 * KIB,
  parsedQueries: 4 * MIB,
  compiledQueries: 8 * MIB,
  analysedQueries: 4 * MIB,
  listFreshness: 256 * KIB,
  evaluations: 4 * MIB,
  sqliteRevisions: 60 * MIB,
  sqliteNewestRevisions: 2 * MIB,
  sqliteStatements: 4 * MIB,
  columnValues: 64 * MIB,
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

export interface CacheGauge {
  readonly cache: CacheName;
  readonly maxBytes: number;
  readonly bytes: number;
}

/** The overhead of an entry in the map and in the order of use. */
const ENTRY_BYTES = 150;
/** One entry must not evict most of the others. */
const LARGEST_SHARE = 1 / 2;

const made = new Set<WeakRef<CacheGauge>>();

export function caches(): CacheGauge[] {
  return [...made].flatMap((ref) => ref.deref() ?? []);
}

function registerCache(gauge: CacheGauge): void {
  for (const ref of made) if (!ref.deref()) made.delete(ref);
  made.add(new WeakRef(gauge));
}

/** Evicts the least recently used entries. `bytesOf` counts a value, and its key unless it is text. */
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

/** A cache of short texts for hot paths: a hit moves nothing, and a full cache is emptied. */
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

  /** Values are not counted, so there must be few of them. */
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

/** V8 stores one byte per unit if all are Latin-1, otherwise two. */
export function textBytes(text: string): number {
  return 24 + (isLatin1(text) ? text.length : 2 * text.length);
}

function isLatin1(text: string): boolean {
  return !/[^\0-\xff]/.test(text);
}

/** A rough estimate: more than its JSON, because of the objects. */
export function jsonBytes(value: unknown): number {
  return 2 * textBytes(JSON.stringify(value) ?? '');
}
