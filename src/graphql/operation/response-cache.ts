import { hash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { Resource } from '../../resources/registry.js';
import type { Role } from '../../values/access.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import type { Instant } from '../../values/instant.js';

/** How fresh a list had to be, and was. */
export interface ListFreshness {
  readonly resource: Resource;
  /** `null`: all accounts. */
  readonly integrations: readonly string[] | null;
  readonly maxAgeMs: number;
  /** What must still be found when it is looked at again. */
  readonly verifiedAt: Instant | null;
}

/**
 * A read of a list of records, as plain data: what is read at a `seq` is the same as long as nothing was recorded
 * since, whatever hangs off its records included.
 */
export interface ListRead {
  /** The newest `seq` when it was read. */
  readonly head: number;
  /** `null`: a view of the past, or one that a cursor pins, which is not made fresh. */
  readonly freshness: ListFreshness | null;
}

/**
 * What one response was made of. If that is noted reads alone, the response to the same request is the same as
 * long as those reads stand.
 */
export class CacheDependencies {
  readonly entries: ListRead[] = [];
  private isReusable = true;

  note(read: ListRead): void {
    this.entries.push(read);
  }

  /** Something was read that is not noted. */
  markUncacheable(): void {
    this.isReusable = false;
  }

  get isCacheable(): boolean {
    return this.isReusable && this.entries.length > 0;
  }
}

/** A response as it is sent, and what it was read from: bytes and plain data, never a record. */
interface StoredResponse {
  readonly body: Buffer;
  readonly reads: readonly ListRead[];
}

/** What a buffer takes besides its bytes. */
const BUFFER_BYTES = 200;

/**
 * Responses that were made of noted reads alone. A request that comes a second time has its response stored; from
 * then on it is sent again for as long as all its reads stand, which is checked each time.
 */
export class ResponseCache {
  readonly #seenOnce = new BoundedCache<true>('requestsSeenOnce', () => 0);
  readonly #stored = new BoundedCache<StoredResponse>(
    'responses',
    ({ body, reads }) => BUFFER_BYTES + body.length + jsonBytes(reads),
  );
  /** The JSON of results that are on their way out. */
  readonly #texts = new WeakMap<object, { readonly text: string; readonly extensions: unknown }>();

  /** Names a request by who asks and all that they ask. */
  keyOf(role: Role, queryHash: string, operationName: string | null, variables: object): string {
    return hash('sha256', JSON.stringify([role, queryHash, operationName, variables]), 'base64');
  }

  /** The response to send again, if there is one and all that it was read from still stands. */
  async find(
    key: string,
    stillStands: (read: ListRead) => Promise<boolean>,
  ): Promise<ExecutionResult | null> {
    const stored = this.#stored.get(key);
    if (!stored) return null;
    // a read that cannot be made now does not stand: making it for the query says why
    const standing = await Promise.all(stored.reads.map((read) => stillStands(read).catch(() => false)));
    if (!standing.every(Boolean)) {
      this.#stored.delete(key);
      return null;
    }
    const data = {};
    this.#texts.set(data, { text: stored.body.toString(), extensions: undefined });
    return { data };
  }

  /** Stores the response to a request that came before, unless something in it was not noted or went wrong. */
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

  /** The JSON of a response, written out before if it is stored. */
  stringify({ errors, data, extensions }: ExecutionResult): string {
    const known = data && !errors ? this.#texts.get(data) : undefined;
    if (known && known.extensions === extensions) return known.text;
    return JSON.stringify({ errors, data, extensions });
  }
}

/** The text in memory of its own: small buffers otherwise share theirs, and hold all of it. */
function bytesOf(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}
