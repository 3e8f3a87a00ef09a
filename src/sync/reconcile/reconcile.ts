import type { UpstreamCode } from '../../abnormal/errors.js';
import type { Account } from '../../integrations/accounts.js';
import type { GapReason } from '../../model/coverage.js';
import type { LedgerEntry } from '../../model/ledger.js';
import { type Reconciliation, type Run, type RunStatus, sampleIds, type Verdict } from '../../model/run.js';
import type { Stream, StreamState } from '../../model/stream.js';
import { FILTER_KEYS, RESOURCES } from '../../resources/registry.js';
import { earliest, type Instant, latest, shift } from '../../values/instant.js';
import { floorToSecond, type Window } from '../../values/window.js';
import { type Inspection, nowOf, type Source, type SyncEnv } from '../context.js';
import { createRunRecorder } from '../run-recorder.js';
import { checkInterrupted, stopOf } from '../stop.js';
import { sourceStates } from '../stream-states.js';
import { type Reconciled, type ReconcileOptions, type ReconcileReport, WIDEST_RECONCILED } from '../sync.js';
import { readWorkList } from '../window/missing-windows.js';
import { comparePopulation, type Difference } from './compare-population.js';
import { type Population, readPopulation } from './read-population.js';
import { type Held, heldWithin, shortEntry, spansToOpen } from './window-under-review.js';

function sourcesOf(
  accounts: readonly Account[],
  { resources = RESOURCES, integrations }: ReconcileOptions,
): Source[] {
  return accounts
    .filter(({ name }) => integrations?.includes(name) ?? true)
    .flatMap((account) => resources.map((resource) => ({ account, resource })));
}

/**
 * Compares what is held with what Abnormal has, window by window, and records each comparison as a run. What is
 * found to be missing becomes a gap in the ledger, so that the next poll lists it again. Needs the right to write to
 * the history, and is best run while no poll is. Throws only when the history fails.
 */
export async function reconcile(
  env: SyncEnv,
  accounts: readonly Account[],
  request: ReconcileOptions,
): Promise<ReconcileReport> {
  const plans = await Promise.all(sourcesOf(accounts, request).map((source) => planOf(env, source, request)));
  const total = plans.reduce((sum, { windows }) => sum + windows.length, 0);
  const reconciliations: Reconciled[] = [];
  const onWindow = ({ account, resource }: Source, window: Window) =>
    request.onProgress?.({
      integration: account.name,
      resource,
      window,
      done: reconciliations.length,
      total,
    });
  // an interrupted one ends the whole: what was compared by then is the report
  await stopOf(async () => {
    for (const plan of plans) {
      await reconcileSource(
        env,
        plan,
        request,
        (window) => onWindow(plan.source, window),
        (run) => {
          reconciliations.push(...reconciledOf(run));
        },
      );
    }
  });
  return { reconciliations };
}

