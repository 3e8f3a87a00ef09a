import { type RecordedEntry, streamText } from '../model/ledger.js';
import type { Stream } from '../model/stream.js';
import { KIND_OF, keyText, type RecordKey } from '../resources/registry.js';
import { earliest, type Instant, latest, MINUTE, shift, toMillis } from '../values/instant.js';
import type { ClassedGap, ControlFinding, Find, MissedPoll, Outcome, Scope, StreamFacts } from './control.js';
import { brieflyText, countText, durationText, instantText, listText } from './words.js';

/** Shortened for a sentence; the exception has the full message. */
export function inBrief(missed: MissedPoll): MissedPoll {
  return { ...missed, failure: missed.failure && brieflyText(missed.failure) };
}

interface Poll {
  readonly at: Instant;
  /** Whether Abnormal responded, even if some records could not be read. */
  readonly ok: boolean;
  readonly failure: string | null;
}

export function isAnswer(status: RecordedEntry['status']): boolean {
  return status === 'COMPLETE' || status === 'PARTIAL';
}

/** A reading is a poll if its window extends to its own time. */
export function pollsIn(entries: readonly RecordedEntry[], lagMs: number): Poll[] {
  const slackMs = Math.max(lagMs, 5 * MINUTE);
  return entries
    .filter(({ to, readAt }) => toMillis(to) >= toMillis(readAt) - slackMs)
    .map(({ readAt: at, status, reason: failure }) => ({ at, ok: isAnswer(status), failure }))
    .sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}

interface PollWatch {
  readonly period: { readonly from: Instant; readonly to: Instant };
  readonly now: Instant;
  readonly polledFrom: Instant | null;
  /** The longest regular time between two polls, and the lag in it. */
  readonly mostMs: number;
  readonly thresholds: { readonly ingestionLag: number };
}

/** The missed polls that touch the period, in full length as far as known (twice `mostMs` around it). */
export function missedPolls(polls: readonly Poll[], watch: PollWatch): MissedPoll[] {
  const { period, now, polledFrom, mostMs } = watch;
  if (polledFrom === null) return [];
  const answers = polls.filter(({ ok }) => ok).map(({ at }) => at);
  const begin = latest(polledFrom, shift(period.from, -2 * mostMs));
  const seen = shift(period.to, 2 * mostMs);
  const end = latest(answers.at(-1) ?? begin, earliest(now, seen));
  const marks = [begin, ...answers.filter((at) => at > begin), end];
  return marks.slice(1).flatMap((to, i) => missedBetween(marks[i] ?? to, to, polls, watch) ?? []);
}

function missedBetween(
  from: Instant,
  to: Instant,
  polls: readonly Poll[],
  watch: PollWatch,
): MissedPoll | null {
  const { period, mostMs, thresholds } = watch;
  const ms = toMillis(to) - toMillis(from);
  if (ms <= mostMs || to <= period.from || from >= period.to) return null;
  const failures = polls.filter(({ at, ok }) => !ok && at > from && at < to);
  // a poll is due an interval and a lag after the one before; each further interval is one missed poll
  const missed = Math.ceil((ms - thresholds.ingestionLag) / (mostMs - thresholds.ingestionLag)) - 1;
  return { from, to, missed, failed: failures.length, failure: failures.at(-1)?.failure ?? null };
}

/** When polling began, if in or after the period: what was collected of earlier time was not monitored. */
export function lateStart(polledFrom: Instant | null, { from }: { readonly from: Instant }): string | null {
  if (polledFrom === null) return 'it was never polled';
  return polledFrom > from ? `polling began only ${instantText(polledFrom)}` : null;
}

/** The stream, the time and the reason of a gap; its message is with the gap itself. */
export function gapText({ stream }: StreamFacts, gap: ClassedGap): string {
  return `${streamText(stream)} from ${instantText(gap.from)} to ${instantText(gap.to)} (${REASONS[gap.reason]})`;
}

