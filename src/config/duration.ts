import { DAY, HOUR, type Instant, MINUTE, nearestInstant, toMillis } from '../values/instant.js';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: MINUTE, h: HOUR, d: DAY };

/** Milliseconds of a duration such as `30s`, `15m`, `4h` or `30d`; `null` when it is none. */
export function parseDuration(text: string): number | null {
  const parts = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text.trim());
  if (!parts) return null;
  const [, count = '', unit = ''] = parts;
  return Number(count) * (UNITS[unit] ?? 0);
}

/** A duration as `parseDuration` reads it, in the largest unit that divides it. */
export function formatDuration(ms: number): string {
  const units = Object.entries(UNITS).reverse();
  const [unit, size] = units.find(([, candidate]) => ms >= candidate && ms % candidate === 0) ?? ['s', 1000];
  return `${ms / size}${unit}`;
}

/** The instant that an ISO 8601 day (midnight UTC) or date-time with a zone names; `null` when it is neither. */
export function parseInstant(text: string): Instant | null {
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(day)) return null;
  const ms = Date.parse(day);
  // Date.parse rolls 30 February over into March
  if (Number.isNaN(ms) || !isRealDay(day.slice(0, 10))) return null;
  // a zone can shift the first and the last day of the calendar out of it
  const instant = nearestInstant(ms);
  return toMillis(instant) === ms ? instant : null;
}

function isRealDay(day: string): boolean {
  const ms = Date.parse(`${day}T00:00:00Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
