import { hash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { Resource } from '../../resources/registry.js';
import type { Role } from '../../values/access.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import type { Instant } from '../../values/instant.js';

/** The required and the actual freshness of a list. */
export interface ListFreshness {
  readonly resource: Resource;
  /** `null`: all accounts. */
  readonly integrations: readonly string[] | null;
  readonly maxAgeMs: number;
  /** The freshness that must be the same when it is checked again. */
  readonly verifiedAt: Instant | null;
}

/**
 * A read of a list: everything at one `seq`, including what belongs to its records, stays the same until
 * something is recorded.
 */
export interface ListRead {
  /** The newest `seq` at that time. */
  readonly head: number;
  /** `null`: a view of the past or of a cursor, which is not made fresh. */
  readonly freshness: ListFreshness | null;
}

/** What a response was read from. If all reads are noted, the response is valid as long as they are. */
export class CacheDependencies {
  readonly entries: ListRead[] = [];
  private isReusable = true;

  note(read: ListRead): void {
    this.entries.push(read);
  }

  /** For a read that is not noted. */
  markUncacheable(): void {
    this.isReusable = false;
  }

  get isCacheable(): boolean {
    return this.isReusable && this.entries.length > 0;
  }
}

/** Bytes and plain data, never a record. */
interface StoredResponse {
  readonly body: Buffer;
  readonly reads: readonly ListRead[];
}

/** The overhead of a buffer. */
const BUFFER_BYTES = 200;

/**
 * Stores the response of a request that comes a second time, if all its reads are noted. It is returned as
 * long as they are valid, which is checked each time.
 */
export class ResponseCache {
  readonly #seenOnce = new BoundedCache<true>('requestsSeenOnce', () => 0);
  readonly #stored = new BoundedCache<StoredResponse>(
    'responses',
    ({ body, reads }) => BUFFER_BYTES + body.length + jsonBytes(reads),
  );
  /** The JSON of results that are being sent. */
  readonly #texts = new WeakMap<object, { readonly text: string; readonly extensions: unknown }>();

  /** The caller's role and the complete request. */
  keyOf(role: Role, queryHash: string, operationName: string | null, variables: object): string {
    return hash('sha256', JSON.stringify([role, queryHash, operationName, variables]), 'base64');
  }

  /** The stored response, if all its reads are still valid. */
  async find(
    key: string,
    stillStands: (read: ListRead) => Promise<boolean>,
  ): Promise<ExecutionResult | null> {
    const stored = this.#stored.get(key);
    if (!stored) return null;
    // a read that fails now is not valid: the query itself reports why
    const standing = await Promise.all(stored.reads.map((read) => stillStands(read).catch(() => false)));
    if (!standing.every(Boolean)) {
      this.#stored.delete(key);
      return null;
    }
    const data = {};
    this.#texts.set(data, { text: stored.body.toString(), extensions: undefined });
    return { data };
  }

  /** Stores the response to a repeated request, unless a read was not noted or failed. */
  keep(key: string, result: ExecutionResult, reads: CacheDependencies): void {
    const { data, errors, extensions } = result;
    if (!data || errors || !reads.isCacheable) return;
    if (!this.#seenOnce.get(key)) {
      this.#seenOnce.set(key, true);
      return;
    }
    const text = JSON.stringify({ data, extensions });
    this.#texts.set(data, { text, extensions });
    this.#stored.set(key, { body: bytesOf(text), reads: reads.entries });
  }

  /** The JSON of a response; a stored one is not serialised again. */
  stringify({ errors, data, extensions }: ExecutionResult): string {
    const known = data && !errors ? this.#texts.get(data) : undefined;
    if (known && known.extensions === extensions) return known.text;
    return JSON.stringify({ errors, data, extensions });
  }
}

/** In a separate buffer: small buffers share memory and would keep all of it. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
