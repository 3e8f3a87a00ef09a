import type { HistoryStore } from '../history/store.js';

const last = new WeakMap<HistoryStore, Promise<unknown>>();

/** Does the work once all that was asked for on the same history before has ended. */
export function inTurn<T>(store: HistoryStore, work: () => Promise<T>): Promise<T> {
  const done = (last.get(store) ?? Promise.resolve()).then(work);
  last.set(
    store,
    done.catch(() => undefined),
  );
  return done;
}
