import type { Window } from '../../model/ledger.js';
import { HOUR, toMillis } from '../../values/instant.js';
import { widthOf } from '../../values/window.js';

/** Rows per span of time, as read before. */
export interface Density {
  readonly rows: number;
  readonly ms: number;
}

/**
 * What is known of how rows lie in time: how many an hour of the day brings, and how the day in hand compares
 * with that. Windows are read backwards, so the same hour of the day after is the best guide to an hour.
 */
export interface DensityProfile {
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
export function createDensityProfile(known: Density | null): DensityProfile {
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
