import { AsyncLocalStorage } from 'node:async_hooks';
import { type ClientSession, MongoError, type ReadPreference } from 'mongodb';
import type { MongoConnection } from './connection.js';
import type { Collections } from './stored-types.js';

interface Route {
  readonly session: ClientSession;
  readonly readPreference: ReadPreference;
}

/** The methods that read by `seq`; their second argument has the options. */
const READS: ReadonlySet<string | symbol> = new Set(['find', 'findOne', 'aggregate', 'countDocuments']);

/**
 * Reads of what is visible at a `seq`, from the members that `readPreference` in HISTORY names. Such a member may be
 * behind the primary, so each read first looks, in one snapshot with everything that follows, whether the batch `seq`
 * is there; if not, or if the member fails, the primary is asked.
 */
export class SecondaryReads {
  readonly #route = new AsyncLocalStorage<Route>();
  readonly collections: Collections;

  constructor(
    private readonly connection: Pick<MongoConnection, 'client' | 'readsFrom'>,
    collections: Collections,
  ) {
    this.collections = connection.readsFrom ? this.#routed(collections) : collections;
  }

  async at<T>(seq: number, read: () => Promise<T>): Promise<T> {
    const { client, readsFrom: readPreference } = this.connection;
    if (!readPreference) return read();
    const session = client.startSession({ snapshot: true });
    try {
      const found = await this.#route.run({ session, readPreference }, async () => {
        const head = await this.collections.meta.findOne({ _id: 'head' });
        return head && 'seq' in head && head.seq >= seq ? { result: await read() } : null;
      });
      if (found) return found.result;
    } catch (error) {
      if (!(error instanceof MongoError)) throw error;
    } finally {
      await session.endSession();
    }
    return read();
  }

  #routed(collections: Collections): Collections {
    const entries = Object.entries(collections).map(([name, each]) => [
      name,
      each instanceof Set ? each : new Proxy(each, { get: (target, method) => this.#method(target, method) }),
    ]);
    return Object.fromEntries(entries) as Collections;
  }

  #method(target: object, method: string | symbol): unknown {
    const own: unknown = Reflect.get(target, method, target);
    if (typeof own !== 'function') return own;
    if (!READS.has(method)) return own.bind(target);
    return (what: unknown = {}, options: object = {}) =>
      Reflect.apply(own, target, [what, { ...options, ...this.#route.getStore() }]);
  }
}
