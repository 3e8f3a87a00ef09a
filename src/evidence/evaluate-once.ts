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
  const [answer] = await evaluateEach(store, [key], async () => [await evaluate()]);
  return answer as T;
}

/** Several questions: those without an answer, by their places, are evaluated together. */
export async function evaluateEach<T extends object>(
  store: HistoryStore,
  keys: readonly string[],
  evaluate: (places: readonly number[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const { underway, done } = evaluations.get(store) ?? new Evaluations();
  evaluations.set(store, { underway, done });
  const known = keys.map((key) => done.get(key) ?? underway.get(key));
  const places = known.flatMap((answer, place) => (answer ? [] : place));
  const evaluated = places.length === 0 ? null : evaluate(places);
  const answers = places.map(async (place, i) => {
    const key = keys[place] as string;
    try {
      const answer = (await evaluated)?.[i] as T;
      done.set(key, answer);
      return answer;
    } finally {
      underway.delete(key);
    }
  });
  for (const [i, place] of places.entries()) underway.set(keys[place] as string, answers[i] as Promise<T>);
  return Promise.all(
    keys.map((_, place) => (known[place] ?? answers[places.indexOf(place)]) as T | Promise<T>),
  );
}
