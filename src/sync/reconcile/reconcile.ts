import type { UpstreamCode } from '../../abnormal/errors.js';
import type { Account } from '../../integrations/accounts.js';
import type { GapReason, LedgerEntry } from '../../model/ledger.js';
import {
  type ReconciliationRecord,
  type ReconciliationVerdict,
  type RunRecord,
  type RunStatus,
  sampleIds,
} from '../../model/run.js';
import type { Stream, StreamState } from '../../model/stream.js';
import { FILTER_KEYS } from '../../resources/registry.js';
import { earliest, floorToSecond, type Instant, latest, shift, type Window } from '../../values/instant.js';
import {
  checkInterrupted,
  nowOf,
  type Source,
  type SyncEnv,
  stopOf,
  type WindowUnderReview,
} from '../context.js';
import { createRunRecorder } from '../run-recorder.js';
import { sourceStates } from '../stream-states.js';
import { type Reconciled, type ReconcileOptions, type ReconcileReport, WIDEST_RECONCILED } from '../sync.js';
import { findMissingWindows } from '../window/missing-windows.js';
import { comparePopulation, type Difference } from './compare-population.js';
import { readPopulation, type UpstreamPopulation } from './read-population.js';
import { type Held, shortEntry, spansToOpen, storedInWindow } from './window-under-review.js';

function sourcesOf(
  { settings }: SyncEnv,
  accounts: readonly Account[],
  { resources = settings.collect, integrations }: ReconcileOptions,
): Source[] {
  return accounts
    .filter(({ name }) => integrations?.includes(name) ?? true)
    .flatMap((account) => resources.map((resource) => ({ account, resource })));
}

/**
 * Compares the stored records with Abnormal's and records each window as a run. Missing records become gaps
 * in the ledger, so that the next poll lists them again. Should not run during a poll.
 */
export async function reconcile(
  env: SyncEnv,
  accounts: readonly Account[],
  request: ReconcileOptions,
): Promise<ReconcileReport> {
  const plans = await Promise.all(
    sourcesOf(env, accounts, request).map((source) => planOf(env, source, request)),
  );
  const total = plans.reduce((sum, { windows }) => sum + windows.length, 0);
  const reconciliations: Reconciled[] = [];
  // an interruption ends all of it; the report contains what was compared before
  await stopOf(async () => {
    for (const plan of plans) await reconcileSource(env, plan, request, reconciliations, total);
  });
  return { reconciliations };
}

interface Plan {
  readonly source: Source;
  readonly state: StreamState;
  readonly windows: readonly Window[];
}

async function planOf(env: SyncEnv, source: Source, { from, to }: ReconcileOptions): Promise<Plan> {
  const [state] = await sourceStates(env, source);
  if (!state) throw new TypeError('a resource has at least one stream');
  const end = floorToSecond(earliest(to, shift(nowOf(env), -env.settings.ingestionLagMs)));
  if (!isRead(state)) return { source, state, windows: windowsOf(floorToSecond(from), end) };
  const begin = floorToSecond(latest(from, state.collectFrom));
  return { source, state, windows: windowsOf(begin, await readUntil(env, state, begin, end)) };
}

/** Gaps that the collection will still read. */
const TO_COME: readonly GapReason[] = ['NOT_COLLECTED', 'PROVISIONAL'];

/** The end of the collection in `[from, to]`, failed readings included. */
async function readUntil(env: SyncEnv, stream: Stream, from: Instant, to: Instant): Promise<Instant> {
  const { gaps } = await findMissingWindows(env.store, stream, from, to);
  let end = to;
  for (const gap of gaps.toReversed()) {
    if (gap.to < end || !TO_COME.includes(gap.reason)) break;
    end = gap.from;
  }
  return floorToSecond(end);
}

function isRead({ status, lastAttemptAt }: StreamState): boolean {
  return status !== 'NEVER_READ' || lastAttemptAt !== null;
}

function windowsOf(from: Instant, to: Instant): Window[] {
  const windows: Window[] = [];
  for (let end = to; end > from; ) {
    const begin = latest(from, shift(end, -WIDEST_RECONCILED));
    windows.push({ from: begin, to: end });
    end = begin;
  }
  return windows;
}

const REFUSALS: readonly UpstreamCode[] = ['TOKEN_REJECTED', 'FORBIDDEN', 'NOT_LICENSED', 'NOT_ENABLED'];

async function reconcileSource(
  env: SyncEnv,
  { source, state, windows }: Plan,
  request: ReconcileOptions,
  reconciliations: Reconciled[],
  total: number,
): Promise<void> {
  const { account, resource } = source;
  const named = new Set<string>();
  let unreadable: ReviewFailure | null = isRead(state)
    ? null
    : { reason: 'Nothing has been collected yet; the first poll begins the collection.', failure: null };
  for (const window of windows) {
    checkInterrupted(request.signal);
    const done = reconciliations.length;
    request.onProgress?.({ integration: account.name, resource, window, done, total });
    const review = windowUnderReview(env, source, window, request);
    const run = unreadable
      ? await recordUnreadable(review, unreadable)
      : await reconcileWindow(review, named);
    reconciliations.push(...reconciledOf(run));
    unreadable ??= refusalOf(run);
  }
}

function refusalOf({ reconciliation }: RunRecord): ReviewFailure | null {
  if (!reconciliation || reconciliation.sources.length > 0) return null;
  const { reason, failure } = reconciliation;
  return reason !== null && REFUSALS.some((code) => code === failure) ? { reason, failure } : null;
}

