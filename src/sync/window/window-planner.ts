import {
  ceilToSecond,
  clip,
  HOUR,
  type Instant,
  shift,
  toMillis,
  type Window,
  widthOf,
} from '../../values/instant.js';

export interface PlannerLimits {
  readonly targetRows: number;
  readonly minWidthMs: number;
  readonly firstWidthMs: number;
  readonly maxWidthMs: number;
}

/** Cuts spans into windows, newest first, each to fill about a page. Answer `next` by `narrow` or `finish`. */
export interface WindowPlanner {
  /** The newest unfinished window that extends beyond `notBefore`; `null` if there is none. */
  next(notBefore: Instant): Window | null;
  /** Narrower windows replace it; false if it has the minimum width. `total`: its rows, if known. */
  narrow(total: number | null): boolean;
  /** Ends the window, with its number of rows, or `null` if it could not be listed. */
  finish(rows: number | null): void;
  drop(): void;
  remainingMs(): number;
}

/** A window is at most so many times wider than the previous one. */
const GROWTH = 4;
const SHRINK = 0.8;

/** Plans spans of full seconds, disjoint and newest first; `known` is the density of earlier readings. */
export function createWindowPlanner(
  spans: readonly Window[],
  limits: PlannerLimits,
  known: Density | null,
): WindowPlanner {
  const left = [...spans];
  const profile = createDensityProfile(known);
  let widest = known ? limits.maxWidthMs : limits.firstWidthMs;
  let current: Window | null = null;

  function widthBefore(to: Instant): number {
    const reach = profile.reach(toMillis(to), limits.targetRows, limits.maxWidthMs);
    return Math.max(limits.minWidthMs, Math.min(reach ?? widest, widest));
  }

  function narrow(total: number | null): boolean {
    if (!current || widthOf(current) <= limits.minWidthMs) return false;
    profile.learn(current, Math.max(total ?? 0, 2 * limits.targetRows));
    widest = widthOf(current) * SHRINK;
    current = null;
    return true;
  }

  function finish(rows: number | null): void {
    const [span] = left;
    if (!current || !span) return;
    if (current.from <= span.from) left.shift();
    else left[0] = { ...span, to: current.from };
    if (rows !== null) profile.learn(current, rows);
    widest = Math.min(limits.maxWidthMs, GROWTH * Math.max(widest, widthOf(current)));
    current = null;
  }

  return {
    next(notBefore) {
      const [span] = left;
      current = span && span.to > notBefore ? newestPart(span, widthBefore(span.to)) : null;
      return current;
    },
    narrow,
    finish,
    drop: () => {
      left.length = 0;
    },
    remainingMs: () => left.reduce((sum, span) => sum + widthOf(span), 0),
  };
}

function newestPart(span: Window, width: number): Window {
  const parts = Math.ceil(widthOf(span) / width);
  const from = shift(span.to, -ceilToSecond(widthOf(span) / parts));
  return clip({ from, to: span.to }, span.from, span.to) ?? span;
}

export interface Density {
  readonly rows: number;
  readonly ms: number;
}

const HOURS = 24;
const FRESHNESS = 0.6;
/** The minimum rate: a few rows are chance, so no hour counts as emptier. */
const FLOOR = 0.05 / HOUR;
const MAX_LEVEL = 20;

/**
 * The rate of each hour of the day, and the current day compared with it. Windows are read backwards, so the
 * same hour of the following day is the best estimate.
 */
function createDensityProfile(known: Density | null) {
  const flat = known ? (known.rows + 1) / known.ms : null;
  const rates: (number | null)[] = new Array(HOURS).fill(flat);
  let mean = flat;
  let level = 1;

  const rateAt = (hour: number) => rates[hour] ?? mean ?? FLOOR;

  function learn(window: Window, rows: number): void {
    const seen = rows / widthOf(window);
    mean = mean === null ? seen : Math.sqrt(mean * Math.max(seen, FLOOR));
    const pieces = hoursOf(window);
    const expected = pieces.reduce((sum, { hour, ms }) => sum + rateAt(hour) * ms, 0);
    const ratio = (rows + 1) / (expected + 1);
    for (const { hour, ms } of pieces) {
      const weight = FRESHNESS * Math.min(1, ms / HOUR);
      const known = rates[hour] ?? null;
      rates[hour] = Math.max(FLOOR, known === null ? seen : known * ratio ** weight);
    }
    level = Math.min(MAX_LEVEL, Math.max(1 / MAX_LEVEL, Math.sqrt(level * ratio)));
  }

  /** How far before `to` (ms since the epoch) `rows` rows reach; `null` if nothing is known. */
  function reach(to: number, rows: number, maxMs: number): number | null {
    if (mean === null) return null;
    let left = rows;
    for (let at = to; at > to - maxMs; ) {
      const start = Math.max(to - maxMs, Math.floor((at - 1) / HOUR) * HOUR);
      const rate = rateAt(hourOf(start)) * level;
      if (rate * (at - start) >= left) return to - at + left / rate;
      left -= rate * (at - start);
      at = start;
    }
    return maxMs;
  }

  return { reach, learn };
}

interface Piece {
  readonly hour: number;
  readonly ms: number;
}

function hoursOf({ from, to }: Window): Piece[] {
  const pieces: Piece[] = [];
  const end = toMillis(to);
  for (let at = toMillis(from); at < end; ) {
    const next = Math.min(end, (Math.floor(at / HOUR) + 1) * HOUR);
    pieces.push({ hour: hourOf(at), ms: next - at });
    at = next;
  }
  return pieces;
}

function hourOf(ms: number): number {
  return Math.floor(ms / HOUR) % HOURS;
}
