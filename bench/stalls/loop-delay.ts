import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/*
 * Loaded before a measured process. It replies to each message with the longest stall of the event loop since the
 * message before, in milliseconds.
 */

const RESOLUTION_MS = 5;

export interface StallReport {
  readonly longestMs: number;
}

if (isMainThread && process.send) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  process.on('message', () => {
    const longestMs = delay.max / 1e6 - RESOLUTION_MS;
    delay.reset();
    process.send?.({ longestMs } satisfies StallReport);
  });
}
