import { DAY, HOUR, MINUTE } from '../values/instant.js';

/**
 * Counts durations so that percentiles can be taken of any number of them in bounded memory. Each is raised to
 * the whole second, from an hour on to the whole minute, from a week on to the whole hour; against a limit that
 * is a whole number of those, a raised duration compares as the exact one does.
 */
export class DurationTally {
  readonly #counts = new Map<number, number>();
  #size = 0;

  /** Counts one, in milliseconds; what is negative, as clocks differ, counts as 0. */
  add(ms: number): void {
    const raised = raise(Math.max(0, ms));
    this.#counts.set(raised, (this.#counts.get(raised) ?? 0) + 1);
    this.#size += 1;
  }

  get size(): number {
    return this.#size;
  }

  /** The least duration that at least `share` of them do not exceed, in milliseconds; `null` without any. */
  percentile(share: number): number | null {
    // 0.07 * 100 is a little over 7: what is off by so little is meant to be whole
    const rank = Math.max(1, Math.ceil(share * this.#size - 1e-9));
    let seen = 0;
    for (const ms of [...this.#counts.keys()].sort((a, b) => a - b)) {
      seen += this.#counts.get(ms) ?? 0;
      if (seen >= rank) return ms;
    }
    return null;
  }

  /** How many lie in each of the classes that `limits`, rising, part; a limit belongs to the class below it. */
  histogram(limits: readonly number[]): number[] {
    const bars = new Array<number>(limits.length + 1).fill(0);
    for (const [ms, count] of this.#counts) {
      const place = limits.findIndex((limit) => ms <= limit);
      const index = place === -1 ? limits.length : place;
      bars[index] = (bars[index] ?? 0) + count;
    }
    return bars;
  }
}

function raise(ms: number): number {
  const grain = ms <= HOUR ? 1000 : ms <= 7 * DAY ? MINUTE : HOUR;
  return Math.ceil(ms / grain) * grain;
}
