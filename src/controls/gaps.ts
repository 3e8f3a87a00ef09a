import { streamText } from '../model/stream.js';
import { KIND_OF, keyText, type RecordKey } from '../resources/kind.js';
import { toMillis } from '../values/instant.js';
import type { Finding, Scope } from './control.js';
import type { ClassedGap, StreamFacts } from './stream-facts.js';
import { countText, durationText, instantText, listText } from './words.js';

/** A gap in a few words: which stream, from when to when, why. What the reading said is with the gap itself. */
export function gapText({ stream }: StreamFacts, gap: ClassedGap): string {
  return `${streamText(stream)} from ${instantText(gap.from)} to ${instantText(gap.to)} (${REASONS[gap.reason]})`;
}

const REASONS: Record<ClassedGap['reason'], string> = {
  NOT_COLLECTED: 'not collected',
  PROVISIONAL: 'not settled yet',
  PARTIAL: 'the list may not be whole',
  FAILED: 'could not be read',
  NOT_LICENSED: 'not licensed',
  OUT_OF_RETENTION: 'older than what Abnormal keeps',
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
export function findHoles(facts: StreamFacts, find: (finding: Finding) => void): void {
  for (const { gap } of holesOf([facts])) {
    const { from, to } = gap;
    const reason = `not held for ${durationText(gapMs(gap))}: ${gapReason(gap)}`;
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
export interface UnreadRecord {
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
export function findUnread(streams: readonly StreamFacts[], find: (finding: Finding) => void): void {
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