const REASONS: Record<ClassedGap['reason'], string> = {
  NOT_COLLECTED: 'not collected',
  PROVISIONAL: 'not settled yet',
  PARTIAL: 'the list may be incomplete',
  FAILED: 'could not be read',
  NOT_LICENSED: 'not licensed',
  OUT_OF_RETENTION: 'older than Abnormal’s retention',
};

export function gapReason({ reason, detail }: Pick<ClassedGap, 'reason' | 'detail'>): string {
  return detail === null ? REASONS[reason] : `${REASONS[reason]}: ${detail}`;
}

export function gapMs({ from, to }: Pick<ClassedGap, 'from' | 'to'>): number {
  return toMillis(to) - toMillis(from);
}

export function holesOf(streams: readonly StreamFacts[]): { facts: StreamFacts; gap: ClassedGap }[] {
  return streams.flatMap((facts) =>
    facts.gaps.filter((gap) => gap.class === 'HOLE').map((gap) => ({ facts, gap })),
  );
}

/** A scope without holes and missing records, for a control that already fails for them. */
export function withoutHoles(scope: Scope): Scope {
  const streams = scope.streams.map((facts) => ({
    ...facts,
    gaps: facts.gaps.filter((gap) => gap.class !== 'HOLE'),
    missing: facts.missing.filter(({ code }) => code === 'GONE'),
  }));
  return { ...scope, streams };
}

export function spanFinding(
  outcome: Outcome,
  stream: Stream,
  { from, to }: Pick<ClassedGap, 'from' | 'to'>,
  reason: string,
): ControlFinding {
  return { outcome, subject: { type: 'SPAN', stream, from, to }, label: null, at: from, reason };
}

export function recordFinding(outcome: Outcome, key: RecordKey, reason: string): ControlFinding {
  return { outcome, subject: { type: 'RECORD', key, messageId: null }, label: null, at: null, reason };
}

export function findHoles(facts: StreamFacts, find: Find): void {
  for (const { gap } of holesOf([facts])) {
    const reason = `not stored for ${durationText(gapMs(gap))}: ${gapReason(gap)}`;
    find(spanFinding('EXCEPTION', facts.stream, gap, reason));
  }
}

interface UnreadRecord {
  readonly key: RecordKey;
  readonly reason: string;
  readonly isGone: boolean;
}

/** Unread records of several streams: each once, with its newest code. */
export function unreadRecords(streams: readonly StreamFacts[]): UnreadRecord[] {
  const newest = new Map<string, { readonly seq: number; readonly record: UnreadRecord }>();
  for (const { stream, missing } of streams) {
    for (const { id, seq, code, reason } of missing) {
      const key = { integration: stream.integration, kind: KIND_OF[stream.resource], id };
      const record = { key, reason, isGone: code === 'GONE' };
      if (seq >= (newest.get(keyText(key))?.seq ?? 0)) newest.set(keyText(key), { seq, record });
    }
  }
  return [...newest.values()].map(({ record }) => record);
}

/** Reports every unread record: an exception, unless it disappeared before. */
export function findUnread(streams: readonly StreamFacts[], find: Find): void {
  for (const { key, reason, isGone } of unreadRecords(streams)) {
    const what = isGone ? 'disappeared before it could be read' : 'listed and could not be read';
    find(recordFinding(isGone ? 'IN_DOUBT' : 'EXCEPTION', key, `${what}: ${reason}`));
  }
}

/** Unread records that may still exist, as text; `null` if there are none. */
export function unreadText(streams: readonly StreamFacts[]): string | null {
  const unread = unreadRecords(streams).filter(({ isGone }) => !isGone);
  if (unread.length === 0) return null;
  const names = unread.map(({ key }) => `${key.kind} ${key.id}`);
  return `${countText(unread.length, 'listed record')} could not be read: ${listText(names, 2)}`;
}
