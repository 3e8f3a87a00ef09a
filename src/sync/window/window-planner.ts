import type { Window } from '../../model/ledger.js';
import { type Instant, shift, toMillis } from '../../values/instant.js';
import { ceilToSecond, clip, widthOf } from '../../values/window.js';
import { createDensityProfile, type Density } from './density-profile.js';

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
