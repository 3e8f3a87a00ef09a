import { AsyncLocalStorage } from 'node:async_hooks';
import type { Abortable, ClientSession, MongoClient, Timestamp } from 'mongodb';
import type { Collections } from './stored-types.js';

/** How long a secondary may take to answer a read before the primary is asked. */
const PATIENCE_MS = 1_000;
/** How long all reads go to the primary after a secondary was behind or did not answer. */
const AVOID_MS = 1_000;

/** The methods that read; their second argument has the options. */
const READS: ReadonlySet<string | symbol> = new Set(['find', 'findOne', 'aggregate', 'countDocuments']);

/** The driver has this property, but its types do not; without it, the primary would answer every read. */
type SnapshotSession = ClientSession & { readonly snapshotTime?: Timestamp };

interface Route extends Abortable {
  readonly session: ClientSession;
  readonly readPreference: 'secondaryPreferred';
  /** Given with each command: the driver writes the snapshot's time into that of the collection, for all later reads. */
  readonly readConcern: { readonly level: 'snapshot' };
}

/**
 * Lets secondaries answer reads of what is visible at a `seq`. A secondary may be behind the primary, so its answer
 * counts only if its snapshot is not older than the moment at which the primary had the batch `seq` for a majority.
 * The server states the time of the snapshot with each answer, so this takes no round trip. If the secondary is
 * behind, fails or is slow, the primary is asked.
 */
export class SecondaryReads {
  readonly #route = new AsyncLocalStorage<Route>();
  /** Those of the store, whose reads inside `at` go to a secondary. */
  readonly collections: Collections;
  #newest: { readonly seq: number; readonly time: Timestamp } | null = null;
  #avoidUntil = 0;

  constructor(
    private readonly client: MongoClient,
    collections: Collections,
  ) {
    this.collections = this.#routed(collections);
  }

  /** Notes that the primary had the batch `seq` at `time`. */
  know(seq: number, time: Timestamp | undefined): void {
    if (time && seq > (this.#newest?.seq ?? -1)) this.#newest = { seq, time };
  }

  /** Runs `read`, which sees the batches up to `seq` only, on a secondary if one has them, and else on the primary. */
  async at<T>(seq: number, read: () => Promise<T>): Promise<T> {
    const newest = this.#newest;
    if (newest === null || seq > newest.seq || performance.now() < this.#avoidUntil) return read();
    const answer = await this.#fromSecondary(newest.time, read);
    return answer ? answer.result : read();
  }

  /** `null` if no secondary gave an answer that is new enough. */
  async #fromSecondary<T>(time: Timestamp, read: () => Promise<T>): Promise<{ readonly result: T } | null> {
    // all commands of the read see the snapshot of the first
    const session = this.client.startSession({ snapshot: true });
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const to = { readPreference: 'secondaryPreferred', readConcern: { level: 'snapshot' } } as const;
    try {
      const result = await this.#route.run({ session, signal, ...to }, read);
      const { snapshotTime } = session as SnapshotSession;
      if (snapshotTime?.greaterThanOrEqual(time)) return { result };
      // a read that sent no command says nothing about a secondary
      if (snapshotTime) this.#avoid();
    } catch {
      // if the fault is not the secondary's, the primary reports it too
      this.#avoid();
    } finally {
      await session.endSession();
    }
    return null;
  }

  #avoid(): void {
    this.#avoidUntil = performance.now() + AVOID_MS;
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
