import { setImmediate } from 'node:timers/promises';
import type { HistoryStore } from '../../history/store.js';
import {
  addGap,
  type CoverageGap,
  coverageOf,
  isGoneDue,
  type Missing,
  type RecordedEntry,
  stillMissing,
} from '../../model/ledger.js';
import type { Stream } from '../../model/stream.js';
import {
  cutSpans,
  DAY,
  earliest,
  floorToSecond,
  type Instant,
  latest,
  MINUTE,
  mergedSpans,
  shift,
  type Window,
  widthOf,
} from '../../values/instant.js';
import type { Density } from './window-planner.js';

export interface MissingWindows {
  /** Every gap, oldest first, including those that are not requested again. */
  readonly gaps: readonly CoverageGap[];
  readonly missing: readonly Missing[];
  /** What to read: newest first, disjoint, full seconds. */
  readonly spans: readonly Window[];
  /** Covered spans that are listed again because a record is missing there; newest first. */
  readonly relist: readonly Window[];
  /** Abnormal keeps nothing before this instant; `null` if unknown or not refused recently. */
  readonly retainedFrom: Instant | null;
  readonly density: Density | null;
}

const MOST_FAILED = 8;

const PIECE = 30 * DAY;
/** A shorter rest belongs to the piece before it. */
const SHORTEST_PIECE = DAY;

export async function findMissingWindows(
  store: HistoryStore,
  stream: Stream,
  from: Instant,
  to: Instant,
): Promise<MissingWindows> {
  const { seq } = await store.head();
  const gaps: CoverageGap[] = [];
  const missing: Missing[] = [];
  const cuts: Instant[] = [];
  let refusedAt: Instant | null = null;
  let density: Density | null = null;
  for (let end = to; end > from; ) {
    const floor = shift(end, -PIECE);
    const start = floor <= shift(from, SHORTEST_PIECE) ? from : floor;
    const entries = await store.ledger(stream, start, end, seq);
    const coverage = coverageOf(entries, start, end);
    gaps.unshift(...coverage.gaps);
    missing.push(...coverage.missing);
    refusedAt = entries.reduce(laterRefusal, refusedAt);
    cuts.push(...settledEnds(entries), ...failedCuts(entries));
    density ??= densityOf(entries);
    end = start;
    // years take a while, and a store may resolve without yielding to the event loop
    if (end > from) await setImmediate();
  }
  const joined = joinGaps(gaps);
  const isDue = refusedAt !== null && refusedAt <= shift(to, -ASK_AGAIN);
  const left = await stillMissing(store, stream, missing, seq);
  return {
    ...workOf(joined, cuts, isDue),
    missing: left,
    relist: mergedSpans(left.filter((each) => isWanted(each, to)).map(({ span }) => span)),
    density,
  };
}

/** Windows out of retention are requested again after this; see `giveUpOlder`. */
const ASK_AGAIN = DAY;

function laterRefusal(known: Instant | null, { status, readAt }: RecordedEntry): Instant | null {
  if (status !== 'OUT_OF_RETENTION') return known;
  return known === null ? readAt : latest(known, readAt);
}

function isWanted({ code, since, readAt }: Missing, now: Instant): boolean {
  return code !== 'GONE' || isGoneDue(since, readAt, now);
}

/** Everything to list: newest first, disjoint. Spans to list again are kept apart from newer ones. */
export function wantedSpans({ spans, relist }: Pick<MissingWindows, 'spans' | 'relist'>): Window[] {
  const cuts = [...spans.flatMap(({ from, to }) => [from, to]), ...relist.map(({ to }) => to)];
  return cutSpans(mergedSpans([...spans, ...relist]), cuts);
}

/** Where partial windows are settled; with newer time, all of their records would be fetched again. */
function settledEnds(entries: readonly RecordedEntry[]): Instant[] {
  return entries.flatMap(({ status, settledTo }) => (status === 'PARTIAL' ? [floorToSecond(settledTo)] : []));
}

/**
 * Where the windows of the last failure end, so that a span that always fails does not make newer time fail
 * too. If other windows of the run succeeded, failed ones are halved to isolate the fault; in an outage that
 * would only mean more failures.
 */
function failedCuts(entries: readonly RecordedEntry[]): Instant[] {
  const last = entries.findLast(({ status }) => status === 'FAILED');
  if (!last) return [];
  const sameRun = entries.filter(({ runId }) => runId === last.runId);
  const failed = sameRun.filter(({ status }) => status === 'FAILED');
  const end = floorToSecond(failed.map(({ to }) => to).reduce(latest));
  const isOutage = failed.length === sameRun.length;
  return isOutage ? [end] : [end, ...failed.slice(-MOST_FAILED).flatMap(halved)];
}

function halved(entry: RecordedEntry): Instant[] {
  const end = floorToSecond(entry.to);
  return widthOf(entry) > MINUTE ? [end, floorToSecond(shift(end, -widthOf(entry) / 2))] : [end];
}

/** The gaps to request, divided at `cuts`; those out of retention only if `isAskedAgain`, and separately. */
export function workOf(
  gaps: readonly CoverageGap[],
  cuts: readonly Instant[] = [],
  isAskedAgain = false,
): Pick<MissingWindows, 'gaps' | 'spans' | 'retainedFrom'> {
  const lostTo = gaps.filter((gap) => gap.reason === 'OUT_OF_RETENTION').at(-1)?.to ?? null;
  const retainedFrom = isAskedAgain ? null : lostTo;
  const wanted = gaps.filter((gap) => retainedFrom === null || gap.from >= retainedFrom);
  const allCuts = lostTo === null ? cuts : [...cuts, lostTo];
  return { gaps, spans: cutSpans(mergedSpans(wanted), allCuts), retainedFrom };
}

function joinGaps(gaps: readonly CoverageGap[]): CoverageGap[] {
  const joined: CoverageGap[] = [];
  for (const gap of gaps) addGap(joined, gap);
  return joined;
}

const SAMPLE = 8;

function densityOf(entries: readonly RecordedEntry[]): Density | null {
  const read = entries.filter((entry) => entry.pages > 0).slice(-SAMPLE);
  if (read.length === 0) return null;
  return {
    rows: read.reduce((sum, entry) => sum + entry.listed, 0),
    ms: read.reduce((sum, entry) => sum + widthOf(entry), 0),
  };
}

/** The part of the work since the stream was last read to its end, at most `reachMs`. */
export function newestPart({ spans }: Pick<MissingWindows, 'spans'>, to: Instant, reachMs: number): Window[] {
  const floor = shift(to, -reachMs);
  const delta: Window[] = [];
  let reached = to;
  for (const span of spans) {
    if (span.to < reached || reached <= floor) break;
    delta.push({ from: latest(span.from, floor), to: earliest(span.to, reached) });
    reached = span.from;
  }
  return delta;
}

/** Where the slices of `[from, to)` begin, newest first: a day, then doubled, up to a week. */
export function sliceFloors(from: Instant, to: Instant, firstMs: number): Instant[] {
  const floors: Instant[] = [];
  let width = firstMs;
  for (let floor = shift(to, -width); floor > from; floor = shift(floor, -width)) {
    floors.push(floor);
    width = Math.min(2 * width, 7 * DAY);
  }
  return [...floors, from];
}
