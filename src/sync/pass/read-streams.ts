import type { UpstreamError } from '../../abnormal/errors.js';
import { type LedgerEntry, type RecordedEntry, streamText } from '../../model/ledger.js';
import type { StreamState } from '../../model/stream.js';
import {
  clip,
  DAY,
  earliest,
  floorToSecond,
  type Instant,
  latest,
  shift,
  type Window,
} from '../../values/instant.js';
import {
  checkInterrupted,
  nowOf,
  type Pass,
  type PassTally,
  StopError,
  type UpstreamRefusal,
} from '../context.js';
import { statusMessage, updateStates } from '../stream-states.js';
import { findMissingWindows, type MissingWindows } from '../window/missing-windows.js';
import { type Attempt, readWindow, unreadEntry, type WindowResult } from '../window/read-window.js';
import { createWindowPlanner, type WindowPlanner } from '../window/window-planner.js';

export interface StreamWork {
  readonly state: StreamState;
  readonly list: MissingWindows;
  readonly planner: WindowPlanner;
}

/** Plans each stream; `select` chooses the missing windows to read, and `since` is where to look for them. */
export async function planStreams(
  pass: Pass,
  states: readonly StreamState[],
  since: (state: StreamState) => Instant,
  select: (list: MissingWindows) => readonly Window[],
): Promise<StreamWork[]> {
  const { firstWindowMs: firstWidthMs, minWindowMs: minWidthMs, maxWindowMs: maxWidthMs } = pass.settings;
  const targetRows = pass.settings.pageSize * pass.settings.targetFill;
  const plan = async (state: StreamState) => {
    const list = await findMissingWindows(pass.store, state, since(state), pass.asOf);
    const limits = { targetRows, firstWidthMs, minWidthMs, maxWidthMs };
    return { state, list, planner: createWindowPlanner(select(list), limits, list.density) };
  };
  const plans = () => Promise.all(states.map(plan));
  // both at once: MongoDB then reads the ledgers in one command
  const [works, isRevoked] = await Promise.all([plans(), invalidateFutureReadings(pass, states)]);
  return isRevoked ? plans() : works;
}

/** Is called after every window; `isListed` is false if it could not be listed. */
type OnWindow = (work: StreamWork, window: Window, isListed: boolean) => void;

interface Slice {
  readonly floor: Instant;
  readonly deadline: number | null;
}

/** Reads missing windows down to the floor, newest first, one stream at a time. True if nothing is left. */
export async function readSlice(
  pass: Pass,
  works: readonly StreamWork[],
  { floor, deadline }: Slice,
  tally: PassTally,
  onWindow: OnWindow,
): Promise<boolean> {
  for (const work of works) {
    for (let window = work.planner.next(floor); window; window = work.planner.next(floor)) {
      checkInterrupted(pass.signal);
      if (deadline !== null && pass.clock() >= deadline) return false;
      onWindow(work, window, await readOne(pass, work, window, tally));
    }
  }
  return true;
}

async function readOne(pass: Pass, work: StreamWork, window: Window, tally: PassTally): Promise<boolean> {
  const attempt = { pass, stream: work.state, window, readAt: nowOf(pass) };
  const result = await readWindow(pass, work.state, work.planner, window).catch((thrown) =>
    noteRefusal(attempt, work.state, thrown),
  );
  const { status, error } = result;
  if (status === 'NARROWED') return true;
  logWindow(pass, work, window, result);
  // a repeated refusal of old windows is not reported again
  if (result.isShort && !(status === 'OUT_OF_RETENTION' && isRefusedAlready(work, window)))
    tally.incompleteWindows += 1;
  if (status === 'OUT_OF_RETENTION') await giveUpOlder(attempt, work, error?.message ?? '');
  if (status === 'FAILED' && error) return noteFailure(pass, tally, error);
  tally.read += 1;
  // a window without a single detail does not show that requests succeed again
  if (pass.memory.failedDetails === 0) tally.consecutiveFailures = 0;
  return true;
}

