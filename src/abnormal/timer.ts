import { cancelled } from './explain.js';

/** Calls back once after `ms` milliseconds; the function it returns calls that off. */
export type StartTimer = (callback: () => void, ms: number) => () => void;

// setTimeout fires at once for anything longer
const LONGEST = 2 ** 31 - 1;

/** Node's own timer. */
export const startTimeout: StartTimer = (callback, ms) => {
  const timer = setTimeout(callback, Math.min(ms, LONGEST));
  return () => clearTimeout(timer);
};

/** Waits `ms` milliseconds; throws `CANCELLED` as soon as `signal` is aborted. */
export function sleep(ms: number, startTimer: StartTimer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(signal.reason));
    const onAbort = () => {
      stop();
      reject(cancelled(signal.reason));
    };
    const stop = startTimer(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
