import type { BudgetSnapshot } from '../abnormal/budget.js';
import type { HistoryStore } from '../history/store.js';
import type { WriteWatch } from '../history/watch-writes.js';
import type { Log } from '../log.js';
import type { CoverageGap } from '../model/ledger.js';
import type { StreamState } from '../model/stream.js';
import type { Policy } from '../policy/policy.js';
import type { Resource } from '../resources/registry.js';
import { findMissingWindows } from '../sync/window/missing-windows.js';
import { caches } from '../values/bounded-cache.js';
import { floorToSecond, toInstant } from '../values/instant.js';
import type { DeliveryStatus } from '../webhooks/deliveries.js';
import type { Counters } from './counters.js';
import { Gauges, type MeasuredState } from './gauges.js';

interface ScrapeOptions {
  readonly counters: Pick<Counters, 'registry'>;
  readonly store: HistoryStore;
  readonly writes?: Pick<WriteWatch, 'failure' | 'failures'>;
  readonly policy?: { current(): Policy; problem(): string | null };
  readonly posture?: { states(): readonly MeasuredState[] };
  readonly webhooks?: () => Promise<readonly DeliveryStatus[]>;
  readonly budgets: () => ReadonlyMap<string, { snapshot(): BudgetSnapshot }>;
  /** The polling intervals in milliseconds, if Abnormal is polled. */
  readonly pollEvery?: Readonly<Partial<Record<Resource, number>>>;
  readonly clock: () => number;
  readonly log: Log;
}

/** Finding gaps reads the whole ledger, so it is done at most this often. */
const GAPS_EVERY_MS = 60_000;

export type Scrape = ReturnType<typeof createScrape>;

export function createScrape(options: ScrapeOptions) {
  const { counters, log, budgets } = options;
  const gauges = new Gauges(counters.registry);
  const readGaps = createGapReader(options, gauges);
  gauges.intervals(options.pollEvery ?? {});
  let current: Promise<string> | null = null;
  let isUp = true;

  async function read(): Promise<string> {
    gauges.writes(options.writes?.failure() ?? null, options.writes?.failures() ?? 0);
    gauges.budgets(new Map([...budgets()].map(([name, budget]) => [name, budget.snapshot()])));
    gauges.caches(caches());
    if (options.policy) gauges.policy(options.policy.current().file?.digest ?? '', options.policy.problem());
    if (options.posture) gauges.posture(options.posture.states());
    try {
      const [head, streams] = await Promise.all([options.store.head(), options.store.streams()]);
      gauges.history(head);
      gauges.streams(streams);
      const names = [...new Set(streams.map(({ integration }) => integration))];
      await Promise.all([readGaps(streams), gauges.stored(options.store, names, toInstant(options.clock()))]);
      if (options.webhooks) gauges.webhooks(await options.webhooks());
      isUp = true;
    } catch (error) {
      if (isUp) log.warn({ err: error }, 'the history cannot be measured');
      isUp = false;
      gauges.history(null);
    }
    return counters.registry.metrics();
  }

  return {
    contentType: counters.registry.contentType,
    /**
     * One read of the history for all concurrent scrapes. Never throws: while the history is unavailable,
     * `history_up` is 0 and its other metrics keep their last values.
     */
    text(): Promise<string> {
      current ??= read().finally(() => {
        current = null;
      });
      return current;
    },
  };
}

function createGapReader({ store, clock }: ScrapeOptions, gauges: Gauges) {
  let readAt: number | null = null;
  return async (streams: readonly StreamState[]): Promise<void> => {
    const now = clock();
    if (readAt !== null && now >= readAt && now - readAt < GAPS_EVERY_MS) return;
    const to = floorToSecond(toInstant(now));
    const found: { stream: StreamState; gaps: readonly CoverageGap[] }[] = [];
    // serially, to leave capacity of the history to others
    for (const stream of streams) {
      const { gaps } = await findMissingWindows(store, stream, stream.collectFrom, to);
      found.push({ stream, gaps });
    }
    gauges.gaps(found);
    readAt = now;
  };
}
