import { performance } from 'node:perf_hooks';
import { pause as defaultSleep, linkSignals, type Sleep } from '../../async/waiting.js';
import type { HistoryStore } from '../../history/store.js';
import type { Accounts } from '../../integrations/accounts.js';
import type { Log } from '../../log.js';
import type { Resource } from '../../resources/registry.js';
import type { OnProgress, Sync } from '../sync.js';
import { createAccountPolls, type PollStatus } from './account-polls.js';
import { createReconcileLoop } from './reconcile-loop.js';

export interface PollerOptions {
  readonly sync: Pick<Sync, 'poll' | 'reconcile'>;
  readonly store: HistoryStore;
  readonly accounts: Accounts;
  readonly integrations?: readonly string[] | undefined;
  readonly resources: readonly Resource[];
  readonly intervals: Readonly<Record<Resource, number>>;
  /** How often to reconcile, in milliseconds; 0: never. */
  readonly reconcileEveryMs?: number;
  /** Names this process among writers. If there is only one, a fixed name lets its successor begin at once. */
  readonly holder: string;
  /** Further work that only the process that polls may do. */
  readonly alongside?: readonly { run(term: AbortSignal): Promise<void> }[];
  /** How long another process waits before it takes over, in milliseconds. */
  readonly leaseMs?: number;
  readonly clock: () => number;
  readonly log: Log;
  readonly onProgress?: OnProgress;
  readonly sleep?: Sleep;
}

export interface PollerStatus {
  readonly isLeading: boolean;
  readonly isReconciling: boolean;
  readonly polls: readonly PollStatus[];
}

export interface Poller {
  /**
   * Polls everything at once and then in intervals, and reconciles, while this process holds the lease. A new
   * account, and one with a new token or address, is polled at once. Resolves after all work has ended.
   */
  run(signal: AbortSignal): Promise<void>;
  status(): PollerStatus;
}

/** Another process takes over within the lease and a quarter of it. */
const DEFAULT_LEASE_MS = 20_000;
/** The wait after the history did not answer. */
const RETRY_MS = 1_000;
/** A lease that is not released ends by itself. */
const RELEASE_MS = 2_000;
/** A term ends before its lease, so that no other process begins while its last requests are under way. */
const TERM_SHARE = 3 / 4;

export function createPoller(options: PollerOptions): Poller {
  const { leaseMs = DEFAULT_LEASE_MS, sleep = defaultSleep } = options;
  const { store, holder, log, reconcileEveryMs: everyMs = 0, alongside = [] } = options;
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
        const loops = [polls, ...(everyMs > 0 ? [reconciling] : []), ...alongside];
        await Promise.all(loops.map((loop) => loop.run(term)));
      }),
    status: () => ({
      isLeading: leadership.isLeading(),
      isReconciling: reconciling.isComparing(),
      polls: polls.status(),
    }),
  };
}

/** The lease of a history; its holder is the process that polls. */
export const POLL_LEASE = 'poll';

export interface LeadershipOptions {
  readonly store: Pick<HistoryStore, 'acquireLease' | 'releaseLease'>;
  readonly holder: string;
  readonly leaseMs: number;
  readonly log: Log;
  readonly sleep: Sleep;
}

export interface Leadership {
  /**
   * Waits for the lease, then runs `work` until the lease is lost, and waits again. Resolves after `signal`
   * has fired, `work` has ended and the lease is released.
   */
  run(signal: AbortSignal, work: (term: AbortSignal) => Promise<void>): Promise<void>;
  isLeading(): boolean;
}

export function createLeadership({ store, holder, leaseMs, log, sleep }: LeadershipOptions): Leadership {
  let isLeading = false;

  /** The result of `work`, or `null` if it takes longer. */
  async function within<T>(ms: number, signal: AbortSignal, work: Promise<T>): Promise<T | null> {
    const stop = new AbortController();
    const waiting = linkSignals(signal, stop.signal);
    const late = sleep(ms, waiting.signal).then(() => null);
    return Promise.race([work, late]).finally(() => {
      stop.abort();
      waiting.unlink();
    });
  }

  /** Takes or renews the lease; `null` if the history does not answer in time. */
  function acquire(ms: number, signal: AbortSignal): Promise<boolean | null> {
    const asked = store.acquireLease(POLL_LEASE, holder, leaseMs).catch((error: unknown) => {
      log.error({ err: error }, 'the lease for polling could not be requested');
      return null;
    });
    return within(ms, signal, asked);
  }

  /**
   * Renews the lease until the term ends; ends the term if another process has the lease, or could have it because
   * this one was suspended or the history was away for too long. `since`: just before the lease was requested.
   */
  async function renew(term: AbortController, since: number): Promise<void> {
    const endOf = (requested: number) => requested + leaseMs * TERM_SHARE;
    let until = endOf(since);
    for (let isHeld: boolean | null = true; isHeld !== false; ) {
      await sleep(isHeld ? (until - performance.now()) / 2 : RETRY_MS, term.signal);
      if (term.signal.aborted) return;
      const begin = performance.now();
      isHeld = begin < until ? await acquire(until - begin, term.signal) : false;
      if (isHeld) until = endOf(begin);
    }
    if (term.signal.aborted) return;
    log.warn({ holder }, 'this process no longer polls: its lease could not be renewed');
    term.abort();
  }

  async function lead(
    signal: AbortSignal,
    work: (term: AbortSignal) => Promise<void>,
    since: number,
  ): Promise<void> {
    const term = new AbortController();
    const end = () => term.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    isLeading = true;
    log.info({ holder }, 'this process polls');
    try {
      const renewal = renew(term, since);
      await work(term.signal).finally(end);
      await renewal;
    } finally {
      isLeading = false;
      signal.removeEventListener('abort', end);
      const released = store
        .releaseLease(POLL_LEASE, holder)
        .catch((error: unknown) => log.warn({ err: error }, 'lease not released'));
      await within(RELEASE_MS, new AbortController().signal, released);
    }
  }

  return {
    isLeading: () => isLeading,
    async run(signal, work) {
      while (!signal.aborted) {
        const since = performance.now();
        if (await acquire(leaseMs, signal)) await lead(signal, work, since);
        else await sleep(leaseMs / 4, signal);
      }
    },
  };
}
