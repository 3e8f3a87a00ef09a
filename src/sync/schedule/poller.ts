import { pause as defaultSleep, type Sleep } from '../../async/signals.js';
import type { HistoryStore } from '../../history/store.js';
import type { Accounts } from '../../integrations/accounts.js';
import type { Log } from '../../log.js';
import type { Resource } from '../../resources/registry.js';
import { MINUTE } from '../../values/instant.js';
import type { OnProgress, Sync } from '../sync.js';
import { createAccountPolls, type PollStatus } from './account-polls.js';
import { createLeadership } from './leadership.js';
import { createReconcileLoop } from './reconcile-loop.js';

export interface PollerOptions {
  readonly sync: Pick<Sync, 'poll' | 'reconcile'>;
  readonly store: HistoryStore;
  /** The accounts to poll, as they come and go. */
  readonly accounts: Accounts;
  /** Only these accounts, by name; all, unless given. */
  readonly integrations?: readonly string[] | undefined;
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
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

export interface PollerStatus {
  /** Whether this process is the one that polls. */
  readonly isLeading: boolean;
  /** Whether what is held is being compared with what Abnormal has. */
  readonly isReconciling: boolean;
  readonly polls: readonly PollStatus[];
}

export interface Poller {
  /**
   * Polls every resource of every account at once and then in its interval, and reconciles in its own, as long as
   * this process holds the history's lease. An account that comes is polled at once, and so is one that got another
   * token or address; one that goes is polled no longer.
   * Resolves once `signal` has fired and all that was under way has ended.
   */
  run(signal: AbortSignal): Promise<void>;
  status(): PollerStatus;
}

const DEFAULT_LEASE_MS = MINUTE;

export function createPoller(options: PollerOptions): Poller {
  const { leaseMs = DEFAULT_LEASE_MS, sleep = defaultSleep } = options;
  const { store, holder, log, reconcileEveryMs: everyMs = 0 } = options;
  const leadership = createLeadership({ store, holder, leaseMs, log, sleep });
  const polls = createAccountPolls({ ...options, sleep });
  const isIdle = () => {
    const all = polls.status();
    return all.length > 0 && all.every((poll) => poll.lastPollAt !== null && !poll.isPolling);
  };
  const reconciling = createReconcileLoop({
    ...{ ...options, everyMs, isIdle, sleep },
    integrations: polls.names,
  });
  return {
    run: (signal) =>
      leadership.run(signal, async (term) => {
        await Promise.all([polls, ...(everyMs > 0 ? [reconciling] : [])].map((loop) => loop.run(term)));
      }),
    status: () => ({
      isLeading: leadership.isLeading(),
      isReconciling: reconciling.isComparing(),
      polls: polls.status(),
    }),
  };
}
