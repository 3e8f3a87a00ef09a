/** UTC, `2026-03-01T08:15:00.000Z`: the fixed width makes text order time order in all stores. */
export type Instant = string;

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** `ms` since the epoch; throws a RangeError outside the years 0000–9999. */
export function toInstant(ms: number): Instant {
  const text = new Date(ms).toISOString();
  if (text.length !== 24) throw new RangeError(`instant out of range: ${ms}`);
  return text;
}

export function toMillis(instant: Instant): number {
  return Date.parse(instant);
}

/** A limit for input, years before Abnormal existed. */
export const EARLIEST_ASKED: Instant = '2000-01-01T00:00:00.000Z';

export const FIRST_INSTANT: Instant = '0000-01-01T00:00:00.000Z';
export const LAST_INSTANT: Instant = '9999-12-31T23:59:59.999Z';

/** Moves by `ms` (negative: back), limited to the first and the last instant. */
export function shift(instant: Instant, ms: number): Instant {
  return nearestInstant(toMillis(instant) + ms);
}

export function nearestInstant(ms: number): Instant {
  return toInstant(Math.min(Math.max(ms, toMillis(FIRST_INSTANT)), toMillis(LAST_INSTANT)));
}

export function latest(a: Instant, b: Instant): Instant {
  return a > b ? a : b;
}

export function earliest(a: Instant, b: Instant): Instant {
  return a < b ? a : b;
}

const UPSTREAM =
  /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2}):(\d{2})(?:[.,](\d+))?\s*(Z|z|[+-](?:[01]\d|2[0-3]):?[0-5]\d|UTC)?$/;

/**
 * All forms of Abnormal's API: `Z`, a numeric offset or no zone (UTC), `T` or a space, fractions of any
 * length (cut to milliseconds). `null` if invalid.
 */
export function parseUpstreamTime(text: string): Instant | null {
  const parts = UPSTREAM.exec(text.trim());
  if (!parts) return null;
  const [, year, month, day, hour, minute, second, fraction = '', zone = 'Z'] = parts;
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`;
  const ms = Date.parse(local);
  // Date.parse turns 30 February into March, and 24:00 into the next day
  if (Number.isNaN(ms) || new Date(ms).getUTCDate() !== Number(day)) return null;
  const offset = offsetMinutes(zone);
  if (offset === 0) return local;
  const iso = new Date(ms - offset * MINUTE).toISOString();
  return iso.length === 24 ? iso : null;
}

function offsetMinutes(zone: string): number {
  if (!/^[+-]/.test(zone)) return 0;
  const digits = zone.slice(1).replace(':', '');
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return zone.startsWith('-') ? -minutes : minutes;
}

const SECOND = 1000;

/** The upstream's windows use full seconds. */
export function floorToSecond(instant: Instant): Instant {
  return toInstant(Math.floor(toMillis(instant) / SECOND) * SECOND);
}

export function ceilToSecond(ms: number): number {
  return Math.ceil(ms / SECOND) * SECOND;
}

export function widthOf(window: Window): number {
  return toMillis(window.to) - toMillis(window.from);
}

export function clip(window: Window, from: Instant, to: Instant): Window | null {
  const clipped = { from: latest(window.from, from), to: earliest(window.to, to) };
  return clipped.from < clipped.to ? clipped : null;
}

/** Merges the spans, newest first, widened to full seconds. */
export function mergedSpans(spans: readonly Window[]): Window[] {
  const widened = spans.map(({ from, to }) => ({
    from: floorToSecond(from),
    to: nearestInstant(ceilToSecond(toMillis(to))),
  }));
  const merged: Window[] = [];
  for (const span of widened.sort((a, b) => (a.to < b.to ? 1 : -1))) {
    const last = merged.at(-1);
    if (last && last.from <= span.to)
      merged[merged.length - 1] = { ...last, from: earliest(last.from, span.from) };
    else merged.push(span);
  }
  return merged;
}

export function cutSpans(spans: readonly Window[], cuts: readonly Instant[]): Window[] {
  const newestFirst = [...new Set(cuts)].sort().reverse();
  return spans.flatMap((span) => {
    const within = newestFirst.filter((cut) => span.from < cut && cut < span.to);
    const ends = [span.to, ...within];
    return ends.map((to, i) => ({ from: ends[i + 1] ?? span.from, to }));
  });
}

/** A half-open span of source time, `[from, to)`, in full seconds. */
export interface Window {
  readonly from: Instant;
  readonly to: Instant;
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE, h: HOUR, d: DAY };

/** In milliseconds; `null` if it is no duration such as `30s`, `15m`, `4h` or `30d`. */
export function parseDuration(text: string): number | null {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim());
  if (!parts) return null;
  const [, count = '', unit = ''] = parts;
  return Number(count) * (UNITS[unit] ?? 0);
}

/** In the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS).reverse();
  const [unit, size] = units.find(([, candidate]) => ms >= candidate && ms % candidate === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}

/** A day (midnight UTC) or a date and time with a zone, in ISO 8601; `null` if it is neither. */
export function parseInstant(text: string): Instant | null {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(day)) return null;
  const ms = Date.parse(day);
  // Date.parse turns 30 February into March
  if (Number.isNaN(ms) || !isRealDay(day.slice(0, 10))) return null;
  // a zone can move the first and the last day out of the calendar
  const instant = nearestInstant(ms);
  return toMillis(instant) === ms ? instant : null;
}

function isRealDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
