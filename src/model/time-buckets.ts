import { DAY, HOUR, MINUTE } from '../values/instant.js';

export type Interval = 'HOUR' | 'DAY' | 'WEEK' | 'MONTH';

/** From the finest to the coarsest. */
export const INTERVALS: readonly Interval[] = ['HOUR', 'DAY', 'WEEK', 'MONTH'];

/** The same instant as a local time, in ms as if it were UTC. */
export type LocalTime = (ms: number) => number;

/** The local time of an IANA time zone; `null` if there is none of that name. */
export function localTimeOf(timeZone: string): LocalTime | null {
  // offsets such as +02:00, which later versions of Node accept, say nothing about daylight saving time
  if (!/^[A-Za-z]/.test(timeZone)) return null;
  if (timeZone === 'UTC') return (ms) => ms;
  try {
    const format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23', era: 'short' },
      ...{
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      },
    });
    return (ms) => {
      const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]));
      const [month, day, hour, minute, second] = ['month', 'day', 'hour', 'minute', 'second'].map((type) =>
        Number(parts.get(type as 'month')),
      ) as [number, number, number, number, number];
      const year = parts.get('era') === 'BC' ? 1 - Number(parts.get('year')) : Number(parts.get('year'));
      const date = new Date(0);
      date.setUTCFullYear(year, month - 1, day);
      return date.getTime() + hour * HOUR + minute * MINUTE + second * 1000 + (((ms % 1000) + 1000) % 1000);
    };
  } catch {
    return null;
  }
}

/**
 * The limits of the buckets in `[from, to)`, in ms: both ends, and every start of an hour, day, week (Monday) or month
 * of the time zone between them. A day of 23 or 25 hours is one bucket; an hour that the clock repeats is two. `null`
 * if there are more than `most` buckets.
 */
export function bucketEdges(
  from: number,
  to: number,
  interval: Interval | null,
  local: LocalTime,
  most: number,
): number[] | null {
  const edges = [from];
  if (interval === null) return [from, to];
  for (let next = nextStart(from, interval, local); next < to; next = nextStart(next, interval, local)) {
    if (edges.length === most) return null;
    edges.push(next);
  }
  return [...edges, to];
}

export function isStart(ms: number, interval: Interval, local: LocalTime): boolean {
  return nextStart(ms - 1, interval, local) === ms;
}

function nextStart(ms: number, interval: Interval, local: LocalTime): number {
  if (interval === 'HOUR') {
    const next = ms + HOUR - modulo(local(ms), HOUR);
    // where the clock changes by half an hour, the next hour begins half an hour earlier or later
    const late = modulo(local(next), HOUR);
    const starts = [next - late, next, next + HOUR - late];
    return starts.find((start) => start > ms && modulo(local(start), HOUR) === 0) ?? next;
  }
  const date = new Date(local(ms));
  date.setUTCHours(0, 0, 0, 0);
  if (interval === 'MONTH') date.setUTCMonth(date.getUTCMonth() + 1, 1);
  else date.setUTCDate(date.getUTCDate() + (interval === 'DAY' ? 1 : 7 - ((date.getUTCDay() + 6) % 7)));
  return firstAt(date.getTime(), local);
}

/** The first instant whose local time is `wanted` or later: midnight does not exist everywhere on every day. */
function firstAt(wanted: number, local: LocalTime): number {
  for (const around of [wanted - DAY, wanted + DAY]) {
    const ms = wanted - (local(around) - around);
    if (local(ms) === wanted && local(ms - 1) < wanted) return ms;
  }
  let [before, after] = [wanted - 2 * DAY, wanted + 2 * DAY];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (local(middle) >= wanted) after = middle;
    else before = middle;
  }
  return after;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}
