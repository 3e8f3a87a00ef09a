import { randomUUID } from 'node:crypto';
import { createSingleFlight, linkSignals, type SingleFlight, unlessAborted } from '../async/waiting.js';
import type { Accounts } from '../integrations/accounts.js';
import { inSpan } from '../tracing.js';
import type { Instant } from '../values/instant.js';
import { type Source, type SyncEnv, sourceText } from './context.js';
import { createDriftLog } from './drift-log.js';
import { LiveLists } from './live/live-lists.js';
import { LiveRecords } from './live/live-records.js';
import type { DeltaOutcome } from './pass/read-streams.js';
import { type EndedPass, passReport, runPass } from './pass/run-pass.js';
import { reconcile } from './reconcile/reconcile.js';
import { markInterrupted, WaitingConfirmations } from './run-recorder.js';
import type {
  BackfillOptions,
  Live,
  OnProgress,
  PollOptions,
  PollReport,
  Progress,
  ReconcileOptions,
  ReconcileReport,
  Sync,
  SyncOptions,
} from './sync.js';

interface Underway {
  readonly maxAgeMs: number | null;
  readonly done: Promise<EndedPass>;
  readonly listeners: Set<OnProgress>;
}

export function createSync({ newId = randomUUID, ...options }: SyncOptions): Sync {
  const { accounts } = options;
  const env: SyncEnv = {
    ...{ ...options, newId, activeRuns: new Set(), drift: createDriftLog(options) },
    confirmations: new WaitingConfirmations(),
  };
  const deltas = createSingleFlight<DeltaOutcome>(env.clock);
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
    const attributes = { integration: source.account.name, resource: source.resource, trigger };
    const pass = () => runPass(env, source, options);
    const done = inSpan(`poll ${source.resource}`, { attributes }, pass).finally(() => {
      underway.delete(key);
      ending.unlink();
    });
    const started = { done, listeners, maxAgeMs };
    underway.set(key, started);
    return started;
  }

  async function pollSource(source: Source, poll: PollOptions): Promise<EndedPass> {
    const { maxAgeMs = Number.POSITIVE_INFINITY } = poll;
    for (let other = underway.get(sourceText(source)); other; other = underway.get(sourceText(source))) {
      const report = await unlessAborted(follow(other, poll), poll.signal);
      // a running pass that accepts older confirmations is not enough for a caller that needs newer ones
      if ((other.maxAgeMs ?? Number.POSITIVE_INFINITY) <= maxAgeMs || poll.signal.aborted) return report;
    }
    return follow(begin(source, poll, null), poll);
  }

  async function backfillSource(source: Source, { from, ...poll }: BackfillOptions): Promise<EndedPass> {
    const key = sourceText(source);
    // a running pass does not know the new beginning
    for (let other = underway.get(key); other; other = underway.get(key)) {
      await unlessAborted(follow(other, poll), poll.signal);
    }
    return follow(begin(source, { ...poll, trigger: 'BACKFILL' }, from), poll);
  }

  async function forEachSource(
    poll: Omit<PollOptions, 'trigger'>,
    run: (source: Source) => Promise<EndedPass>,
  ): Promise<PollReport> {
    const { resources = env.settings.collect, integrations, otherWritersMayPoll = false } = poll;
    const wanted = accounts.list().filter(({ name }) => integrations?.includes(name) ?? true);
    const names = wanted.map(({ name }) => name);
    if (!otherWritersMayPoll) await markInterrupted(env, names);
    const sources = wanted.flatMap((account) => resources.map((resource) => ({ account, resource })));
    const passes = await Promise.allSettled(sources.map(run));
    const ended = passes.map(endOf);
    return { passes: await Promise.all(ended.map((pass, n) => passReport(env, sources[n] as Source, pass))) };
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
      await live.settledAll();
      await env.drift.write();
    },
  };
}

async function follow({ done, listeners }: Underway, { onProgress }: PollOptions): Promise<EndedPass> {
  if (!onProgress) return done;
  listeners.add(onProgress);
  return done.finally(() => listeners.delete(onProgress));
}

function endOf(result: PromiseSettledResult<EndedPass>): EndedPass {
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** `settledAll` resolves when all work that it began has ended. */
interface LiveSync extends Live {
  settledAll(): Promise<void>;
}

function createLive(
  env: SyncEnv,
  accounts: Accounts,
  deltas: SingleFlight<DeltaOutcome>,
  closing: AbortSignal,
): LiveSync {
  const records = new LiveRecords(env, accounts, closing);
  const lists = new LiveLists(env, accounts, deltas, closing);
  return {
    record: (key, maxAgeMs, options) => records.record(key, maxAgeMs, options),
    list: (resource, integrations, maxAgeMs, signal) => lists.list(resource, integrations, maxAgeMs, signal),
    settledAll: async () => {
      await Promise.all([records.settledAll(), lists.settledAll()]);
    },
  };
}