interface Plan {
  readonly source: Source;
  readonly state: StreamState;
  /** Newest first. */
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

/** What is yet to be read is not missing. */
const TO_COME: readonly GapReason[] = ['NOT_COLLECTED', 'PROVISIONAL'];

/** Where in `[from, to]` the collection has got to; a failed reading is one too. */
async function readUntil(env: SyncEnv, stream: Stream, from: Instant, to: Instant): Promise<Instant> {
  const { gaps } = await readWorkList(env.store, stream, from, to);
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

/** `[from, to)` in windows as wide as may be, newest first. */
function windowsOf(from: Instant, to: Instant): Window[] {
  const windows: Window[] = [];
  for (let end = to; end > from; ) {
    const begin = latest(from, shift(end, -WIDEST_RECONCILED));
    windows.push({ from: begin, to: end });
    end = begin;
  }
  return windows;
}

/** What refuses one window refuses them all. */
const REFUSALS: readonly UpstreamCode[] = ['TOKEN_REJECTED', 'FORBIDDEN', 'NOT_LICENSED', 'NOT_ENABLED'];

async function reconcileSource(
  env: SyncEnv,
  { source, state, windows }: Plan,
  request: ReconcileOptions,
  onWindow: (window: Window) => void,
  onRun: (run: Run) => void,
): Promise<void> {
  const named = new Set<string>();
  let unreadable: Unreadable | null = isRead(state)
    ? null
    : { reason: 'Nothing of it has been collected yet: the first poll does that.', failure: null };
  for (const window of windows) {
    checkInterrupted(request.signal);
    onWindow(window);
    const inspection = inspectionOf(env, source, window, request);
    const run = unreadable
      ? await recordUnreadable(inspection, unreadable)
      : await reconcileWindow(inspection, named);
    onRun(run);
    unreadable ??= refusalOf(run);
  }
}

function refusalOf({ reconciliation }: Run): Unreadable | null {
  if (!reconciliation || reconciliation.sources.length > 0) return null;
  const { reason, failure } = reconciliation;
  return reason !== null && REFUSALS.some((code) => code === failure) ? { reason, failure } : null;
}

function inspectionOf(
  env: SyncEnv,
  source: Source,
  window: Window,
  { signal, isScheduled = false }: ReconcileOptions,
): Inspection {
  const { account, resource } = source;
  const stream = { integration: account.name, resource, filterKey: FILTER_KEYS[resource][0] };
  const parameters = { ...window, ...(isScheduled ? { scheduled: true } : {}) };
  const recorder = createRunRecorder(env, source, { trigger: 'RECONCILE', parameters });
  return { ...env, ...source, window, stream, recorder, signal, priority: 'backfill' };
}

function reconciledOf({ id, integration, resource, reconciliation }: Run): Reconciled[] {
  return reconciliation ? [{ ...reconciliation, integration, resource, runId: id }] : [];
}

/** What is known without asking Abnormal: why nothing can be said of the window. */
interface Unreadable {
  readonly reason: string;
  readonly failure: string | null;
}

/**
 * Compares one window with what Abnormal has, and records what came of it as a run. `named` is what Abnormal named
 * in later windows of the source; what it names here is added. Throws a `StopError` when the work was ended, and then
 * nothing is recorded.
 */
async function reconcileWindow(inspection: Inspection, named: Set<string>): Promise<Run> {
  const { store, window, recorder } = inspection;
  const { seq } = await store.head();
  const held = await heldWithin(store, inspection, window, seq);
  const population = await readPopulation(inspection, held);
  const difference = await comparePopulation(inspection, population, held, named);
  for (const id of population.sightings?.keys() ?? []) named.add(id);
  const opened = await spansToOpen(inspection, difference.missing);
  const found = { ...findingOf(population, difference, held), ...window, opened };
  recorder.tally.listed = population.sightings?.size ?? 0;
  recorder.tally.windows = 1;
  const ledger = opened.map((span) => shortEntry(inspection, span, openedBecause(found)));
  return recordFinding(inspection, { ...found, reason: reasonOf(found, population, difference) }, ledger);
}

/** Records that nothing could be compared, and why. */
function recordUnreadable(inspection: Inspection, { reason, failure }: Unreadable): Promise<Run> {
  const none = sampleIds([]);
  return recordFinding(
    inspection,
    {
      ...inspection.window,
      ...{
        verdict: 'UNVERIFIED',
        reason,
        failure,
        sources: [],
        basis: null,
        population: null,
        declared: null,
      },
      ...{ held: 0, missing: none, extra: none, gone: none, opened: [] },
    },
    [],
  );
}

async function recordFinding(
  { recorder, log, stream, window }: Inspection,
  found: Reconciliation,
  ledger: readonly LedgerEntry[],
): Promise<Run> {
  if (found.verdict === 'UNVERIFIED' && found.reason !== null) recorder.note(found.reason);
  const { run } = await recorder.end(statusOf(found), { ledger }, {}, found);
  const { verdict, population, held, missing, extra } = found;
  const said = { runId: run.id, ...stream, ...window, verdict, population, held };
  const line = { ...said, missing: missing.count, extra: extra.count };
  if (verdict === 'MATCH') log.info(line, 'reconciled');
  else log.warn({ ...line, reason: found.reason }, 'reconciled');
  return run;
}

function statusOf({ verdict, sources }: Reconciliation): RunStatus {
  if (verdict !== 'UNVERIFIED') return 'SUCCEEDED';
  return sources.length > 0 ? 'PARTIAL' : 'FAILED';
}

type Finding = Omit<Reconciliation, 'reason' | 'from' | 'to' | 'opened'>;

function findingOf(population: Population, difference: Difference, held: Held): Finding {
  const { sightings, sources, basis, declared, failure } = population;
  const missing = sampleIds(difference.missing.keys());
  const extra = sampleIds(difference.extra);
  const gone = sampleIds(difference.gone);
  const size = sightings?.size ?? null;
  const count = size === null ? held.verifiedAt.size : size - missing.count - gone.count + extra.count;
  const verdict = verdictOf(population, difference);
  return { verdict, failure, sources, basis, population: size, declared, held: count, missing, extra, gone };
}

/** One record that is missing is proof enough; that none is takes a population without doubt. */
function verdictOf({ doubts }: Population, { missing, unasked, extra, doubt }: Difference): Verdict {
  if (missing.size > 0) return 'SHORT';
  if (doubts.length > 0 || unasked > 0 || (doubt !== null && extra.length > 0)) return 'UNVERIFIED';
  return extra.length > 0 ? 'EXTRA' : 'MATCH';
}

function reasonOf(
  { verdict, population, missing, extra, gone, opened }: Omit<Reconciliation, 'reason'>,
  { doubts, remark }: Population,
  { doubt, unasked }: Difference,
): string | null {
  const sentences = [...doubts, ...(doubt === null ? [] : [doubt]), ...(remark === null ? [] : [remark])];
  if (verdict === 'SHORT') {
    const then =
      opened.length > 0
        ? 'the next poll lists them again'
        : 'coverage names them or a gap where they lie already, and the next poll requests them again';
    sentences.unshift(
      `${missing.count} of the ${population} records that Abnormal names are not held; ${then}.`,
    );
  }
  if (extra.count > 0) {
    sentences.push(
      `${extra.count} held ${extra.count === 1 ? 'record is' : 'records are'} named no longer; that alone does not mean deleted.`,
    );
  }
  if (gone.count > 0)
    sentences.push(
      `${gone.count} named ${gone.count === 1 ? 'record has' : 'records have'} no detail: requested again, its address answers 404.`,
    );
  if (unasked > 0)
    sentences.push(
      `${unasked} named ${unasked === 1 ? 'record' : 'records'} that answered 404 before could not be requested again.`,
    );
  return sentences.length > 0 ? sentences.join(' ') : null;
}

function openedBecause({ missing }: Pick<Reconciliation, 'missing'>): string {
  const shown = missing.ids.slice(0, 3).join(', ');
  const more = missing.count > 3 ? ' …' : '';
  return `not held though Abnormal names it: ${shown}${more} (${missing.count}, found by a reconciliation)`;
}
