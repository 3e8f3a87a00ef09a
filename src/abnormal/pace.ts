/**
 * Spreads the work that nobody waits for evenly over the minute: a token bucket that fills at the allowed
 * rate. Without it a backfill would spend a minute's allowance in a burst, and a person who comes just after
 * would wait for the rest of that minute.
 */
export interface Pace {
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
