import type { Log } from '../log.js';
import type { StreamState } from '../model/stream.js';
import { type Instant, toInstant } from '../values/instant.js';
import { HistoryError, type HistoryErrorCode } from './errors.js';
import type { HistoryStore } from './store.js';
import { type ReadWatch, watchReads } from './watch-reads.js';

export interface WriteFailure {
  readonly since: Instant;
  readonly code: HistoryErrorCode;
}

export interface WriteWatch {
  /** For the collection, which waits for a database that is away. */
  readonly store: HistoryStore;
  /** For callers: while writes fail, its streams say so; while a remote database is away, its reads fail soon. */
  readonly shown: HistoryStore;
  readonly whilePresent: ReadWatch['whilePresent'];
  /** `null` while writes succeed. */
  failure(): WriteFailure | null;
  failures(): number;
}

interface WatchOptions {
  readonly clock: () => number;
  readonly log: Log;
  readonly isRemote?: boolean;
  readonly readable?: HistoryStore;
}

type Write = 'record' | 'putDocument' | 'removeDocument' | 'append' | 'acquireLease';

/**
 * Logs an error when writes begin to fail, and when that ends. A write ends the failures of its kind, and a
 * recorded batch ends all: a small write may fit where a batch does not. Callers read from `readable`, by default
 * `store`; what they write goes to `store` all the same.
 */
export function watchWrites(
  store: HistoryStore,
  { clock, log, isRemote = false, readable = store }: WatchOptions,
): WriteWatch {
  const failing = new Map<Write, WriteFailure>();
  let failures = 0;
  const failure = () => [...failing.values()].sort((a, b) => (a.since < b.since ? -1 : 1))[0] ?? null;

  function failed(write: Write, error: unknown): void {
    if (!(error instanceof HistoryError)) return;
    failures += 1;
    const isNew = failing.size === 0;
    const since = failing.get(write)?.since ?? toInstant(clock());
    failing.set(write, { since, code: error.code });
    if (isNew)
      log.error({ err: error, code: error.code }, 'the history cannot be written: nothing is recorded');
  }

  function succeeded(write: Write): void {
    if (failing.size === 0) return;
    if (write === 'record') failing.clear();
    else failing.delete(write);
    if (failing.size === 0) log.info('the history can be written again');
  }

  const watched = <A extends unknown[], R>(write: Write, run: (...given: A) => Promise<R>) => {
    return async (...given: A): Promise<R> => {
      const result = await run(...given).catch((error: unknown) => {
        failed(write, error);
        throw error;
      });
      succeeded(write);
      return result;
    };
  };
  const writes = {
    record: watched('record', (batch) => store.record(batch)),
    putDocument: watched('putDocument', (...given) => store.putDocument(...given)),
    removeDocument: watched('removeDocument', (...given) => store.removeDocument(...given)),
    append: watched('append', (...given) => store.append(...given)),
    acquireLease: watched('acquireLease', (...given) => store.acquireLease(...given)),
  } satisfies Pick<HistoryStore, Write>;
  const reading = withMethods(readable, writes);
  const { store: read, whilePresent } = isRemote
    ? watchReads(reading)
    : { store: reading, whilePresent: <T>(work: () => Promise<T>) => work() };
  const shown = withMethods(read, {
    streams: async () => (await read.streams()).map((state) => whileFailing(state, failure())),
  });
  return { store: withMethods(store, writes), shown, whilePresent, failure, failures: () => failures };
}

function withMethods(store: HistoryStore, methods: Partial<HistoryStore>): HistoryStore {
  return new Proxy(store, {
    get(target, name) {
      const own = methods[name as keyof HistoryStore] ?? Reflect.get(target, name, target);
      return typeof own === 'function' ? own.bind(target) : own;
    },
  });
}

function whileFailing(state: StreamState, failure: WriteFailure | null): StreamState {
  return failure ? { ...state, status: 'HISTORY_UNAVAILABLE', message: writeFailureText(failure) } : state;
}

/** For all callers: without names of files and hosts. */
export function writeFailureText({ since, code }: WriteFailure): string {
  const what = code === 'FULL' ? 'The disk of the history is full' : 'The history cannot be written';
  const next = code === 'FULL' ? 'Free disk space' : 'The gateway’s log has the reason';
  return `${what} since ${since}: no data from Abnormal are recorded. ${next}; the gateway then continues automatically.`;
}
