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
    const raised = durationOf(numberOfDuration(ms));
    this.#counts.set(raised, (this.#counts.get(raised) ?? 0) + times);
    this.#size += times;
    this.#sum += times * raised;
  }

  get size(): number {
    return this.#size;
  }

  /** In milliseconds, rounded up to seconds; `null` if empty. */
  get mean(): number | null {
    return meanOf(this.#sum, this.#size);
  }

  /** The smallest duration that at least `share` of them do not exceed, in milliseconds; `null` if empty. */
  percentile(share: number): number | null {
    const rank = rankOf(share, this.#size);
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

/** The place, from 1 on, of the first of `size` ordered durations that at least `share` of them do not exceed. */
export function rankOf(share: number, size: number): number {
  // 0.07 * 100 is slightly more than 7, so a small tolerance is needed
  return Math.max(1, Math.ceil(share * size - 1e-9));
}

/** In milliseconds, rounded up to seconds; `null` of none. */
export function meanOf(sum: number, size: number): number | null {
  return size === 0 ? null : Math.ceil(sum / size / 1000) * 1000;
}

const SECONDS = HOUR / 1000;
const MINUTES = (7 * DAY - HOUR) / MINUTE;

/** Rounded durations by number, in their order. */
export function numberOfDuration(ms: number): number {
  if (ms <= HOUR) return Math.ceil(Math.max(0, ms) / 1000);
  if (ms <= 7 * DAY) return SECONDS + Math.ceil((ms - HOUR) / MINUTE);
  return SECONDS + MINUTES + Math.ceil((ms - 7 * DAY) / HOUR);
}

/** In milliseconds. */
export function durationOf(number: number): number {
  if (number <= SECONDS) return number * 1000;
  const minutes = number - SECONDS;
  if (minutes <= MINUTES) return HOUR + minutes * MINUTE;
  return 7 * DAY + (minutes - MINUTES) * HOUR;
}
