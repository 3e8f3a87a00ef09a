import { startTimeout } from '../async/waiting.js';
import { HistoryError } from './errors.js';
import type { HistoryStore } from './store.js';

/** Work that takes longer is only waited for while the store answers a ping. */
const QUICK_MS = 1_000;
const PING_MS = 1_200;
/** How long work waits for a store that did not answer the last ping. */
const AWAY_MS = 300;

const NOT_READS: ReadonlySet<string | symbol> = new Set([
  ...['record', 'putDocument', 'removeDocument', 'append', 'acquireLease', 'releaseLease'],
  ...['close', 'joinReadings'],
]);
const STREAMED: ReadonlySet<string | symbol> = new Set(['versions', 'confirmations', 'checkDerived']);

export interface ReadWatch {
  readonly store: HistoryStore;
  /** Work that includes reads of the store, with the same patience. */
  whilePresent<T>(work: () => Promise<T>): Promise<T>;
}

/**
 * The store for callers that cannot wait for an election or a restart of the database: while it does not respond, a
 * read fails as UNAVAILABLE after at most 2.2 s, and later reads after 0.3 s. A slow read of a store that responds is
 * waited for. Writes are not changed.
 */
export function watchReads(store: HistoryStore): ReadWatch {
  const presence = new Presence(store);
  const watched = new Proxy(store, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name, target);
      if (typeof own !== 'function') return own;
      if (NOT_READS.has(name)) return own.bind(target);
      const run = (given: unknown[]) => Reflect.apply(own, target, given);
      return STREAMED.has(name)
        ? (...given: unknown[]) => presence.stream(() => run(given))
        : (...given: unknown[]) => presence.read(() => run(given));
    },
  });
  return { store: watched, whilePresent: (work) => presence.read(work) };
}

const LATE = Symbol('late');

class Presence {
  #pinging: Promise<void> | null = null;
  #isAway = false;

  constructor(private readonly store: Pick<HistoryStore, 'ping'>) {}

  async read<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isAway) await this.#respondsOr([], AWAY_MS);
    const result = work();
    for (;;) {
      const quick = await withinTime(QUICK_MS, [result]);
      if (quick !== LATE) return quick;
      await this.#respondsOr([result], PING_MS);
    }
  }

  async *stream<T>(open: () => AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = open()[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.read(() => iterator.next());
      if (done) return;
      yield value;
    }
  }

  /** Returns when the store answers a ping or `work` has ended; throws if neither happens in time. */
  async #respondsOr(work: readonly Promise<unknown>[], patienceMs: number): Promise<void> {
    const ended = work.map((each) => each.catch(() => undefined));
    const sign = await withinTime(patienceMs, [this.#ping(), ...ended]).catch((): typeof LATE => LATE);
    if (sign !== LATE) return;
    this.#isAway = true;
    throw new HistoryError('UNAVAILABLE', 'the database of the history does not respond');
  }

  /** One ping for all: it is answered as soon as the store is there again. */
  #ping(): Promise<void> {
    this.#pinging ??= this.store
      .ping()
      .then(() => {
        this.#isAway = false;
      })
      .finally(() => {
        this.#pinging = null;
      });
    return this.#pinging;
  }
}

async function withinTime<T>(ms: number, work: readonly Promise<T>[]): Promise<T | typeof LATE> {
  let stopTimer = () => {};
  const late = new Promise<typeof LATE>((resolve) => {
    // a busy event loop runs timers before it takes what has arrived meanwhile
    stopTimer = startTimeout(() => setImmediate(resolve, LATE), ms);
  });
  return Promise.race([...work, late]).finally(() => stopTimer());
}
