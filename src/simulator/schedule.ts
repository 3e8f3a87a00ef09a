import { DAY, HOUR, MINUTE } from '../values/instant.js';
import { hash32, unit } from './random.js';

/** When the records of one kind arrive. Nothing is held: arrival is a function of the index, and invertible. */
export interface Schedule {
  readonly count: number;
  /** The arrival of record `index`, ms since the epoch, on a whole second; it grows with the index but for a small jitter. */
  arrival(index: number): number;
  /** The indexes, both ends included, outside which nothing arrives within `[from, to]`; empty when first > last. */
  range(from: number, to: number): { readonly first: number; readonly last: number };
  /** An index near `ms` that has arrived by then, with all before it; negative when there is none. */
  settledBy(ms: number): number;
}

const WEEK = 7 * DAY;
/** The hour of a UTC day to its share of the traffic: quiet nights, busy office hours. */
const HOURS = [4, 3, 3, 3, 4, 6, 9, 14, 20, 24, 25, 24, 22, 23, 24, 23, 21, 18, 14, 11, 9, 8, 6, 5];
/** From Thursday, the weekday of the epoch. */
const WEEKDAYS = [10, 9, 3, 2, 10, 11, 11];

const weights = WEEKDAYS.flatMap((day) => HOURS.map((hour) => day * hour));
const total = weights.reduce((sum, weight) => sum + weight, 0);
/** The share of a week's traffic before each of its hours. */
const before = [0];
for (const weight of weights) before.push((before.at(-1) ?? 0) + weight / total);

/** Traffic since the epoch at `ms`, in weeks' worth. */
function traffic(ms: number): number {
  const week = Math.floor(ms / WEEK);
  const hours = (ms - week * WEEK) / HOUR;
  const hour = Math.floor(hours);
  const start = before[hour] ?? 0;
  return week + start + ((before[hour + 1] ?? 1) - start) * (hours - hour);
}

/** The inverse of `traffic`. */
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

/** How far an arrival may lie from its place in line, in places. */
const JITTER = 2;
/** The share of arrivals that fall on a full minute: window ends fall there too. */
const ON_THE_MINUTE = 0.05;

/** Spreads `count` arrivals over `[from, to)`, thicker in office hours than at night or on a weekend. */
export function createSchedule(seed: number, from: number, to: number, count: number): Schedule {
  const start = Math.ceil(from / 1000) * 1000;
  const base = traffic(start);
  const span = traffic(to) - base;
  const arrival = (index: number) => {
    const place = index - JITTER + unit(seed, index) * (2 * JITTER + 1);
    const within = Math.min(Math.max(place, 0), count - 1e-6);
    // rounding must not carry the last ones over the end
    const exact = Math.min(timeOf(base + (within / count) * span), to - 1);
    const grain = unit(seed, index, 1) < ON_THE_MINUTE ? MINUTE : 1000;
    return Math.max(Math.floor(exact / grain) * grain, start);
  };
  const placeAt = (ms: number) => ((traffic(Math.min(Math.max(ms, start), to)) - base) / span) * count;
  const range = (earliest: number, latest: number) => ({
    first: Math.max(Math.floor(placeAt(earliest)) - JITTER - 1, 0),
    // an arrival is cut down to its second or minute, so its place may lie that much later
    last: latest < start ? -1 : Math.min(Math.ceil(placeAt(latest + MINUTE)) + JITTER + 1, count - 1),
  });
  const settledBy = (ms: number) => Math.floor(placeAt(ms)) - JITTER - 1;
  return { count, arrival, range, settledBy };
}

/** Records come in blocks of so many, and each block has one of every fate: so the slow ones are found directly. */
export const FATES = 16;

/** The fate of a record: which of the `FATES` courses it takes after its arrival. */
export function fateOf(seed: number, index: number): number {
  return (index + hash32(seed, 21, index >>> 4)) & 15;
}

/**
 * The indexes of all records that arrive in `[from - reach, to]`, where `reach[fate]` is how long after its
 * arrival a record of that fate can still change; a few more besides.
 */
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
