import { hash32 } from './random.js';
import type { Schedule } from './schedule.js';

/** Records come in blocks of so many, and each block has one of every fate: so the slow ones are found directly. */
export const FATES = 16;

/** The fate of a record: which of the `FATES` courses it takes after its arrival. */
export function fateOf(seed: number, index: number): number {
  return (index + hash32(seed, 21, index >>> 4)) & 15;
}

/**
 * The indexes of all records that arrive in `[from - reach, to]`, where `reach[fate]` is how long after its
 * arrival a record of that fate can still change; a few more besides.
 */
export function candidates(
  schedule: Schedule,
  seed: number,
  from: number,
  to: number,
  reach: readonly number[],
): number[] {
  const least = Math.min(...reach);
  const { first, last } = schedule.range(from - least, to);
  const found: number[] = [];
  reach.forEach((longer, fate) => {
    if (longer > least) older(schedule.range(from - longer, from).first, first - 1, fate);
  });
  for (let index = first; index <= last; index++) found.push(index);
  return found;

  function older(start: number, end: number, fate: number): void {
    for (let block = start >> 4; block <= end >> 4; block++) {
      const index = block * FATES + ((fate - hash32(seed, 21, block)) & 15);
      if (index >= start && index <= end) found.push(index);
    }
  }
}
