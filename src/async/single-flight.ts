export interface InFlight<T> {
  readonly startedAt: number;
  readonly done: Promise<T>;
}

/** Runs one piece of work at a time per key. */
export interface SingleFlight<T> {
  current(key: string): InFlight<T> | null;
  start<R extends T>(key: string, work: () => Promise<R>): Promise<R>;
  /** Resolves when no work is left. */
  settledAll(): Promise<void>;
}

export function createSingleFlight<T>(clock: () => number): SingleFlight<T> {
  const flying = new Map<string, InFlight<T>>();

  async function start<R extends T>(key: string, work: () => Promise<R>): Promise<R> {
    for (let other = flying.get(key); other; other = flying.get(key)) await settled(other.done);
    const done = work();
    flying.set(key, { startedAt: clock(), done });
    // removed before its callers continue
    const clear = () => void flying.delete(key);
    done.then(clear, clear);
    return done;
  }

  async function settledAll(): Promise<void> {
    while (flying.size > 0) await Promise.all([...flying.values()].map(({ done }) => settled(done)));
  }

  return { current: (key) => flying.get(key) ?? null, start, settledAll };
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}
