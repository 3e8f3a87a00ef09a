import { hash } from 'node:crypto';
import type { ExecutionResult } from 'graphql';
import type { Accounts } from '../../integrations/accounts.js';
import type { Resource } from '../../resources/registry.js';
import type { Role } from '../../values/access.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import { earliest, FIRST_INSTANT, type Instant, LAST_INSTANT, latest } from '../../values/instant.js';

/** The required and the actual freshness of a list. */
export interface ListFreshness {
  readonly resource: Resource;
  /** `null`: all accounts. */
  readonly integrations: readonly string[] | null;
  readonly maxAgeMs: number;
  /** The freshness that must be the same when it is checked again. */
  readonly verifiedAt: Instant | null;
}

/** What must be true for a response to be returned again, as plain data. */
export interface Dependencies {
  /** The newest `seq`: if it is the same, everything that was read from the history is. */
  readonly head: number;
  readonly lists: readonly ListFreshness[];
  /** The time in which the response is right: from `from` on, until just before `until`. */
  readonly from: Instant;
  readonly until: Instant;
  readonly accounts: string;
}

export function namesOf(accounts: Accounts): string {
  return accounts
    .list()
    .map(({ name }) => name)
    .join(' ');
}

/** What one response was read from. Only if all of it was noted, the response can be returned again. */
export class CacheDependencies {
  private readonly lists: ListFreshness[] = [];
  private readonly ends: (() => Promise<Instant>)[] = [];
  private head: number | null = null;
  private from = FIRST_INSTANT;
  private until = LAST_INSTANT;
  private isReusable = true;

  constructor(private readonly accounts: string) {}

  /** Something was read at this `seq` or an earlier one, which was the newest before that. */
  noteHead(seq: number): void {
    if (this.head !== null && this.head !== seq) this.isReusable = false;
    this.head = seq;
  }

  noteList(list: ListFreshness): void {
    this.lists.push(list);
  }

  /** The response is right within this time only. */
  noteTime({ from, until }: Pick<Dependencies, 'from' | 'until'>): void {
    this.from = latest(this.from, from);
    this.until = earliest(this.until, until);
  }

  /** As `until` of `noteTime`, for an instant that is looked up only if the response is stored. */
  noteEnd(find: () => Promise<Instant>): void {
    this.ends.push(find);
  }

  /** For a read that is not noted. */
  markUncacheable(): void {
    this.isReusable = false;
  }

  get isCacheable(): boolean {
    return this.isReusable && this.head !== null;
  }

  async noted(): Promise<Dependencies | null> {
    const ends = await Promise.all(this.ends.map((find) => find()));
    const { head, lists, from, accounts } = this;
    if (head === null || !this.isReusable) return null;
    return { head, lists, from, until: ends.reduce(earliest, this.until), accounts };
  }
}

/** Bytes and plain data, never a record. */
interface StoredResponse {
  readonly body: Buffer;
  readonly dependencies: Dependencies;
}

/** The overhead of a buffer. */
const BUFFER_BYTES = 200;

/**
 * Responses of which all dependencies were noted. A request that comes a second time has its response stored; from
 * then on it is sent again while nothing of that has changed, which is checked each time.
 */
export class ResponseCache {
  readonly #seenOnce = new BoundedCache<true>('requestsSeenOnce', () => 0);
  readonly #stored = new BoundedCache<StoredResponse>(
    'responses',
    ({ body, dependencies }) => BUFFER_BYTES + body.length + jsonBytes(dependencies),
  );
  /** The JSON of results that are being sent. */
  readonly #texts = new WeakMap<object, { readonly text: string; readonly extensions: unknown }>();

  /** The caller's role and the complete request. */
  keyOf(role: Role, query: string, operationName: string | null, variables: object): string {
    return hash('sha256', JSON.stringify([role, query, operationName, variables]), 'base64');
  }

  /** The data to send again, for `stringify`, if there is a response and nothing that it depends on has changed. */
  async find(
    key: string,
    isUnchanged: (dependencies: Dependencies) => Promise<boolean>,
  ): Promise<Record<string, never> | null> {
    const stored = this.#stored.get(key);
    if (!stored) return null;
    // if it cannot be determined, the query is run, and its error says why
    if (!(await isUnchanged(stored.dependencies).catch(() => false))) {
      this.#stored.delete(key);
      return null;
    }
    const data = {};
    this.#texts.set(data, { text: stored.body.toString(), extensions: undefined });
    return data;
  }

  /** Stores the response to a request that came before, unless something in it was not noted or went wrong. */
  async keep(key: string, result: ExecutionResult, reads: CacheDependencies): Promise<void> {
    const { data, errors, extensions } = result;
    if (!data || errors || !reads.isCacheable) return;
    if (!this.#seenOnce.get(key)) {
      this.#seenOnce.set(key, true);
      return;
    }
    const dependencies = await reads.noted();
    if (dependencies === null) return;
    const text = JSON.stringify({ data, extensions });
    this.#texts.set(data, { text, extensions });
    this.#stored.set(key, { body: bytesOf(text), dependencies });
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
