/**
 * An instant in UTC as ISO 8601 text with exactly three fraction digits, `2026-03-01T08:15:00.000Z`.
 * One fixed width makes text order time order, in JavaScript, in SQLite and in MongoDB alike.
 */
export type Instant = string;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** The instant at `ms` milliseconds since the epoch; a RangeError outside years 0000–9999. */
export function toInstant(ms: number): Instant {
  const text = new Date(ms).toISOString();
  if (text.length !== 24) throw new RangeError(`instant out of range: ${ms}`);
  return text;
}

/** Milliseconds since the epoch of an `Instant`. */
export function toMillis(instant: Instant): number {
  return Date.parse(instant);
}

/** Nothing that the gateway is asked about is older: a limit for input, years before Abnormal began. */
export const EARLIEST_ASKED: Instant = '2000-01-01T00:00:00.000Z';

/** The first and the last instant that there is. */
export const FIRST_INSTANT: Instant = '0000-01-01T00:00:00.000Z';
export const LAST_INSTANT: Instant = '9999-12-31T23:59:59.999Z';

/** `instant` moved by `ms` milliseconds (negative: back), no further than the first or the last instant. */
export function shift(instant: Instant, ms: number): Instant {
  return nearestInstant(toMillis(instant) + ms);
}

/** The instant at `ms`, or the first or the last one where that lies beyond. */
export function nearestInstant(ms: number): Instant {
  return toInstant(Math.min(Math.max(ms, toMillis(FIRST_INSTANT)), toMillis(LAST_INSTANT)));
}

/** The later of two instants. */
export function latest(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

/** The earlier of two instants. */
export function earliest(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

const UPSTREAM =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?\s*(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d|UTC)?$/;

/**
 * Reads every timestamp form that Abnormal's API has been seen to send: `Z` or a numeric offset, `T` or a
 * space, no fraction or one of any length (cut, not rounded, to milliseconds), and no zone at all, which the
 * API means as UTC. `null` when the text is not a timestamp or names a day or time that does not exist.
 */
export function parseUpstreamTime(text: string): Instant | null {
  const parts = UPSTREAM.exec(text.trim());
  if (!parts) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = parts;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const ms = Date.parse(local);
  // Date.parse rolls 30 February over into March; what does not read back the same never existed
  if (Number.isNaN(ms) || new Date(ms).toISOString() !== local) return null;
  const shifted = ms - offsetMinutes(zone) * MINUTE;
  const iso = new Date(shifted).toISOString();
  return iso.length === 24 ? iso : null;
}

function offsetMinutes(zone: string): number {
  if (!/^[+-]/.test(zone)) return 0;
  const digits = zone.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return zone.startsWith('-') ? -minutes : minutes;
}
