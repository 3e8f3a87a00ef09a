import type { HistoryStore } from '../history/store.js';
import { BoundedCache, jsonBytes } from '../values/bounded-cache.js';

class Evaluations {
  readonly underway = new Map<string, Promise<object>>();
  readonly done = new BoundedCache<object>('evaluations', jsonBytes);
}

const evaluations = new WeakMap<HistoryStore, Evaluations>();

/**
 * The same question about the same view has one answer, so it is evaluated once for all callers. The key must name
 * everything that the answer depends on, and what kind of answer it is.
 */
export async function evaluateOnce<T extends object>(
  store: HistoryStore,
  key: string,
  evaluate: () => Promise<T>,
): Promise<T> {
  const { underway, done } = evaluations.get(store) ?? new Evaluations();
  evaluations.set(store, { underway, done });
  const known = done.get(key) ?? underway.get(key);
  if (known) return known as T | Promise<T>;
  const answer = evaluate().finally(() => underway.delete(key));
  underway.set(key, answer);
  const found = await answer;
  done.set(key, found);
  return found;
}