function isRefusedAlready({ list }: StreamWork, window: Window): boolean {
  return list.gaps.some(
    ({ from, to, reason }) => reason === 'OUT_OF_RETENTION' && clip(window, from, to) !== null,
  );
}

/** Logs when a window begins to fail and when it has been read again, but no attempt in between. */
function logWindow(
  { log, account, resource }: Pass,
  work: StreamWork,
  window: Window,
  { status, error }: WindowResult,
): void {
  const { state, list } = work;
  const gap = list.gaps.find(
    ({ from, to, reason }) => reason === 'FAILED' && clip(window, from, to) !== null,
  );
  const facts = { integration: account.name, resource, stream: state.filterKey, ...window };
  if (status === 'COMPLETE' && gap) log.info(facts, 'window read that had failed');
  const isKnown = gap !== undefined || isRefusedAlready(work, window);
  if (error)
    log[isKnown ? 'debug' : 'warn']({ ...facts, code: error.code, reason: error.message }, 'window not read');
}

function noteFailure(pass: Pass, tally: PassTally, error: UpstreamError): false {
  tally.consecutiveFailures += 1;
  tally.lastError = error;
  if (tally.consecutiveFailures < pass.settings.consecutiveFailures) return false;
  throw new StopError({ kind: 'REFUSED', status: 'UNAVAILABLE', error });
}

/** Records why the window was not read if the whole resource is refused; the pass ends all the same. */
async function noteRefusal(attempt: Attempt, state: StreamState, thrown: unknown): Promise<never> {
  if (thrown instanceof StopError && thrown.stop.kind === 'REFUSED')
    await attempt.pass.recorder.record({ ledger: [refusedEntry(attempt, state, thrown.stop)] });
  throw thrown;
}

function refusedEntry(
  attempt: Attempt,
  { collectFrom }: StreamState,
  { status, error }: UpstreamRefusal,
): LedgerEntry {
  const isBarred = status === 'NOT_LICENSED' || status === 'NOT_ENABLED';
  if (!isBarred) return unreadEntry(attempt, 'FAILED', error.message);
  // a licence or an add-on belongs to a resource: the whole wanted span is refused
  return { ...unreadEntry(attempt, 'NOT_LICENSED', error.message), from: collectFrom };
}

/** Marks everything older than a window out of retention as lost, without requests. */
async function giveUpOlder(attempt: Attempt, { state, planner }: StreamWork, reason: string): Promise<void> {
  planner.drop();
  const window = { from: state.collectFrom, to: attempt.window.from };
  if (window.from >= window.to) return;
  const ledger = [unreadEntry({ ...attempt, window }, 'OUT_OF_RETENTION', reason)];
  await attempt.pass.recorder.record({ ledger });
}

/** Marks missing time out of Abnormal's retention as lost, for example after a backfill further back. */
export async function nameLost(pass: Pass, works: readonly StreamWork[]): Promise<void> {
  for (const { state, list } of works) {
    const { retainedFrom, gaps } = list;
    if (retainedFrom === null) continue;
    const unnamed = gaps.some((gap) => gap.to <= retainedFrom && gap.reason !== 'OUT_OF_RETENTION');
    if (!unnamed) continue;
    const reason =
      gaps.findLast((gap) => gap.reason === 'OUT_OF_RETENTION')?.detail ?? 'older than what is kept';
    const window = { from: state.collectFrom, to: retainedFrom };
    const lost = { pass, stream: state, window, readAt: nowOf(pass) };
    await pass.recorder.record({ ledger: [unreadEntry(lost, 'OUT_OF_RETENTION', reason)] });
  }
}

/** How far back the newest part reaches: a day if nothing is known, two if a daily poll may be late. */
export function reachMs(isKnown: boolean): number {
  return isKnown ? 2 * DAY : DAY;
}

/** What kept the reading of the newest part from being complete, or `null`. */
export interface DeltaOutcome {
  readonly error: UpstreamError | null;
}

