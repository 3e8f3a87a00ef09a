import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { type Instant, MINUTE, toInstant } from '../model/instant.js';
import { RESOURCES, type Resource } from '../model/kind.js';
import type { RunStatus } from '../model/run.js';
import type { Sync } from './create-sync.js';
import { createLeadership } from './leadership.js';
import type { OnProgress } from './progress.js';
import { createReconcileLoop } from './reconcile-loop.js';
import type { PassReport } from './report.js';
import { sleep as defaultSleep, type Sleep, waitOut } from './sleep.js';
import { messageOf } from './stop.js';

export interface PollerOptions {
  readonly sync: Pick<Sync, 'poll' | 'reconcile'>;
  readonly store: HistoryStore;
  /** The accounts to poll, by name. */
  readonly integrations: readonly string[];
  /** All, unless given. */
  readonly resources?: readonly Resource[];
  /** How long to wait between the end of one poll and the beginning of the next, in milliseconds. */
  readonly intervals: Readonly<Record<Resource, number>>;
  /** How often what is held is compared with what Abnormal has, in milliseconds; 0: never. */
  readonly reconcileEveryMs?: number;
  /**
   * Names this process among those that share the history. Where the history admits one writer anyway, a fixed
   * name lets a process that follows a killed one begin at once.
   */
  readonly holder: string;
  /** How long another process waits before it takes over from one that is gone, in milliseconds. */
  readonly leaseMs?: number;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  readonly onProgress?: OnProgress;
  /** Node's timer, unless given. */
  readonly sleep?: Sleep;
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

export interface PollerStatus {
  /** Whether this process is the one that polls. */
  readonly isLeading: boolean;
  /** Whether what is held is being compared with what Abnormal has. */
  readonly isReconciling: boolean;
  readonly polls: readonly PollStatus[];
}

export interface Poller {
  /**
   * Polls every resource at once and then in its interval, and reconciles in its own, as long as this process holds
   * the history's lease.
   * Resolves once `signal` has fired and all that was under way has ended.
   */
  run(signal: AbortSignal): Promise<void>;
  status(): PollerStatus;
}

const DEFAULT_LEASE_MS = MINUTE;
/** What cannot be read is tried again after this, then after twice as long, up to the interval. */
const FIRST_RETRY_MS = 5 * MINUTE;

export function createPoller(options: PollerOptions): Poller {
  const { resources = RESOURCES, leaseMs = DEFAULT_LEASE_MS, sleep = defaultSleep } = options;
  const { store, holder, log, reconcileEveryMs: everyMs = 0 } = options;
  const leadership = createLeadership({ store, holder, leaseMs, log, sleep });
  const polls = options.integrations.flatMap((integration) =>
    resources.map((resource) => createPollLoop(options, integration, resource, sleep)),
  );
  const isIdle = () =>
    polls.map((poll) => poll.status()).every((poll) => poll.lastPollAt !== null && !poll.isPolling);
  const reconciling = createReconcileLoop({ ...options, everyMs, isIdle, sleep });
  return {
    run: (signal) =>
      leadership.run(signal, async (term) => {
        await Promise.all([...polls, ...(everyMs > 0 ? [reconciling] : [])].map((loop) => loop.run(term)));
      }),
    status: () => ({
      isLeading: leadership.isLeading(),
      isReconciling: reconciling.isComparing(),
      polls: polls.map((poll) => poll.status()),
    }),
  };
}

interface PollLoop {
  run(signal: AbortSignal): Promise<void>;
  status(): PollStatus;
}

/** Polls one resource of one account, again and again. */
function createPollLoop(
  { sync, clock, log, intervals, onProgress }: PollerOptions,
  integration: string,
  resource: Resource,
  sleep: Sleep,
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

  const waitMs = () =>
    failures === 0 ? interval : Math.min(interval, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20));

  return {
    status: () => status,
    async run(signal) {
      while (!signal.aborted) {
        await pollOnce(signal);
        await waitOut(waitMs(), clock, sleep, signal);
      }
    },
  };
}

function isUnavailable({ streams }: PassReport): boolean {
  return streams.some(({ status }) => status === 'UNAVAILABLE');
}
