import { toMillis } from '../model/instant.js';
import { streamText } from '../model/stream.js';
import type { Finding } from './control.js';
import type { ClassedGap, StreamFacts } from './stream-facts.js';
import { durationText, instantText } from './words.js';

/** A gap in words: which stream, from when to when, why. */
export function gapText({ stream }: StreamFacts, gap: ClassedGap): string {
  return `${streamText(stream)} from ${instantText(gap.from)} to ${instantText(gap.to)} (${gapReason(gap)})`;
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

/** Makes a finding of every hole of a stream. */
export function findHoles(facts: StreamFacts, find: (finding: Finding) => void): void {
  for (const { gap } of holesOf([facts])) {
    const { from, to } = gap;
    const reason = `not held for ${durationText(gapMs(gap))}: ${gapReason(gap)}`;
    find({
      outcome: 'EXCEPTION',
      subject: { type: 'SPAN', stream: facts.stream, from, to },
      at: from,
      reason,
    });
  }
}