/** As a reading of the newest part ended; the caller decides which batch contains the new states. */
export interface Delta extends DeltaOutcome {
  readonly settle: <T>(record: (streams: readonly StreamState[]) => Promise<T>) => Promise<T>;
}

export async function readDelta(
  pass: Pass,
  works: readonly StreamWork[],
  newest: Instant,
  tally: PassTally,
  onWindow: OnWindow,
): Promise<Delta> {
  const failed = new Set<string>();
  const noteWindow: OnWindow = (work, window, isListed) => {
    if (!isListed) failed.add(streamText(work.state));
    onWindow(work, window, isListed);
  };
  await readSlice(pass, works, { floor: newest, deadline: null }, tally, noteWindow);
  const message = statusMessage('UNAVAILABLE', pass, tally.lastError?.message ?? '');
  const change = (state: StreamState) => ({
    lastAttemptAt: pass.asOf,
    ...(failed.has(streamText(state))
      ? ({ status: 'UNAVAILABLE', message } as const)
      : ({ status: 'OK', message: null, lastSuccessAt: laterSuccess(pass, state) } as const)),
  });
  return {
    error: failed.size > 0 ? tally.lastError : null,
    settle: (record) => updateStates(pass, pass, change, record),
  };
}

/** Another reading may have got further meanwhile; a future date only shows a wrong clock. */
function laterSuccess(pass: Pass, { lastSuccessAt }: StreamState): Instant {
  const isBelievable = lastSuccessAt !== null && lastSuccessAt <= nowOf(pass);
  return isBelievable ? latest(lastSuccessAt, pass.asOf) : pass.asOf;
}

const FAR_FUTURE: Instant = '9999-01-01T00:00:00.000Z';

/** Revokes readings made while the clock was ahead: they cover time that had not come yet. True if there were any. */
async function invalidateFutureReadings(pass: Pass, states: readonly StreamState[]): Promise<boolean> {
  let isRevoked = false;
  const { seq } = await pass.store.head();
  // windows end at the time of their reading, so there are normally none in the future
  const toCome = await Promise.all(
    states.map((state) => pass.store.ledger(state, pass.asOf, FAR_FUTURE, seq)),
  );
  for (const [place, state] of states.entries()) {
    if (toCome[place]?.length === 0) continue;
    const since = shift(pass.asOf, -2 * pass.settings.maxWindowMs);
    const entries = await pass.store.ledger(state, since, FAR_FUTURE, seq);
    const doubtful = doubtfulSpan(entries, pass.asOf, pass.settings.ingestionLagMs);
    if (!doubtful) continue;
    pass.log.warn({ stream: state.filterKey, ...doubtful }, 'the clock was ahead: read again');
    const attempt = { pass, stream: state, window: doubtful, readAt: pass.asOf };
    const entry = unreadEntry(attempt, 'PARTIAL', 'read while the clock stood ahead; read again');
    await pass.recorder.record({ ledger: [entry] });
    isRevoked = true;
  }
  return isRevoked;
}

/** The span that readings dated after `now` cover wrongly; `null` if there is none or it was revoked. */
export function doubtfulSpan(entries: readonly RecordedEntry[], now: Instant, lagMs: number): Window | null {
  const ahead = entries.filter((entry) => entry.readAt > now && entry.status === 'COMPLETE');
  if (ahead.length === 0) return null;
  const firstSeq = Math.min(...ahead.map((entry) => entry.seq));
  const lastSeq = Math.max(...ahead.map((entry) => entry.seq));
  const to = ahead.map((entry) => entry.to).reduce(latest);
  const sound = entries.filter((entry) => entry.seq < firstSeq && entry.readAt <= now);
  const begin = ahead.map((entry) => entry.from).reduce(earliest);
  const from = floorToSecond(sound.map((entry) => shift(entry.readAt, -lagMs)).reduce(latest, begin));
  const isTakenBack = entries.some(
    (entry) => entry.seq > lastSeq && entry.status === 'PARTIAL' && entry.from <= from && entry.to >= to,
  );
  return from < to && !isTakenBack ? { from, to } : null;
}
