import { randomUUID } from 'node:crypto';
import { linkSignals } from '../async/signals.js';
import { createFlights } from '../async/single-flight.js';
import type { HistoryStore } from '../history/store.js';
import type { Accounts } from '../integrations/accounts.js';
import type { Log } from '../log.js';
import { RESOURCES, type Resource } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';
import { createLive } from './create-live.js';
import { createDriftLog } from './drift-log.js';
import { unlessAborted } from './live/freshness.js';
import { markInterrupted } from './mark-interrupted.js';
import type { SyncObserver } from './observer.js';
import type { PassReport, PollReport } from './pass/pass-report.js';
import type { OnProgress, Progress } from './pass/progress.js';
import type { DeltaOutcome } from './pass/read-delta.js';
import { type PassOptions, runPass } from './pass/run-pass.js';
import { type Source, type SyncEnv, sourceText } from './pass.js';
import { type ReconcileOptions, type ReconcileReport, reconcile } from './reconcile/reconcile.js';
import type { SyncSettings } from './settings.js';
import type { Live } from './sync.js';

export interface SyncOptions {
  readonly store: HistoryStore;
  readonly accounts: Accounts;
  readonly settings: SyncSettings;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  /** Makes the ids of runs; random UUIDs unless given. */
  readonly newId?: () => string;
  readonly observer?: SyncObserver | undefined;
}

export interface PollOptions {
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
  /** All accounts, unless given. */
  readonly integrations?: readonly string[] | undefined;
  readonly trigger?: PassOptions['trigger'];
  /**
   * For somebody who waits for the current state: records that may have changed without being listed are read again
   * unless they were confirmed within this many milliseconds. By their interval, unless given.
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * Whether other processes may be polling now: then no run that stands as running is taken for one that was cut
   * short. False unless given.
   */
  readonly isOneOfMany?: boolean;
  /** Ends the poll after the record in hand; it still answers with its report. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface BackfillOptions extends Omit<PollOptions, 'trigger'> {
  /** How far back to collect. */
  readonly from: Instant;
}

/** Keeps the history in step with Abnormal. */
export interface Sync {
  readonly live: Live;
  /**
   * Brings every resource asked for up to date, all of them at once; see `runPass`. One that is being polled
   * already is waited for instead. Throws only when the history fails.
   */
  poll(options: PollOptions): Promise<PollReport>;
  /** Sets the beginning of what is wanted back to `from`, for good, and collects what is missing. */
  backfill(options: BackfillOptions): Promise<PollReport>;
  /** Compares what is held with what Abnormal has; see `reconcile`. */
  reconcile(options: ReconcileOptions): Promise<ReconcileReport>;
  /** Stops everything that is on its way, and waits until it has ended. */
  close(): Promise<void>;
}

interface Underway {
  readonly maxAgeMs: number | null;
  readonly done: Promise<PassReport>;
  readonly listeners: Set<OnProgress>;
}

/** The one writer of the history; see `Sync`. */
export function createSync({ newId = randomUUID, ...options }: SyncOptions): Sync {
  const { accounts } = options;
  const env: SyncEnv = { ...options, newId, activeRuns: new Set(), drift: createDriftLog(options) };
  const deltas = createFlights<DeltaOutcome>(env.clock);
  const underway = new Map<string, Underway>();
  const comparing = new Set<Promise<ReconcileReport>>();
  const closing = new AbortController();
  const live = createLive(env, accounts, deltas, closing.signal);

  function begin(source: Source, poll: PollOptions, from: Instant | null): Underway {
    const { trigger = 'POLL', signal, maxAgeMs = null } = poll;
    const listeners = new Set<OnProgress>();
    const onProgress = (progress: Progress) => {
      for (const listener of listeners) listener(progress);
    };
    const key = sourceText(source);
    const ending = linkSignals(signal, closing.signal);
    const options = { trigger, from, signal: ending.signal, onProgress, maxAgeMs, deltas };
    const done = runPass(env, source, options).finally(() => {
      underway.delete(key);
      ending.unlink();
    });
    const pass = { done, listeners, maxAgeMs };
    underway.set(key, pass);
    return pass;
  }

  async function pollSource(source: Source, poll: PollOptions): Promise<PassReport> {
    const { maxAgeMs = Number.POSITIVE_INFINITY } = poll;
    for (let other = underway.get(sourceText(source)); other; other = underway.get(sourceText(source))) {
      const report = await unlessAborted(follow(other, poll), poll.signal);
      // one on its way that leaves what was confirmed an interval ago is not enough for somebody who wants it newer
      if ((other.maxAgeMs ?? Number.POSITIVE_INFINITY) <= maxAgeMs || poll.signal.aborted) return report;
    }
    return follow(begin(source, poll, null), poll);
  }

  async function backfillSource(source: Source, { from, ...poll }: BackfillOptions): Promise<PassReport> {
    const key = sourceText(source);
    // a pass on its way knows nothing of the new beginning
    for (let other = underway.get(key); other; other = underway.get(key)) {
      await unlessAborted(follow(other, poll), poll.signal);
    }
    return follow(begin(source, { ...poll, trigger: 'BACKFILL' }, from), poll);
  }

  async function forEachSource(
    poll: Omit<PollOptions, 'trigger'>,
    run: (source: Source) => Promise<PassReport>,
  ): Promise<PollReport> {
    const { resources = RESOURCES, integrations, isOneOfMany = false } = poll;
    const wanted = accounts.list().filter(({ name }) => integrations?.includes(name) ?? true);
    const names = wanted.map(({ name }) => name);
    if (!isOneOfMany) await markInterrupted(env, names);
    const sources = wanted.flatMap((account) => resources.map((resource) => ({ account, resource })));
    const passes = await Promise.allSettled(sources.map(run));
    return { passes: passes.map(reportOf) };
  }

  async function reconcileAll(options: ReconcileOptions): Promise<ReconcileReport> {
    const ending = linkSignals(options.signal, closing.signal);
    const done = reconcile(env, accounts.list(), { ...options, signal: ending.signal });
    comparing.add(done);
    return done.finally(() => {
      comparing.delete(done);
      ending.unlink();
    });
  }

  return {
    live,
    poll: (poll) => forEachSource(poll, (source) => pollSource(source, poll)),
    backfill: (backfill) => forEachSource(backfill, (source) => backfillSource(source, backfill)),
    reconcile: reconcileAll,
    async close() {
      closing.abort();
      await Promise.allSettled([...[...underway.values()].map(({ done }) => done), ...comparing]);
      await live.landed();
      await env.drift.write();
    },
  };
}

/** Waits for a pass, reporting on it meanwhile, until it ends or whoever waits has gone. */
async function follow({ done, listeners }: Underway, { onProgress }: PollOptions): Promise<PassReport> {
  if (!onProgress) return done;
  listeners.add(onProgress);
  return done.finally(() => listeners.delete(onProgress));
}

function reportOf(result: PromiseSettledResult<PassReport>): PassReport {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}
