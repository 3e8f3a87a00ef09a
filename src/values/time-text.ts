import { DAY, HOUR, type Instant, MINUTE, nearestInstant, toMillis } from './instant.js';

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