function windowUnderReview(
  env: SyncEnv,
  source: Source,
  window: Window,
  { signal, isScheduled = false }: ReconcileOptions,
): WindowUnderReview {
  const { account, resource } = source;
  const stream = { integration: account.name, resource, filterKey: FILTER_KEYS[resource][0] };
  const parameters = { ...window, ...(isScheduled ? { scheduled: true } : {}) };
  const recorder = createRunRecorder(env, source, { trigger: 'RECONCILE', parameters });
  return { ...env, ...source, window, stream, recorder, signal, priority: 'backfill' };
}

function reconciledOf({ id, integration, resource, reconciliation }: RunRecord): Reconciled[] {
  return reconciliation ? [{ ...reconciliation, integration, resource, runId: id }] : [];
}

interface ReviewFailure {
  readonly reason: string;
  readonly failure: string | null;
}

/**
 * `named` contains what Abnormal named in later windows; the ids of this window are added. Throws a
 * `StopError` if interrupted, and then records nothing.
 */
async function reconcileWindow(review: WindowUnderReview, named: Set<string>): Promise<RunRecord> {
  const { store, window, recorder } = review;
  const { seq } = await store.head();
  const held = await storedInWindow(store, review, window, seq);
  const population = await readPopulation(review, held);
  const difference = await comparePopulation(review, population, held, named);
  for (const id of population.listed?.keys() ?? []) named.add(id);
  const opened = await spansToOpen(review, difference.missing);
  const found = { ...findingOf(population, difference, held), ...window, opened };
  recorder.tally.listed = population.listed?.size ?? 0;
  recorder.tally.windows = 1;
  const ledger = opened.map((span) => shortEntry(review, span, openedBecause(found)));
  return recordFinding(review, { ...found, reason: reasonOf(found, population, difference) }, ledger);
}

function recordUnreadable(review: WindowUnderReview, { reason, failure }: ReviewFailure): Promise<RunRecord> {
  const none = sampleIds([]);
  const found: ReconciliationRecord = {
    ...{ ...review.window, verdict: 'UNVERIFIED', reason, failure, sources: [], basis: null },
    ...{ population: null, declared: null, held: 0, missing: none, extra: none, gone: none, opened: [] },
  };
  return recordFinding(review, found, []);
}

async function recordFinding(
  { recorder, log, stream, window }: WindowUnderReview,
  found: ReconciliationRecord,
  ledger: readonly LedgerEntry[],
): Promise<RunRecord> {
  if (found.verdict === 'UNVERIFIED' && found.reason !== null) recorder.note(found.reason);
  const { run } = await recorder.end(statusOf(found), { ledger }, {}, found);
  const { verdict, population, held, missing, extra } = found;
  const facts = { runId: run.id, ...stream, ...window, verdict, population, held };
  const line = { ...facts, missing: missing.count, extra: extra.count };
  if (verdict === 'MATCH') log.info(line, 'reconciled');
  else log.warn({ ...line, reason: found.reason }, 'reconciled');
  return run;
}

function statusOf({ verdict, sources }: ReconciliationRecord): RunStatus {
  if (verdict !== 'UNVERIFIED') return 'SUCCEEDED';
  return sources.length > 0 ? 'PARTIAL' : 'FAILED';
}

type Finding = Omit<ReconciliationRecord, 'reason' | 'from' | 'to' | 'opened'>;

function findingOf(population: UpstreamPopulation, difference: Difference, held: Held): Finding {
  const { listed, sources, basis, declared, failure } = population;
  const missing = sampleIds(difference.missing.keys());
  const extra = sampleIds(difference.extra);
  const gone = sampleIds(difference.gone);
  const size = listed?.size ?? null;
  const count = size === null ? held.verifiedAt.size : size - missing.count - gone.count + extra.count;
  const verdict = verdictOf(population, difference);
  return { verdict, failure, sources, basis, population: size, declared, held: count, missing, extra, gone };
}

/** One missing record is proof enough; a match requires a population without doubt. */
function verdictOf(
  { doubts }: UpstreamPopulation,
  { missing, unasked, extra, doubt }: Difference,
): ReconciliationVerdict {
  if (missing.size > 0) return 'SHORT';
  if (doubts.length > 0 || unasked > 0 || (doubt !== null && extra.length > 0)) return 'UNVERIFIED';
  return extra.length > 0 ? 'EXTRA' : 'MATCH';
}

function reasonOf(
  { verdict, population, missing, extra, gone, opened }: Omit<ReconciliationRecord, 'reason'>,
  { doubts, remark }: UpstreamPopulation,
  { doubt, unasked }: Difference,
): string | null {
  const sentences = [...doubts, ...(doubt === null ? [] : [doubt]), ...(remark === null ? [] : [remark])];
  if (verdict === 'SHORT') {
    const then =
      opened.length > 0
        ? 'the next poll lists them again'
        : 'coverage already names them or has a gap, and the next poll requests them again';
    sentences.unshift(
      `${missing.count} of the ${population} records that Abnormal names are not stored; ${then}.`,
    );
  }
  if (extra.count > 0) {
    sentences.push(
      `Abnormal no longer names ${extra.count} stored ${extra.count === 1 ? 'record' : 'records'}; this alone does not mean that they were deleted.`,
    );
  }
  if (gone.count > 0)
    sentences.push(
      `For ${gone.count} named ${gone.count === 1 ? 'record' : 'records'} the details return 404, also when requested again.`,
    );
  if (unasked > 0)
    sentences.push(
      `${unasked} named ${unasked === 1 ? 'record' : 'records'} with an earlier 404 could not be requested again.`,
    );
  return sentences.length > 0 ? sentences.join(' ') : null;
}

function openedBecause({ missing }: Pick<ReconciliationRecord, 'missing'>): string {
  const shown = missing.ids.slice(0, 3).join(', ');
  const more = missing.count > 3 ? ' …' : '';
  return `not held though Abnormal names it: ${shown}${more} (${missing.count}, found by a reconciliation)`;
}
