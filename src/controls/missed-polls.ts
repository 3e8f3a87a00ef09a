import type { RecordedEntry } from '../model/ledger.js';
import { streamText } from '../model/stream.js';
import { KIND_OF, keyText, type RecordKey } from '../resources/registry.js';
import { earliest, type Instant, latest, MINUTE, shift, toMillis } from '../values/instant.js';
import type { ClassedGap, ControlFinding, MissedPoll, Scope, StreamFacts } from './control.js';
import { brieflyText, countText, durationText, instantText, listText } from './words.js';

/** The same for a sentence: what the last poll said is with the exception in full. */
export function inBrief(silence: MissedPoll): MissedPoll {
  return { ...silence, failure: silence.failure && brieflyText(silence.failure) };
}

/** A reading of the newest there was. */
interface Poll {
  readonly at: Instant;
  /** Whether Abnormal answered, be it that some records could not be had. */
  readonly ok: boolean;
  readonly failure: string | null;
}

export function isAnswer(status: RecordedEntry['status']): boolean {
  return status === 'COMPLETE' || status === 'PARTIAL';
}

/** A reading is a poll when its window reaches up to the time at which it was read. */
export function pollsIn(entries: readonly RecordedEntry[], lagMs: number): Poll[] {
  const slackMs = Math.max(lagMs, 5 * MINUTE);
  return entries
    .filter(({ to, readAt }) => toMillis(to) >= toMillis(readAt) - slackMs)
    .map(({ readAt: at, status, reason: failure }) => ({ at, ok: isAnswer(status), failure }))
    .sort((a, b) => (a.at < b.at ? -1 : Number(a.at > b.at)));
}

interface PollWatch {
  readonly period: { readonly from: Instant; readonly to: Instant };
  /** The view's instant. */
  readonly now: Instant;
  /** When a poll was first answered, ever; earlier, nobody asked. */
  readonly polledFrom: Instant | null;
  /** The most time between two polls that are on time, and the part of it that is lag. */
  readonly mostMs: number;
  readonly thresholds: { readonly ingestionLag: number };
}

/** The silences that touch the period, each in its full length as far as twice `mostMs` around the period shows. */
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
  // a poll may come an interval and a lag after the one before; each interval more is one missed
  const missed = Math.ceil((ms - thresholds.ingestionLag) / (mostMs - thresholds.ingestionLag)) - 1;
  return { from, to, missed, failed: failures.length, failure: failures.at(-1)?.failure ?? null };
}

/** When polling began, where that is within or after the period; what was collected of before was not watched. */
export function lateStart(polledFrom: Instant | null, { from }: { readonly from: Instant }): string | null {
  if (polledFrom === null) return 'it was never polled';
  return polledFrom > from ? `polling began only ${instantText(polledFrom)}` : null;
}

/** A gap in a few words: which stream, from when to when, why. What the reading said is with the gap itself. */
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

/** Why it is a gap, with what the reading said. */
export function gapReason({ reason, detail }: Pick<ClassedGap, 'reason' | 'detail'>): string {
  return detail === null ? REASONS[reason] : `${REASONS[reason]}: ${detail}`;
}

/** How long a gap is, in milliseconds. */
export function gapMs({ from, to }: Pick<ClassedGap, 'from' | 'to'>): number {
  return toMillis(to) - toMillis(from);
}

/** The holes of several streams, each with its stream. */
export function holesOf(streams: readonly StreamFacts[]): { facts: StreamFacts; gap: ClassedGap }[] {
  return streams.flatMap((facts) =>
    facts.gaps.filter((gap) => gap.class === 'HOLE').map((gap) => ({ facts, gap })),
  );
}

/** A scope whose holes and missing records are left out, for a control that fails for them and need not say them twice. */
export function withoutHoles(scope: Scope): Scope {
  const streams = scope.streams.map((facts) => ({
    ...facts,
    gaps: facts.gaps.filter((gap) => gap.class !== 'HOLE'),
    missing: facts.missing.filter(({ code }) => code === 'GONE'),
  }));
  return { ...scope, streams };
}

/** Makes a finding of every hole of a stream. */
export function findHoles(facts: StreamFacts, find: (finding: ControlFinding) => void): void {
  for (const { gap } of holesOf([facts])) {
    const { from, to } = gap;
    const reason = `not stored for ${durationText(gapMs(gap))}: ${gapReason(gap)}`;
    find({
      outcome: 'EXCEPTION',
      subject: { type: 'SPAN', stream: facts.stream, from, to },
      label: null,
      at: from,
      reason,
    });
  }
}

/** A record that Abnormal lists and that could not be read. */
interface UnreadRecord {
  readonly key: RecordKey;
  readonly reason: string;
  /** It disappeared before it could be read. */
  readonly isGone: boolean;
}

/** What could not be read in several streams: each record once, by what was last found of it. */
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

/** Makes a finding of every record that could not be read: an exception, unless it disappeared before. */
export function findUnread(streams: readonly StreamFacts[], find: (finding: ControlFinding) => void): void {
  for (const { key, reason, isGone } of unreadRecords(streams)) {
    find({
      outcome: isGone ? 'IN_DOUBT' : 'EXCEPTION',
      subject: { type: 'RECORD', key, messageId: null },
      label: null,
      at: null,
      reason: isGone
        ? `disappeared before it could be read: ${reason}`
        : `listed and could not be read: ${reason}`,
    });
  }
}

/** Records that could not be read and may still be there, in a few words; `null` if there are none. */
export function unreadText(streams: readonly StreamFacts[]): string | null {
  const unread = unreadRecords(streams).filter(({ isGone }) => !isGone);
  if (unread.length === 0) return null;
  const names = unread.map(({ key }) => `${key.kind} ${key.id}`);
  return `${countText(unread.length, 'listed record')} could not be read: ${listText(names, 2)}`;
}
