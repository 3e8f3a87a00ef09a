import { type Sleep, waitOut } from '../../async/waiting.js';
import type { HistoryStore } from '../../history/store.js';
import type { Log } from '../../log.js';
import type { Resource } from '../../resources/registry.js';
import { HOUR, shift, toInstant, toMillis } from '../../values/instant.js';
import { type Sync, WIDEST_RECONCILED } from '../sync.js';

interface ReconcileLoopOptions {
  readonly sync: Pick<Sync, 'reconcile'>;
  readonly store: Pick<HistoryStore, 'runs'>;
  readonly integrations: () => readonly string[];
  readonly resources: readonly Resource[];
  readonly everyMs: number;
  /** Whether each resource has been polled and none is being polled; otherwise nothing is compared. */
  readonly isIdle: () => boolean;
  readonly clock: () => number;
  readonly log: Log;
  readonly sleep: Sleep;
}

/** The number of newest reconciliations to search for the last scheduled one. */
const LOOK_BACK = 100;
const IDLE_CHECK_MS = 5_000;
const RETRY_MS = HOUR;

/**
 * Reconciles the last fourteen days in an interval that survives restarts, after the polls and with lower
 * priority.
 */
export function createReconcileLoop(options: ReconcileLoopOptions) {
  const { clock, log, sleep, isIdle, everyMs } = options;
  let isComparing = false;

  async function attempt(work: () => Promise<number>, signal: AbortSignal): Promise<number> {
    try {
      return await work();
    } catch (error) {
      if (!signal.aborted) log.error({ err: error }, 'reconciliation failed');
      return Math.min(everyMs, RETRY_MS);
    }
  }

  async function compare(signal: AbortSignal): Promise<number> {
    isComparing = true;
    return attempt(() => reconcileNow(signal, options), signal).finally(() => {
      isComparing = false;
    });
  }

  return {
    isComparing: () => isComparing,
    /** Resolves when `signal` fires. */
    async run(signal: AbortSignal): Promise<void> {
      for (let waitMs = await attempt(() => dueIn(options), signal); !signal.aborted; ) {
        await waitOut(waitMs, clock, sleep, signal);
        while (!isIdle() && !signal.aborted) await sleep(IDLE_CHECK_MS, signal);
        if (!signal.aborted) waitMs = await compare(signal);
      }
    },
  };
}

async function dueIn({ store, integrations, clock, everyMs }: ReconcileLoopOptions): Promise<number> {
  const query = { before: null, limit: LOOK_BACK, trigger: 'RECONCILE' } as const;
  const runs = await store.runs({ ...query, integrations: integrations() });
  const last = runs.find(({ parameters }) => parameters.scheduled === true);
  if (!last) return 0;
  // a clock that was ahead must not delay it
  return Math.min(everyMs, Math.max(0, toMillis(last.startedAt) + everyMs - clock()));
}

async function reconcileNow(signal: AbortSignal, options: ReconcileLoopOptions): Promise<number> {
  const { sync, integrations, resources, clock, everyMs } = options;
  const begin = clock();
  const to = toInstant(begin);
  const from = shift(to, -WIDEST_RECONCILED);
  await sync.reconcile({ integrations: integrations(), resources, from, to, isScheduled: true, signal });
  return Math.max(0, begin + everyMs - clock());
}
