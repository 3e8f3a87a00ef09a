import { setTimeout } from 'node:timers/promises';
import { HOUR } from '../values/instant.js';

/** Waits `ms` milliseconds, or until `signal` fires; never throws. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const pause: Sleep = (ms, signal) => setTimeout(ms, undefined, { signal }).catch(() => undefined);

/** Timers do not count time that a machine slept, and have a maximum: the wait is split. */
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
