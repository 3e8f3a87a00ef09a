import { linkSignals } from '../../async/signals.js';
import { type Sleep, waitOut } from '../../async/timers.js';
import type { Log } from '../../log.js';
import type { RunStatus } from '../../model/run.js';
import type { Resource } from '../../resources/kind.js';
import { type Instant, MINUTE, toInstant } from '../../values/instant.js';
import type { Sync } from '../create-sync.js';
import type { PassReport } from '../pass/pass-report.js';
import type { OnProgress } from '../pass/progress.js';
import { messageOf } from '../stop.js';

export interface PollLoopOptions {
  readonly sync: Pick<Sync, 'poll'>;
  /** How long to wait between the end of one poll and the beginning of the next, in milliseconds. */
  readonly intervals: Readonly<Record<Resource, number>>;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly onProgress?: OnProgress;
  readonly sleep: Sleep;
}

/** One resource of one account, as the poller has it. */
export interface PollStatus {
  readonly integration: string;
  readonly resource: Resource;
  readonly isPolling: boolean;
  /** When the last poll ended, in whatever way; `null` before the first. */
  readonly lastPollAt: Instant | null;
  readonly lastStatus: RunStatus | null;
  /** Why the last poll could not be done at all; for a person. */
  readonly lastError: string | null;
}

/** What cannot be read is tried again after this, then after twice as long, up to the interval. */
const FIRST_RETRY_MS = 5 * MINUTE;
/** A poll that was cut short, though nobody asked the poller to end. */
const INTERRUPTED_RETRY_MS = 1000;

export interface PollLoop {
  /** Resolves once `signal` has fired and the poll that was under way has ended. */
  run(signal: AbortSignal): Promise<void>;
  /** Polls anew at once, or as soon as the poll that is under way has ended. */
  wake(): void;
  status(): PollStatus;
}

/** Polls one resource of one account, again and again. */
export function createPollLoop(
  { sync, clock, log, intervals, onProgress, sleep }: PollLoopOptions,
  integration: string,
  resource: Resource,
): PollLoop {
  const interval = intervals[resource];
  let status: PollStatus = {
    integration,
    resource,
    isPolling: false,
    lastPollAt: null,
    lastStatus: null,
    lastError: null,
  };
  let failures = 0;
  let waking = new AbortController();

  async function pollOnce(signal: AbortSignal): Promise<void> {
    status = { ...status, isPolling: true };
    const outcome = await attempt(signal);
    const hasFailed = outcome.lastError !== null || outcome.isUnavailable;
    failures = hasFailed ? failures + 1 : 0;
    const { lastError, lastStatus } = outcome;
    status = { ...status, isPolling: false, lastPollAt: toInstant(clock()), lastStatus, lastError };
  }

  async function attempt(signal: AbortSignal) {
    const wanted = { resources: [resource], integrations: [integration], signal };
    try {
      const { passes } = await sync.poll(onProgress ? { ...wanted, onProgress } : wanted);
      const lastStatus = passes[0]?.status ?? null;
      return { lastStatus, lastError: null, isUnavailable: passes.some(isUnavailable) };
    } catch (error) {
      if (signal.aborted) return { lastStatus: null, lastError: null, isUnavailable: false };
      log.error({ integration, resource, err: error }, 'poll failed');
      return { lastStatus: null, lastError: messageOf(error), isUnavailable: false };
    }
  }

  function waitMs(): number {
    // another ended it, such as the account as it was before it got another address
    if (status.lastStatus === 'INTERRUPTED') return Math.min(interval, INTERRUPTED_RETRY_MS);
    return failures === 0 ? interval : Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));
  }

  async function pause(signal: AbortSignal): Promise<void> {
    const ending = linkSignals(signal, waking.signal);
    await waitOut(waitMs(), clock, sleep, ending.signal);
    ending.unlink();
  }

  return {
    status: () => status,
    wake: () => waking.abort(),
    async run(signal) {
      while (!signal.aborted) {
        waking = new AbortController();
        await pollOnce(signal);
        await pause(signal);
      }
    },
  };
}

function isUnavailable({ streams }: PassReport): boolean {
  return streams.some(({ status }) => status === 'UNAVAILABLE');
}
