/** The span in which Abnormal counts requests, and a little more: clocks are read in whole milliseconds, timers may be early by one. */
export const WINDOW_MS = 60_005;

/**
 * Counts requests so that the upstream never sees more than a limit in any 60 seconds, whatever the network
 * does to their spacing.
 *
 * A request counts from the moment it may be sent until 60 s after its answer began (or it failed). Take the
 * requests that reach the upstream within some 60 s, and of those the one that was let go last: each of the
 * others reached it less than 60 s before, so was answered less than 60 s before, so was still counted.
 */
interface RateWindow {
  /** How many requests count now. */
  used(now: number): number;
  /** When fewer than `limit` will count, as far as answered requests tell: `Infinity` when only an answer can help. */
  roomAt(limit: number, now: number): number;
  sent(): void;
  answered(now: number): void;
}

export function createRateWindow(): RateWindow {
  const answers = new Deadlines();
  let unanswered = 0;
  const used = (now: number) => {
    answers.dropBefore(now);
    return unanswered + answers.size;
  };
  return {
    used,
    roomAt: (limit, now) => {
      const excess = used(now) - limit + 1;
      return excess <= 0 ? now : answers.at(excess - 1);
    },
    sent: () => {
      unanswered += 1;
    },
    answered: (now) => {
      unanswered -= 1;
      answers.push(now + WINDOW_MS);
    },
  };
}

/** Rising instants, read from the front; shifting an array of thousands each time would cost more than it frees. */
class Deadlines {
  private readonly instants: number[] = [];
  private head = 0;

  get size(): number {
    return this.instants.length - this.head;
  }

  push(instant: number): void {
    this.instants.push(instant);
  }

  at(index: number): number {
    return this.instants[this.head + index] ?? Number.POSITIVE_INFINITY;
  }

  dropBefore(now: number): void {
    while (this.size > 0 && this.at(0) <= now) this.head += 1;
    if (this.head > 1_000 && this.head * 2 > this.instants.length) {
      this.instants.splice(0, this.head);
      this.head = 0;
    }
  }
}

/**
 * Spreads the work that nobody waits for evenly over the minute: a token bucket that fills at the allowed
 * rate. Without it a backfill would spend a minute's allowance in a burst, and a person who comes just after
 * would wait for the rest of that minute.
 */
interface Pace {
  /** When the next paced request may go. */
  readyAt(now: number): number;
  /** Counts a request, paced or not: what was sent out of turn is made up for. */
  spend(now: number): void;
}

/** How much may go at once after a lull, in seconds' worth; also what late timers can be made up for. */
const BURST_SECONDS = 2;

export function createPace(rpm: number): Pace {
  const perMs = rpm / 60_000;
  const burst = Math.max(1, BURST_SECONDS * 1_000 * perMs);
  let tokens = burst;
  let filledAt = 0;
  const fill = (now: number) => {
    tokens = Math.min(burst, tokens + (now - filledAt) * perMs);
    filledAt = now;
  };
  return {
    readyAt: (now) => {
      fill(now);
      return tokens >= 1 ? now : now + (1 - tokens) / perMs;
    },
    spend: (now) => {
      fill(now);
      tokens = Math.max(-burst, tokens - 1);
    },
  };
}
