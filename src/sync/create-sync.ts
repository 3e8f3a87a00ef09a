import { randomUUID } from 'node:crypto';
import { createSingleFlight, linkSignals, unlessAborted } from '../async/waiting.js';
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
import { SharedEnds } from './shared-ends.js';
import type {
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
  const ends = new SharedEnds(env.store);
  const underway = new Map<string, Underway>();
  const comparing = new Set<Promise<ReconcileReport>>();
  const closing = new AbortController();
  const records = new LiveRecords(env, accounts, closing.signal);
  const lists = new LiveLists(env, accounts, deltas, closing.signal);

  function begin(source: Source, poll: PollOptions, from: Instant | null): Underway {
    const { signal, maxAgeMs = null } = poll;
    const trigger = from === null ? 'POLL' : 'BACKFILL';
    const listeners = new Set<OnProgress>();
    const onProgress = (progress: Progress) => {
      for (const listener of listeners) listener(progress);
    };
    const key = sourceText(source);
    const ending = linkSignals(signal, closing.signal);
    const attributes = { integration: source.account.name, resource: source.resource, trigger };
    // a backfill is under way for long
    const place = from === null ? ends.join() : null;
    const pass = () =>
      runPass(env, source, { trigger, from, signal: ending.signal, onProgress, maxAgeMs, deltas, place });
    const done = inSpan(`poll ${source.resource}`, { attributes }, pass).finally(() => {
      place?.leave();
      underway.delete(key);
      ending.unlink();
    });
    const started = { done, listeners, maxAgeMs };
    underway.set(key, started);
    return started;
  }

  async function readSource(source: Source, poll: PollOptions, from: Instant | null): Promise<EndedPass> {
    const { maxAgeMs = Number.POSITIVE_INFINITY, signal } = poll;
    const key = sourceText(source);
    for (let other = underway.get(key); other; other = underway.get(key)) {
      const report = await unlessAborted(follow(other, poll), signal);
      // a running pass does not know a new beginning, and one that accepts older confirmations is not enough
      const isEnough = (other.maxAgeMs ?? Number.POSITIVE_INFINITY) <= maxAgeMs || signal.aborted;
      if (from === null && isEnough) return report;
    }
    return follow(begin(source, poll, from), poll);
  }

  async function readAll(poll: PollOptions, from: Instant | null): Promise<PollReport> {
    const { resources = env.settings.collect, integrations, otherWritersMayPoll = false } = poll;
    const wanted = accounts.list().filter(({ name }) => integrations?.includes(name) ?? true);
    const names = wanted.map(({ name }) => name);
    if (!otherWritersMayPoll) await markInterrupted(env, names);
    const sources = wanted.flatMap((account) => resources.map((resource) => ({ account, resource })));
    const passes = await Promise.allSettled(sources.map((source) => readSource(source, poll, from)));
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
    live: {
      record: (...asked) => records.record(...asked),
      list: (...asked) => lists.list(...asked),
    },
    poll: (poll) => readAll(poll, null),
    backfill: ({ from, ...poll }) => readAll(poll, from),
    reconcile: reconcileAll,
    async close() {
      closing.abort();
      await Promise.allSettled([...[...underway.values()].map(({ done }) => done), ...comparing]);
      await Promise.all([records.settledAll(), lists.settledAll()]);
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
