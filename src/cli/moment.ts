import { InvalidArgumentError } from 'commander';
import { parseDuration, parseInstant } from '../config/duration.js';
import { type Instant, shift } from '../values/instant.js';

/** An instant that an option names, once the time is known. */
export type Moment = (now: Instant) => Instant;

/** Reads a day, an instant, or how long ago. */
export function parseMoment(text: string): Moment {
  const instant = parseInstant(text);
  if (instant !== null) return () => instant;
  const ago = parseDuration(text);
  if (ago !== null) return (now) => shift(now, -ago);
  throw new InvalidArgumentError(
    'Right: a day (2026-01-31), an instant (2026-01-31T08:00Z) or how long ago (90d).',
  );
}
