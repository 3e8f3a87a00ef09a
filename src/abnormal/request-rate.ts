/** Abnormal counts in 60 seconds; a little more because clocks and timers are rounded. */
export const WINDOW_MS = 60_005;

/**
 * Counts requests so that Abnormal never sees more than the limit in any 60 seconds, for any network delay. A
 * request counts from its admission until 60 s after its response began (or it failed). Proof: of the
 * requests that arrive within 60 s take the one admitted last; all others arrived, and so were answered, less
 * than 60 s before, so they were still counted.
 */
interface RateWindow {
  used(now: number): number;
  /** When fewer than `limit` count, as far as known; `Infinity` if only a response can help. */
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

/** Increasing instants, read from the front; shifting a large array each time would be slow. */
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
 * A token bucket for requests without a waiting caller. Otherwise a backfill would use a minute's allowance
 * in a burst, and the next caller would wait for the rest of the minute.
 */
interface Pace {
  readyAt(now: number): number;
  spend(now: number): void;
}

/** The largest burst after a pause, in seconds' worth; it also compensates late timers. */
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
