import { type Instant, shift } from '../model/instant.js';
import type { Window } from '../model/ledger.js';
import { ceilToSecond, clip, mergedSpans, widthOf } from './spans.js';

export interface PlannerLimits {
  /** Rows that a window should bring. */
  readonly targetRows: number;
  readonly minWidthMs: number;
  readonly firstWidthMs: number;
  readonly maxWidthMs: number;
}

/** Rows per span of time, as read before. */
export interface Density {
  readonly rows: number;
  readonly ms: number;
}

/**
 * Cuts spans into windows, newest first, each about as wide as it takes to fill a page. Every window that
 * `next` gives is answered by `narrow` or `finish` before the next one is asked for.
 */
export interface WindowPlanner {
  /** The newest window not yet finished that begins at or after `notBefore`; `null` when there is none. */
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

const GROWTH = 4;
const SHRINK = 0.8;
/** How much one window's density counts against all those before it. */
const MEMORY = 0.5;

/** A planner over `spans`; `known` is the density of earlier readings, if there were any. */
export function createWindowPlanner(
  spans: readonly Window[],
  limits: PlannerLimits,
  known: Density | null,
): WindowPlanner {
  const left = mergedSpans(spans);
  let density: Density = known ?? { rows: 0, ms: 0 };
  let width = known ? idealWidth(known, limits) : limits.firstWidthMs;
  let current: Window | null = null;

  function narrow(total: number | null): boolean {
    if (!current || widthOf(current) <= limits.minWidthMs) return false;
    const ms = widthOf(current);
    density = { rows: Math.max(total ?? 0, 2 * limits.targetRows), ms };
    if (total !== null && total > limits.targetRows) density = { rows: total, ms };
    width = Math.max(limits.minWidthMs, Math.min(idealWidth(density, limits), ms * SHRINK));
    current = null;
    return true;
  }

  function finish(rows: number | null): void {
    const [span] = left;
    if (!current || !span) return;
    if (current.from <= span.from) left.shift();
    else left[0] = { ...span, to: current.from };
    if (rows !== null) adapt(rows, widthOf(current));
    current = null;
  }

  function adapt(rows: number, ms: number): void {
    density = { rows: density.rows * MEMORY + rows, ms: density.ms * MEMORY + ms };
    width = Math.min(idealWidth(density, limits), GROWTH * Math.max(width, ms));
  }

  return {
    next(notBefore) {
      const [span] = left;
      const reach = span ? clip(span, notBefore, span.to) : null;
      current = reach && newestPart(reach, width);
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

function idealWidth({ rows, ms }: Density, limits: PlannerLimits): number {
  // one row more than was seen: an empty span is thin, not without end
  const ideal = (limits.targetRows * ms) / (rows + 1);
  return Math.min(limits.maxWidthMs, Math.max(limits.minWidthMs, ideal));
}

/** The newest of the equal parts that `span` falls into when none may be wider than `width`. */
function newestPart(span: Window, width: number): Window {
  const parts = Math.ceil(widthOf(span) / width);
  const from = shift(span.to, -ceilToSecond(widthOf(span) / parts));
  return clip({ from, to: span.to }, span.from, span.to) ?? span;
}
