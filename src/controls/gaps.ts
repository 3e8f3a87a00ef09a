import { toMillis } from '../model/instant.js';
import { streamText } from '../model/stream.js';
import type { Finding, Scope } from './control.js';
import type { ClassedGap, StreamFacts } from './stream-facts.js';
import { durationText, instantText } from './words.js';

/** A gap in a few words: which stream, from when to when, why. What the reading said is with the gap itself. */
export function gapText({ stream }: StreamFacts, gap: ClassedGap): string {
  return `${streamText(stream)} from ${instantText(gap.from)} to ${instantText(gap.to)} (${REASONS[gap.reason]})`;
}

const REASONS: Record<ClassedGap['reason'], string> = {
  NOT_COLLECTED: 'not collected',
  PROVISIONAL: 'not settled yet',
  PARTIAL: 'some listed records could not be had',
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

/** A scope whose holes are left out, for a control that fails for them and need not say them twice. */
export function withoutHoles(scope: Scope): Scope {
  const streams = scope.streams.map((facts) => ({
    ...facts,
    gaps: facts.gaps.filter((gap) => gap.class !== 'HOLE'),
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
