import { type CoverageGap, coverageOf, outstanding, type RecordedEntry } from '../model/ledger.js';
import type { RevisionRecord } from '../model/revision.js';
import type { Stream } from '../model/stream.js';
import { mostBetweenPolls, type Thresholds } from '../policy/thresholds.js';
import { DEFINITION_OF_RESOURCE } from '../resources/registry.js';
import { type Instant, latest, shift } from '../values/instant.js';
import type { ClassedGap, CoverageGapClass, StreamFacts } from './control.js';
import { missedPolls, pollsIn } from './missed-polls.js';

interface StreamFactsInput {
  readonly stream: Stream;
  readonly period: { readonly from: Instant; readonly to: Instant };
  readonly now: Instant;
  readonly thresholds: Thresholds;
  readonly entries: readonly RecordedEntry[];
  readonly polledFrom: Instant | null;
  readonly begunFrom: Instant | null;
  readonly newest?: ReadonlyMap<string, RevisionRecord>;
}

export function ledgerSpan(
  { from, to }: { readonly from: Instant; readonly to: Instant },
  stream: Stream,
  thresholds: Thresholds,
): { from: Instant; to: Instant } {
  const margin = 2 * mostBetweenPolls(thresholds, stream.resource);
  return { from: shift(from, -margin), to: shift(to, margin + deadlineMs(thresholds)) };
}

/** The longest deadline of a record at the end of a period. */
function deadlineMs({ remediateWithin, handleCasesWithin, judgeReportsWithin }: Thresholds): number {
  return Math.max(remediateWithin, handleCasesWithin, judgeReportsWithin);
}

/**
 * The end of the span that must be gapless. Threats keep their received time. A changed case or campaign
 * moves to a later time, so everything until the reading of the period must be covered.
 */
export function requiredUntil(
  entries: readonly RecordedEntry[],
  { resource }: Stream,
  { from, to }: { readonly from: Instant; readonly to: Instant },
): Instant {
  if (!DEFINITION_OF_RESOURCE[resource].population.changesMoveRecords) return to;
  const readings = entries.filter((e) => e.status === 'COMPLETE' && e.from < to && e.to > from);
  if (!coverageOf(readings, from, to).complete) return to;
  let [few, enough] = [0, readings.length];
  while (enough - few > 1) {
    const middle = (few + enough) >> 1;
    if (coverageOf(readings.slice(0, middle), from, to).complete) enough = middle;
    else few = middle;
  }
  return latest(to, readings[enough - 1]?.settledTo ?? to);
}

export function streamFacts(input: StreamFactsInput): StreamFacts {
  const { stream, period, thresholds, entries } = input;
  const within = entries.filter(({ from, to }) => from < period.to && to > period.from);
  const coverage = coverageOf(within, period.from, period.to);
  const covered = coverageOf(entries, period.from, requiredUntil(within, stream, period));
  const polls = pollsIn(entries, thresholds.ingestionLag);
  const refused = refusalIn(within);
  return {
    stream,
    licensed: refused === null,
    refusal: refused,
    coverage,
    gaps: joinedHoles(covered.gaps.map((gap) => ({ ...gap, class: classOf(gap, input) }))),
    gapsBeyond: coverageOf(entries, period.from, shift(period.to, deadlineMs(thresholds))).gaps,
    answeredAt: polls.filter(({ ok }) => ok).map(({ at }) => at),
    polledFrom: input.polledFrom,
    missedPolls: missedPolls(polls, { ...input, mostMs: mostBetweenPolls(thresholds, stream.resource) }),
    missing: outstanding(covered.missing, input.newest ?? new Map()),
  };
}

/** From this time on coverage is not due yet: the newest poll may be an interval and the lag ago. */
export function dueBefore(now: Instant, stream: Stream, thresholds: Thresholds): Instant {
  return shift(now, -mostBetweenPolls(thresholds, stream.resource) - thresholds.ingestionLag);
}

function classOf(
  gap: CoverageGap,
  { stream, now, thresholds, begunFrom }: StreamFactsInput,
): CoverageGapClass {
  if (gap.reason === 'NOT_LICENSED' || gap.reason === 'OUT_OF_RETENTION') return 'UNREACHED';
  if (gap.from >= dueBefore(now, stream, thresholds)) return 'NOT_DUE';
  const isAhead = gap.reason === 'NOT_COLLECTED' && (begunFrom === null || gap.to <= begunFrom);
  return isAhead ? 'UNREACHED' : 'HOLE';
}

/** An outage begins in the lag of the last reading before it; both gaps are one hole. */
function joinedHoles(gaps: readonly ClassedGap[]): ClassedGap[] {
  const joined: ClassedGap[] = [];
  for (const gap of gaps) {
    const last = joined.at(-1);
    const isOne = last?.class === 'HOLE' && last.reason === 'PROVISIONAL' && last.to === gap.from;
    if (isOne && gap.class === 'HOLE') joined[joined.length - 1] = { ...gap, from: last.from };
    else joined.push(gap);
  }
  return joined;
}

/** Not licensed: nothing in the period was ever read, and the last refusal was about the licence. */
function refusalIn(entries: readonly RecordedEntry[]): string | null {
  if (entries.some(({ status }) => status === 'COMPLETE' || status === 'PARTIAL')) return null;
  const last = entries.findLast(({ status }) => status === 'NOT_LICENSED');
  return last ? (last.reason ?? 'not licensed') : null;
}
