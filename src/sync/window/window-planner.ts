import { HOUR, type Instant, shift, toMillis } from '../../values/instant.js';
import { ceilToSecond, clip, type Window, widthOf } from '../../values/window.js';

export interface PlannerLimits {
  /** Rows that a window should bring. */
  readonly targetRows: number;
  readonly minWidthMs: number;
  readonly firstWidthMs: number;
  readonly maxWidthMs: number;
}

/**
 * Cuts spans into windows, newest first, each about as wide as it takes to fill a page. Every window that
 * `next` gives is answered by `narrow` or `finish` before the next one is asked for.
 */
export interface WindowPlanner {
  /** The newest window not yet finished that reaches beyond `notBefore`; `null` when there is none. */
  next(notBefore: Instant): Window | null;
  /**
   * Says that the window holds more than a page, `total` rows where that is known: narrower windows come in
   * its place. False when it is as narrow as windows get and has to be paged through.
   */
  narrow(total: number | null): boolean;
  /** Ends the window: with the rows it listed, or `null` when they could not be listed. */
  finish(rows: number | null): void;
  /** Gives up everything not yet finished. */
  drop(): void;
  /** Source time not yet read. */
  remainingMs(): number;
}

/** No window is so much wider than the one before, whatever is expected of it. */
const GROWTH = 4;
const SHRINK = 0.8;

/**
 * A planner over spans of whole seconds, disjoint and newest first; `known` is the density of earlier readings,
 * if there were any.
 */
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

/** The newest of the equal parts that `span` falls into when none may be wider than `width`. */
function newestPart(span: Window, width: number): Window {
  const parts = Math.ceil(widthOf(span) / width);
  const from = shift(span.to, -ceilToSecond(widthOf(span) / parts));
  return clip({ from, to: span.to }, span.from, span.to) ?? span;
}

/** Rows per span of time, as read before. */
export interface Density {
  readonly rows: number;
  readonly ms: number;
}

/**
 * What is known of how rows lie in time: how many an hour of the day brings, and how the day in hand compares
 * with that. Windows are read backwards, so the same hour of the day after is the best guide to an hour.
 */
interface DensityProfile {
  /** How far before `to`, in ms since the epoch, `rows` rows reach; at most `maxMs`. `null` before anything is known. */
  reach(to: number, rows: number, maxMs: number): number | null;
  learn(window: Window, rows: number): void;
}

const HOURS = 24;
/** How much the last reading of an hour counts against those before it. */
const FRESHNESS = 0.6;
/** A reading of a few rows is chance; no hour and no day is taken for emptier than this, in rows an hour. */
const FLOOR = 0.05 / HOUR;
const MAX_LEVEL = 20;

/** A profile that begins with the same density at every hour, or with none. */
function createDensityProfile(known: Density | null): DensityProfile {
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
