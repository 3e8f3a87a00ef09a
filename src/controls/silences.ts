import type { RecordedEntry } from '../model/ledger.js';
import { earliest, type Instant, latest, MINUTE, shift, toMillis } from '../values/instant.js';
import { brieflyText, instantText } from './words.js';

/** A stretch in which no poll of the newest was answered for longer than the interval and its lag. */
export interface Silence {
  readonly from: Instant;
  readonly to: Instant;
  /** Polls that should have been answered in between. */
  readonly missed: number;
  /** Polls that were tried and not answered. */
  readonly failed: number;
  /** What the last of those said. */
  readonly failure: string | null;
}

/** The same for a sentence: what the last poll said is with the exception in full. */
export function inBrief(silence: Silence): Silence {
  return { ...silence, failure: silence.failure && brieflyText(silence.failure) };
}

/** A reading of the newest there was. */
export interface Poll {
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

export interface Watch {
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
export function silencesIn(polls: readonly Poll[], watch: Watch): Silence[] {
  const { period, now, polledFrom, mostMs } = watch;
  if (polledFrom === null) return [];
  const answers = polls.filter(({ ok }) => ok).map(({ at }) => at);
  const begin = latest(polledFrom, shift(period.from, -2 * mostMs));
  const seen = shift(period.to, 2 * mostMs);
  const end = latest(answers.at(-1) ?? begin, earliest(now, seen));
  const marks = [begin, ...answers.filter((at) => at > begin), end];
  return marks.slice(1).flatMap((to, i) => silenceBetween(marks[i] ?? to, to, polls, watch) ?? []);
}

function silenceBetween(from: Instant, to: Instant, polls: readonly Poll[], watch: Watch): Silence | null {
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
