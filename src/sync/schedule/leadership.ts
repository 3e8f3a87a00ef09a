import type { Sleep } from '../../async/signals.js';
import type { HistoryStore } from '../../history/store.js';
import type { Log } from '../../log.js';

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
  const acquire = () => store.acquireLease(POLL_LEASE, holder, leaseMs);

  async function tryAcquire(): Promise<boolean> {
    try {
      return await acquire();
    } catch (error) {
      log.error({ err: error }, 'the lease for polling could not be requested');
      return false;
    }
  }

  /** Renews the lease until the term ends; ends the term if the lease is lost or cannot be renewed. */
  async function renew(term: AbortController): Promise<void> {
    while (!term.signal.aborted) {
      await sleep(leaseMs / 3, term.signal);
      if (term.signal.aborted || (await tryAcquire()) || (await tryAcquire())) continue;
      log.warn({ holder }, 'this process no longer polls: its lease could not be renewed');
      term.abort();
    }
  }

  async function lead(signal: AbortSignal, work: (term: AbortSignal) => Promise<void>): Promise<void> {
    const term = new AbortController();
    const end = () => term.abort();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    isLeading = true;
    log.info({ holder }, 'this process polls');
    try {
      const renewal = renew(term);
      await work(term.signal).finally(end);
      await renewal;
    } finally {
      isLeading = false;
      signal.removeEventListener('abort', end);
      await store
        .releaseLease(POLL_LEASE, holder)
        .catch((error: unknown) => log.warn({ err: error }, 'lease not released'));
    }
  }

  return {
    isLeading: () => isLeading,
    async run(signal, work) {
      while (!signal.aborted) {
        if (await tryAcquire()) await lead(signal, work);
        else await sleep(leaseMs / 2, signal);
      }
    },
  };
}
