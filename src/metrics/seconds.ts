import { type Instant, toMillis } from '../values/instant.js';

/** Seconds from one instant to another, 0 where a clock was set back between them. */
export function secondsBetween(from: Instant, to: Instant): number {
  return Math.max(0, (toMillis(to) - toMillis(from)) / 1000);
}

/** Seconds since the epoch, as Prometheus writes time. */
export function unixSeconds(instant: Instant): number {
  return toMillis(instant) / 1000;
}
