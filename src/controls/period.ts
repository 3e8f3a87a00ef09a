import {
  DAY,
  EARLIEST_ASKED,
  earliest,
  HOUR,
  type Instant,
  latest,
  nearestInstant,
  parseDuration,
  shift,
  toMillis,
} from '../values/instant.js';

/** How the period was given, which determines the period before it. */
type PeriodUnit = 'QUARTER' | 'MONTH' | 'WEEK' | 'DAY' | 'SPAN';

/** A half-open span in UTC, `[from, to)`. */
export interface Period {
  /** As given: `2026-Q3`, `2026-09`, `2026-W37`, `2026-09-14` or `FROM/TO`. */
  readonly text: string;
  readonly unit: PeriodUnit;
  readonly from: Instant;
  readonly to: Instant;
}

export const TRENDS = ['DAY', 'WEEK', 'MONTH'] as const;
export type TrendUnit = (typeof TRENDS)[number];

export const MOST_PARTS = 400;

export class PeriodError extends Error {
  override readonly name = 'PeriodError';
}

export const PERIOD_FORMS =
  'a quarter (2026-Q3), a month (2026-09), an ISO week (2026-W37), a day (2026-09-14) or FROM/TO, each a day or a time with a time zone (2026-09-01/2026-09-15; TO is exclusive), or one that ends where the collection is complete (last-30d, P90D, month-to-date)';

/** No calendar period that contains today ends later. */
const MOST_AHEAD = 366 * DAY;

/** Parses a period in UTC between the year 2000 and a year after `now`, if given; throws a `PeriodError`. */
export function parsePeriod(text: string, now?: Instant): Period {
  const given = text.trim();
  const period =
    parseQuarter(given) ?? parseMonth(given) ?? parseWeek(given) ?? parseDay(given) ?? parseSpan(given);
  if (period) return withinBounds(period, text, now);
  throw new PeriodError(`${JSON.stringify(text)} is not a period. Accepted: ${PERIOD_FORMS}.`);
}

function withinBounds(period: Period, text: string, now: Instant | undefined): Period {
  const end = now === undefined ? FARTHEST : dayAt(shift(now, MOST_AHEAD)).from;
  if (period.from >= EARLIEST_ASKED && period.to <= end) return period;
  const bounds = `between ${boundText(EARLIEST_ASKED)} and ${boundText(end)}`;
  const year = now === undefined ? '' : ', one year from now';
  throw new PeriodError(`${JSON.stringify(text)} is out of range. A period must be ${bounds}${year}.`);
}

/** A later end would leave no room for the next period. */
const FARTHEST: Instant = '9998-01-01T00:00:00.000Z';

/**
 * A period that ends where the collection is complete: `last-30d`, `P90D` or `month-to-date`. Gives the period for an
 * end, or `null` for other texts.
 */
export function relativePeriod(text: string): ((to: Instant) => Period) | null {
  const given = text.trim().toLowerCase();
  if (given === 'month-to-date') return (to) => endingAt(monthAt(shift(to, -1)).from, to, text);
  const [, last = ''] = /^last-(\d{1,3}d|\d{1,4}h)$/.exec(given) ?? [];
  const [, days, hours] = /^p(?:(\d{1,3})d|t(\d{1,4})h)$/.exec(given) ?? [];
  const ms = parseDuration(last) ?? Number(days ?? 0) * DAY + Number(hours ?? 0) * HOUR;
  return ms === 0 ? null : (to) => endingAt(shift(to, -ms), to, text);
}

function endingAt(from: Instant, to: Instant, text: string): Period {
  return withinBounds(spanOf(from, to), text, to);
}

/** The previous quarter, month, week or day, or the span of equal length before. */
export function periodBefore(period: Period): Period {
  const { unit, from, to } = period;
  if (unit === 'QUARTER') return quarterAt(addMonths(from, -3));
  if (unit === 'MONTH') return monthAt(addMonths(from, -1));
  const earlier = shift(from, toMillis(from) - toMillis(to));
  if (unit === 'WEEK') return weekAt(earlier);
  return unit === 'DAY' ? dayAt(earlier) : spanOf(earlier, from);
}

/** The UTC days, ISO weeks or calendar months of a period, oldest first, cut to it. */
export function partsOf(period: Period, trend: TrendUnit): Period[] {
  const startOf = { DAY: dayAt, WEEK: weekAt, MONTH: monthAt }[trend];
  const parts: Period[] = [];
  for (let at = period.from; at < period.to; ) {
    const whole = startOf(at);
    if (parts.length === MOST_PARTS) throw tooMany(period, trend);
    parts.push({ ...whole, from: latest(whole.from, period.from), to: earliest(whole.to, period.to) });
    at = whole.to;
  }
  return parts;
}

