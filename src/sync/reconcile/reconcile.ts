import type { UpstreamCode } from '../../abnormal/errors.js';
import type { Account } from '../../integrations/account.js';
import type { GapReason } from '../../model/coverage.js';
import type { Window } from '../../model/ledger.js';
import type { Reconciliation } from '../../model/reconciliation.js';
import type { Run } from '../../model/run.js';
import { FILTER_KEYS, type Stream, type StreamState } from '../../model/stream.js';
import { RESOURCES, type Resource } from '../../resources/kind.js';
import { DAY, earliest, type Instant, latest, shift } from '../../values/instant.js';
import { floorToSecond } from '../../values/window.js';
import { nowOf, type Source, type SyncEnv } from '../pass.js';
import { createRunRecorder } from '../run-recorder.js';
import { checkInterrupted, stopOf } from '../stop.js';
import { sourceStates } from '../stream-states.js';
import { readWorkList } from '../window/missing-windows.js';
import type { Inspection } from './inspection.js';
import { reconcileWindow, recordUnreadable, type Unreadable } from './reconcile-window.js';

/** Abnormal exports no more at once. */
export const WIDEST_RECONCILED = 14 * DAY;

export interface ReconcileOptions {
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
  /** All accounts, unless given. */
  readonly integrations?: readonly string[] | undefined;
  /** Nothing from before a stream's collection begins is compared. */
  readonly from: Instant;
  /** Nothing younger than the ingestion lag is compared, nor what came after the last poll. */
  readonly to: Instant;
  /** Whether nobody asked for it but the schedule. */
  readonly isScheduled?: boolean;
  /** Ends it between two requests; windows that were compared by then stay recorded. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnReconciled;
}

/** How far a reconciliation has come. */
export interface ReconcileProgress {
  readonly integration: string;
  readonly resource: Resource;
  /** The window that is being compared. */
  readonly window: Window;
  /** Windows compared, and all there are. */
  readonly done: number;
  readonly total: number;
}

export type OnReconciled = (progress: ReconcileProgress) => void;

/** One window that was compared. */
export interface Reconciled extends Reconciliation {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
}

export interface ReconcileReport {
  /** By account and resource, each newest first. */
  readonly reconciliations: readonly Reconciled[];
}

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
