import type { StartTimer } from '../../src/async/waiting.js';
import { type Instant, toMillis } from '../../src/values/instant.js';

/** A clock that runs faster than the wall's, can be set forward and can be stopped. */
export interface FastClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** A timer by this clock. */
  readonly startTimer: StartTimer;
  advance(ms: number): void;
  stop(): void;
  go(): void;
}

/** A clock that begins at `start` and runs `speed` times as fast as the wall's. */
export function createFastClock(start: Instant, speed: number): FastClock {
  let base = toMillis(start);
  let since: number | null = performance.now();
  const now = () => Math.floor(base + (since === null ? 0 : (performance.now() - since) * speed));
  return {
    now,
    startTimer: (callback, ms) => {
      const timer = setTimeout(callback, Math.ceil(ms / speed));
      return () => clearTimeout(timer);
    },
    advance(ms) {
      base += ms;
    },
    stop() {
      base = now();
      since = null;
    },
    go() {
      since ??= performance.now();
    },
  };
}
