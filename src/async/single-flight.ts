import { setMaxListeners } from 'node:events';

/** Work on its way, which others may wait for. */
export interface InFlight<T> {
  /** When it began, in milliseconds since the epoch. */
  readonly startedAt: number;
  readonly done: Promise<T>;
}

/** Work of which there is one at a time under each key. */
export interface SingleFlight<T> {
  current(key: string): InFlight<T> | null;
  /** Does the work as soon as no other is on its way under the key. */
  start<R extends T>(key: string, work: () => Promise<R>): Promise<R>;
  /** Resolves when nothing is on its way any more. */
  settledAll(): Promise<void>;
}

export function createSingleFlight<T>(clock: () => number): SingleFlight<T> {
  const flying = new Map<string, InFlight<T>>();

  async function start<R extends T>(key: string, work: () => Promise<R>): Promise<R> {
    for (let other = flying.get(key); other; other = flying.get(key)) await settled(other.done);
    const done = work();
    flying.set(key, { startedAt: clock(), done });
    // taken off before anybody who waits for it carries on
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

/** Those who wait for one piece of work. When the last of them has gone, nobody is left to do it for. */
export class Waiters {
  private readonly gone = new AbortController();
  private waiting = 0;

  /** Fires when all who joined have gone. Whoever joined without a signal of its own stays to the end. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  /** Whether the work was given up: then it is too late to join. */
  get isGone(): boolean {
    return this.gone.signal.aborted;
  }

  /** Waits with the others until `signal` fires; what it gives back ends the listening, once the work is done. */
  join(signal: AbortSignal | undefined): () => void {
    this.waiting += 1;
    if (!signal) return () => {};
    const leave = () => {
      this.waiting -= 1;
      if (this.waiting === 0) this.gone.abort(signal.reason);
    };
    if (signal.aborted) leave();
    // one request may wait for many pieces of work; Node warns of a leak from the eleventh listener on
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave, { once: true });
    return () => signal.removeEventListener('abort', leave);
  }
}
