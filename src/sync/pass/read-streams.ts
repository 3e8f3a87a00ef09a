import type { UpstreamError } from '../../abnormal/errors.js';
import type { LedgerEntry, Window } from '../../model/ledger.js';
import type { StreamState } from '../../model/stream.js';
import type { Instant } from '../../values/instant.js';
import { clip } from '../../values/window.js';
import { nowOf, type Pass } from '../pass.js';
import { checkInterrupted, type Refusal, StopError } from '../stop.js';
import { readWorkList, type WorkList } from '../window/missing-windows.js';
import { readWindow, unreadEntry, type WindowResult } from '../window/read-window.js';
import { createWindowPlanner, type WindowPlanner } from '../window/window-planner.js';

/** What one stream has to do in a pass. */
export interface StreamWork {
  readonly state: StreamState;
  readonly list: WorkList;
  readonly planner: WindowPlanner;
}

/** How a pass has fared. */
export interface Fortune {
  read: number;
  /** Windows that did not come out whole. */
  flawed: number;
  /** Windows that could not be listed, one after the other. */
  streak: number;
  lastError: UpstreamError | null;
}

export function newFortune(): Fortune {
  return { read: 0, flawed: 0, streak: 0, lastError: null };
}

/** Plans the work of each stream; `select` says which part of what is missing is to be read, and since when to look. */
export function planStreams(
  pass: Pass,
  states: readonly StreamState[],
  since: (state: StreamState) => Instant,
  select: (list: WorkList) => readonly Window[],
): Promise<StreamWork[]> {
  const { firstWindowMs: firstWidthMs, minWindowMs: minWidthMs, maxWindowMs: maxWidthMs } = pass.settings;
  const targetRows = pass.settings.pageSize * pass.settings.targetFill;
  return Promise.all(
    states.map(async (state) => {
      const list = await readWorkList(pass.store, state, since(state), pass.asOf);
      const limits = { targetRows, firstWidthMs, minWidthMs, maxWidthMs };
      return { state, list, planner: createWindowPlanner(select(list), limits, list.density) };
    }),
  );
}

/** Told after every window, in whatever way it came out; `isListed` is false when it could not be listed. */
export type OnWindow = (work: StreamWork, window: Window, isListed: boolean) => void;

export interface Slice {
  /** Where it begins. */
  readonly floor: Instant;
  /** When to leave off, in milliseconds since the epoch; `null`: never. */
  readonly deadline: number | null;
}

/**
 * Reads what is missing of each stream down to the slice's floor, newest first, stream after stream: what the
 * first brings, the others need not fetch. True when nothing is left to read there.
 */
export async function readSlice(
  pass: Pass,
  works: readonly StreamWork[],
  { floor, deadline }: Slice,
  fortune: Fortune,
  onWindow: OnWindow,
): Promise<boolean> {
  for (const work of works) {
    for (let window = work.planner.next(floor); window; window = work.planner.next(floor)) {
      checkInterrupted(pass.signal);
      if (deadline !== null && pass.clock() >= deadline) return false;
      onWindow(work, window, await readOne(pass, work, window, fortune));
    }
  }
  return true;
}

/** False when the window could not be listed. */
async function readOne(pass: Pass, work: StreamWork, window: Window, fortune: Fortune): Promise<boolean> {
  const readAt = nowOf(pass);
  const result = await readWindow(pass, work.state, work.planner, window).catch((thrown) =>
    noteRefusal(pass, work, window, readAt, thrown),
  );
  const { status, error } = result;
  if (status === 'NARROWED') return true;
  logWindow(pass, work, window, result);
  // that Abnormal still refuses what it refused before is no news
  if (result.isShort && !(status === 'OUT_OF_RETENTION' && isRefusedAlready(work, window)))
    fortune.flawed += 1;
  if (status === 'OUT_OF_RETENTION') await giveUpOlder(pass, work, window, readAt, error?.message ?? '');
  if (status === 'FAILED' && error) return noteFailure(pass, fortune, error);
  fortune.read += 1;
  // a window of which not one detail could be had is no sign that things are well again
  if (pass.memory.failedDetails === 0) fortune.streak = 0;
  return true;
}

/** Whether the window was refused as out of retention before. */
function isRefusedAlready({ list }: StreamWork, window: Window): boolean {
  return list.gaps.some(
    ({ from, to, reason }) => reason === 'OUT_OF_RETENTION' && clip(window, from, to) !== null,
  );
}

/** One line when a window begins to fail, and one when it has been read after all; none for each try between. */
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

function noteFailure(pass: Pass, fortune: Fortune, error: UpstreamError): false {
  fortune.streak += 1;
  fortune.lastError = error;
  if (fortune.streak < pass.settings.failureStreak) return false;
  throw new StopError({ kind: 'REFUSED', status: 'UNAVAILABLE', error });
}

/** Writes down why the window was not read when the whole resource is refused, and ends the pass all the same. */
async function noteRefusal(
  pass: Pass,
  work: StreamWork,
  window: Window,
  readAt: Instant,
  thrown: unknown,
): Promise<never> {
  if (thrown instanceof StopError && thrown.stop.kind === 'REFUSED') {
    await pass.recorder.record({ ledger: [refusedEntry(pass, work, window, readAt, thrown.stop)] });
  }
  throw thrown;
}

function refusedEntry(
  pass: Pass,
  { state }: StreamWork,
  window: Window,
  readAt: Instant,
  { status, error }: Refusal,
): LedgerEntry {
  const isBarred = status === 'NOT_LICENSED' || status === 'NOT_ENABLED';
  if (!isBarred) return unreadEntry(pass, state, window, readAt, 'FAILED', error.message);
  // a licence or an add-on is for a resource, not for a window: all that is wanted of it is refused
  const span = { from: state.collectFrom, to: window.to };
  return { ...unreadEntry(pass, state, window, readAt, 'NOT_LICENSED', error.message), ...span };
}

/** What is older than a window refused as too old is not asked for, but named as lost. */
async function giveUpOlder(
  pass: Pass,
  { state, planner }: StreamWork,
  window: Window,
  readAt: Instant,
  reason: string,
): Promise<void> {
  planner.drop();
  const older = { from: state.collectFrom, to: window.from };
  if (older.from >= older.to) return;
  await pass.recorder.record({
    ledger: [unreadEntry(pass, state, older, readAt, 'OUT_OF_RETENTION', reason)],
  });
}

/** Names as lost whatever is still missing from before what Abnormal keeps, such as a backfill further back. */
export async function nameLost(pass: Pass, works: readonly StreamWork[]): Promise<void> {
  for (const { state, list } of works) {
    const { retainedFrom, gaps } = list;
    if (retainedFrom === null) continue;
    const unnamed = gaps.some((gap) => gap.to <= retainedFrom && gap.reason !== 'OUT_OF_RETENTION');
    if (!unnamed) continue;
    const reason =
      gaps.findLast((gap) => gap.reason === 'OUT_OF_RETENTION')?.detail ?? 'older than what is kept';
    const span = { from: state.collectFrom, to: retainedFrom };
    const entry = unreadEntry(pass, state, span, nowOf(pass), 'OUT_OF_RETENTION', reason);
    await pass.recorder.record({ ledger: [entry] });
  }
}
