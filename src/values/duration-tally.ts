import { DAY, HOUR, MINUTE } from './instant.js';

/**
 * Percentiles in bounded memory. Durations are rounded up: to seconds, from an hour on to minutes, from a
 * week on to hours; comparisons with a limit in those units stay exact.
 */
export class DurationTally {
  readonly #counts = new Map<number, number>();
  #size = 0;
  #sum = 0;

  /** In milliseconds; negative values (clock differences) count as 0. */
  add(ms: number, times = 1): void {
    const raised = raise(ms);
    this.#counts.set(raised, (this.#counts.get(raised) ?? 0) + times);
    this.#size += times;
    this.#sum += times * raised;
  }

  get size(): number {
    return this.#size;
  }

  /** In milliseconds, rounded up to seconds; `null` if empty. */
  get mean(): number | null {
    return this.#size === 0 ? null : Math.ceil(this.#sum / this.#size / 1000) * 1000;
  }

  /** The smallest duration that at least `share` of them do not exceed, in milliseconds; `null` if empty. */
  percentile(share: number): number | null {
    // 0.07 * 100 is slightly more than 7, so a small tolerance is needed
    const rank = Math.max(1, Math.ceil(share * this.#size - 1e-9));
    let seen = 0;
    for (const ms of [...this.#counts.keys()].sort((a, b) => a - b)) {
      seen += this.#counts.get(ms) ?? 0;
      if (seen >= rank) return ms;
    }
    return null;
  }

  /** The number in each class of the increasing `limits`; a limit belongs to the class below it. */
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

/** What a duration counts as. */
export function raise(ms: number): number {
  const grain = ms <= HOUR ? 1000 : ms <= 7 * DAY ? MINUTE : HOUR;
  return Math.ceil(Math.max(0, ms) / grain) * grain;
}
