import { setMaxListeners } from 'node:events';
import { setImmediate } from 'node:timers';
import { setTimeout as delay } from 'node:timers/promises';
import { HOUR } from '../values/instant.js';

/** A signal that is aborted with any of `signals`, until `unlink` is called. */
export function linkSignals(...signals: readonly (AbortSignal | undefined)[]): {
  readonly signal: AbortSignal;
  readonly unlink: () => void;
} {
  // not AbortSignal.any: on Node 20 its signals stay in memory as long as a source does
  const controller = new AbortController();
  const links = signals.flatMap((source) => (source ? [link(source, controller)] : []));
  return {
    signal: controller.signal,
    unlink: () => {
      for (const unlink of links) unlink();
    },
  };
}

function link(source: AbortSignal, controller: AbortController): () => void {
  const onAbort = () => controller.abort(source.reason);
  if (source.aborted) onAbort();
  // one signal may end many calls; Node warns of a leak from the eleventh listener on
  setMaxListeners(0, source);
  source.addEventListener('abort', onAbort, { once: true });
  return () => source.removeEventListener('abort', onAbort);
}

/** Waits for work that continues independently; throws the signal's reason if the caller leaves. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  let stopListening = () => {};
  // one query may wait for many records; Node warns of a leak from the eleventh listener on
  setMaxListeners(0, signal);
  const aborted = new Promise<never>((_, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    stopListening = () => signal.removeEventListener('abort', onAbort);
  });
  return Promise.race([work, aborted]).finally(() => stopListening());
}

const turns: (() => void)[] = [];

/**
 * Lets other work run. In each turn of the event loop, only the first of all that wait continues, so that a turn takes as
 * long as one step, however much work there is.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (turns.push(resolve) === 1) setImmediate(giveTurn);
  });
}

function giveTurn(): void {
  turns.shift()?.();
  if (turns.length > 0) setImmediate(giveTurn);
}

/** Waits `ms` milliseconds, or less when `signal` fires; never throws. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const pause: Sleep = (ms, signal) => delay(ms, undefined, { signal }).catch(() => undefined);

/** Timers do not count the time that a machine slept, and none lasts a month: the wait is taken in pieces. */
export async function waitOut(
  ms: number,
  clock: () => number,
  pause: Sleep,
  signal: AbortSignal,
): Promise<void> {
  for (let left = ms; left > 0 && !signal.aborted; ) {
    const piece = Math.min(left, HOUR);
    const begin = clock();
    await pause(piece, signal);
    left -= Math.max(piece, clock() - begin);
  }
}

/** Calls back once after `ms` milliseconds; the returned function cancels it. */
export type StartTimer = (callback: () => void, ms: number) => () => void;

// setTimeout fires at once for longer times
const LONGEST = 2 ** 31 - 1;

export const startTimeout: StartTimer = (callback, ms) => {
  const timer = setTimeout(callback, Math.min(ms, LONGEST));
  return () => clearTimeout(timer);
};

/** Waits for at most `waitMs` of real time, then returns `late`. */
export async function waitFor<T, L>(
  work: Promise<T>,
  waitMs: number,
  late: () => L,
  signal: AbortSignal | undefined,
): Promise<T | L> {
  let stopTimer = () => {};
  const patience = new Promise<L>((resolve) => {
    stopTimer = startTimeout(() => resolve(late()), waitMs);
  });
  return unlessAborted(Promise.race([work, patience]), signal).finally(() => stopTimer());
}

export interface InFlight<T> {
  readonly startedAt: number;
  readonly done: Promise<T>;
}

export type SingleFlight<T> = ReturnType<typeof createSingleFlight<T>>;

export function createSingleFlight<T>(clock: () => number) {
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

  return { current: (key: string) => flying.get(key) ?? null, start, settledAll };
}

function settled(promise: Promise<unknown>): Promise<void> {
  return promise.then(
    () => undefined,
    () => undefined,
  );
}

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

/** The part of the time in which the work is done, however often it is asked for. */
const MOST_OF_THE_TIME = 1 / 20;

/** Work that takes long and whose last result is shown meanwhile: it is done once at a time, and then rests. */
export class Rested<T> {
  last: T | null = null;
  underway: Promise<T> | null = null;
  #restUntil = 0;

  constructor(
    private readonly clock: () => number,
    private readonly results: { isKept(result: T): boolean } = { isKept: () => true },
  ) {}

  /** Begins the work unless it is underway or rests; returns what is underway. */
  begin(work: () => Promise<T>): Promise<T> | null {
    if (this.underway === null && this.clock() >= this.#restUntil) {
      this.underway = this.#do(work);
      this.underway.catch(() => {});
    }
    return this.underway;
  }

  async #do(work: () => Promise<T>): Promise<T> {
    const begun = this.clock();
    try {
      const result = await work();
      if (this.results.isKept(result)) this.last = result;
      return result;
    } finally {
      this.#restUntil = this.clock() + (this.clock() - begun) / MOST_OF_THE_TIME;
      this.underway = null;
    }
  }
}
