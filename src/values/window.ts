import { earliest, type Instant, latest, nearestInstant, toInstant, toMillis } from './instant.js';

const SECOND = 1000;

/** `instant` cut to its whole second, as the upstream's windows want it. */
export function floorToSecond(instant: Instant): Instant {
  return toInstant(Math.floor(toMillis(instant) / SECOND) * SECOND);
}

/** `ms` raised to whole seconds. */
export function ceilToSecond(ms: number): number {
  return Math.ceil(ms / SECOND) * SECOND;
}

export function widthOf(window: Window): number {
  return toMillis(window.to) - toMillis(window.from);
}

/** The part of `window` in `[from, to)`, or `null` when there is none. */
export function clip(window: Window, from: Instant, to: Instant): Window | null {
  const clipped = { from: latest(window.from, from), to: earliest(window.to, to) };
  return clipped.from < clipped.to ? clipped : null;
}

/** The same instants in as few spans as can be, newest first, widened to whole seconds. */
export function mergedSpans(spans: readonly Window[]): Window[] {
  const widened = spans.map(({ from, to }) => ({
    from: floorToSecond(from),
    to: nearestInstant(ceilToSecond(toMillis(to))),
  }));
  const merged: Window[] = [];
  for (const span of widened.sort((a, b) => (a.to < b.to ? 1 : -1))) {
    const last = merged.at(-1);
    if (last && last.from <= span.to)
      merged[merged.length - 1] = { ...last, from: earliest(last.from, span.from) };
    else merged.push(span);
  }
  return merged;
}

/** The same spans, divided where a cut lies within one. */
export function cutSpans(spans: readonly Window[], cuts: readonly Instant[]): Window[] {
  const newestFirst = [...new Set(cuts)].sort().reverse();
  return spans.flatMap((span) => {
    const within = newestFirst.filter((cut) => span.from < cut && cut < span.to);
    const ends = [span.to, ...within];
    return ends.map((to, i) => ({ from: ends[i + 1] ?? span.from, to }));
  });
}

/** A half-open span of source time, `[from, to)`, both on whole seconds. */
export interface Window {
  readonly from: Instant;
  readonly to: Instant;
}
