import { DAY, HOUR, MINUTE } from '../values/instant.js';
import { hash32, unit } from './random.js';

/** The arrivals of one kind: an invertible function of the index, without a table. */
export interface Schedule {
  readonly count: number;
  /** In ms since the epoch, a full second; increases with the index except for a small jitter. */
  arrival(index: number): number;
  /** The inclusive index range outside of which nothing arrives in `[from, to]`; empty if first > last. */
  range(from: number, to: number): { readonly first: number; readonly last: number };
  /** An index near `ms` that, with all before it, has arrived by then; negative if there is none. */
  settledBy(ms: number): number;
}

const WEEK = 7 * DAY;
/** The share of traffic per hour of a UTC day. */
const HOURS = [4, 3, 3, 3, 4, 6, 9, 14, 20, 24, 25, 24, 22, 23, 24, 23, 21, 18, 14, 11, 9, 8, 6, 5];
const WEEKDAYS = [10, 9, 3, 2, 10, 11, 11];

const weights = WEEKDAYS.flatMap((day) => HOURS.map((hour) => day * hour));
const total = weights.reduce((sum, weight) => sum + weight, 0);
/** The share of a week's traffic before each hour. */
const before = [0];
for (const weight of weights) before.push((before.at(-1) ?? 0) + weight / total);

function traffic(ms: number): number {
  const week = Math.floor(ms / WEEK);
  const hours = (ms - week * WEEK) / HOUR;
  const hour = Math.floor(hours);
  const start = before[hour] ?? 0;
  return week + start + ((before[hour + 1] ?? 1) - start) * (hours - hour);
}

function timeOf(amount: number): number {
  const week = Math.floor(amount);
  const share = amount - week;
  let low = 0;
  let high = weights.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((before[middle] ?? 0) <= share) low = middle;
    else high = middle - 1;
  }
  const start = before[low] ?? 0;
  const width = (before[low + 1] ?? 1) - start;
  return week * WEEK + (low + (share - start) / width) * HOUR;
}

/** The largest displacement of an arrival, in places. */
const JITTER = 2;
/** The share of arrivals on a full minute, where windows end too. */
const ON_THE_MINUTE = 0.05;

/** Distributes `count` arrivals over `[from, to)`, more in office hours than at night or on weekends. */
export function createSchedule(seed: number, from: number, to: number, count: number): Schedule {
  const start = Math.ceil(from / 1000) * 1000;
  const base = traffic(start);
  const span = traffic(to) - base;
  const arrival = (index: number) => {
    const place = index - JITTER + unit(seed, index) * (2 * JITTER + 1);
    const within = Math.min(Math.max(place, 0), count - 1e-6);
    // rounding must not move the last ones beyond the end
    const exact = Math.min(timeOf(base + (within / count) * span), to - 1);
    const grain = unit(seed, index, 1) < ON_THE_MINUTE ? MINUTE : 1000;
    return Math.max(Math.floor(exact / grain) * grain, start);
  };
  const placeAt = (ms: number) => ((traffic(Math.min(Math.max(ms, start), to)) - base) / span) * count;
  const range = (earliest: number, latest: number) => ({
    first: Math.max(Math.floor(placeAt(earliest)) - JITTER - 1, 0),
    // an arrival is cut to its second or minute, so its place may be that much later
    last: latest < start ? -1 : Math.min(Math.ceil(placeAt(latest + MINUTE)) + JITTER + 1, count - 1),
  });
  const settledBy = (ms: number) => Math.floor(placeAt(ms)) - JITTER - 1;
  return { count, arrival, range, settledBy };
}

/** Each block of so many records has one of every fate, so the slow ones are found directly. */
export const FATES = 16;

/** The course that a record takes after its arrival, one of `FATES`. */
export function fateOf(seed: number, index: number): number {
  return (index + hash32(seed, 21, index >>> 4)) & 15;
}

/** A small superset of the records in `[from - reach, to]`, where `reach[fate]` is how long it can change. */
export function candidates(
  schedule: Schedule,
  seed: number,
  from: number,
  to: number,
  reach: readonly number[],
): number[] {
  const least = Math.min(...reach);
  const { first, last } = schedule.range(from - least, to);
  const found: number[] = [];
  reach.forEach((longer, fate) => {
    if (longer > least) older(schedule.range(from - longer, from).first, first - 1, fate);
  });
  for (let index = first; index <= last; index++) found.push(index);
  return found;

  function older(start: number, end: number, fate: number): void {
    for (let block = start >> 4; block <= end >> 4; block++) {
      const index = block * FATES + ((fate - hash32(seed, 21, block)) & 15);
      if (index >= start && index <= end) found.push(index);
    }
  }
}