/** False for `null`. */
export function isInPeriod(period: Pick<Period, 'from' | 'to'>, at: Instant | null): boolean {
  return at !== null && at >= period.from && at < period.to;
}

function tooMany(period: Period, trend: TrendUnit): PeriodError {
  return new PeriodError(
    `${period.text} by ${trend} has more than ${MOST_PARTS} parts. Pass a shorter period or longer parts.`,
  );
}

function parseQuarter(text: string): Period | null {
  const [, year, quarter] = /^(\d{4})-Q([1-4])$/i.exec(text) ?? [];
  return year && quarter ? quarterAt(monthStart(Number(year), Number(quarter) * 3 - 2)) : null;
}

function parseMonth(text: string): Period | null {
  const [, year, month] = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(text) ?? [];
  return year && month ? monthAt(monthStart(Number(year), Number(month))) : null;
}

function parseWeek(text: string): Period | null {
  const [, year, week] = /^(\d{4})-W(0[1-9]|[1-4]\d|5[0-3])$/i.exec(text) ?? [];
  if (!year || !week) return null;
  // 4 January is always in week 1
  const first = toMillis(weekAt(`${year}-01-04T00:00:00.000Z`).from);
  const period = weekAt(nearestInstant(first + (Number(week) - 1) * 7 * DAY));
  return period.text === text.toUpperCase() ? period : null;
}

function parseDay(text: string): Period | null {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? parseBound(text) : null;
  return at === null ? null : dayAt(at);
}

function parseSpan(text: string): Period | null {
  const ends = text.split('/');
  if (ends.length !== 2) return null;
  const [from, to] = ends.map((end) => parseBound(end.trim()));
  if (!from || !to) return null;
  if (from < to) return spanOf(from, to);
  throw new PeriodError(`${JSON.stringify(text)} ends before it begins. Pass the earlier instant first.`);
}

function parseBound(text: string): Instant | null {
  const full = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
  if (!/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})$/.test(full)) return null;
  const [day, ms] = [full.slice(0, 10), Date.parse(full)];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Date.parse turns 30 February into March
  if (Number.isNaN(ms) || Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(day))
    return null;
  return nearestInstant(ms);
}

function quarterAt(at: Instant): Period {
  const quarter = Math.ceil(Number(at.slice(5, 7)) / 3);
  const from = monthStart(Number(at.slice(0, 4)), quarter * 3 - 2);
  return { text: `${at.slice(0, 4)}-Q${quarter}`, unit: 'QUARTER', from, to: addMonths(from, 3) };
}

function monthAt(at: Instant): Period {
  const from = `${at.slice(0, 7)}-01T00:00:00.000Z`;
  return { text: at.slice(0, 7), unit: 'MONTH', from, to: addMonths(from, 1) };
}

function weekAt(at: Instant): Period {
  const midnight = toMillis(dayAt(at).from);
  const sinceMonday = (new Date(midnight).getUTCDay() + 6) % 7;
  const from = nearestInstant(midnight - sinceMonday * DAY);
  // a week belongs to the year of its Thursday
  const year = shift(from, 3 * DAY).slice(0, 4);
  const number =
    Math.floor((toMillis(from) + 3 * DAY - Date.parse(`${year}-01-01T00:00:00Z`)) / (7 * DAY)) + 1;
  return {
    text: `${year}-W${String(number).padStart(2, '0')}`,
    unit: 'WEEK',
    from,
    to: shift(from, 7 * DAY),
  };
}

function dayAt(at: Instant): Period {
  const from = `${at.slice(0, 10)}T00:00:00.000Z`;
  return { text: at.slice(0, 10), unit: 'DAY', from, to: shift(from, DAY) };
}

export function spanOf(from: Instant, to: Instant): Period {
  return { text: `${boundText(from)}/${boundText(to)}`, unit: 'SPAN', from, to };
}

function boundText(at: Instant): string {
  if (at.endsWith('T00:00:00.000Z')) return at.slice(0, 10);
  return at.endsWith('.000Z') ? `${at.slice(0, 19)}Z` : at;
}

function monthStart(year: number, month: number): Instant {
  return nearestInstant(new Date(0).setUTCFullYear(year, month - 1, 1));
}

function addMonths(monthBegin: Instant, months: number): Instant {
  return monthStart(Number(monthBegin.slice(0, 4)), Number(monthBegin.slice(5, 7)) + months);
}
