import { setMaxListeners } from 'node:events';
import { linkSignals } from './signals.js';

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

/** Work that several callers wait for. */
export interface SharedWork<T> {
  readonly done: Promise<T>;
  readonly waiters: Waiters;
}

/** Those who wait for one piece of work. When the last of them has gone, it is given up. */
export class Waiters {
  private readonly gone = new AbortController();
  private waiting = 0;

  /** Whether the work was given up: then it is too late to join. */
  get isGone(): boolean {
    return this.gone.signal.aborted;
  }

  /** Does the work; its signal fires when `closing` does, or when all who waited have gone. */
  run<T>(closing: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { signal, unlink } = linkSignals(closing, this.gone.signal);
    return work(signal).finally(unlink);
  }

  /** Waits for the work with the others until `signal` fires; a caller without one stays to the end. */
  wait<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.isGone) return work;
    this.waiting += 1;
    if (!signal) return work;
    const leave = () => {
      this.waiting -= 1;
      if (this.waiting === 0) this.gone.abort(signal.reason);
    };
    if (signal.aborted) leave();
    // one request may wait for many pieces of work; Node warns of a leak from the eleventh listener on
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave, { once: true });
    return work.finally(() => signal.removeEventListener('abort', leave));
  }
}
