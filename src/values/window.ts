import { earliest, type Instant, latest, nearestInstant, toInstant, toMillis } from './instant.js';

const SECOND = 1000;

/** The upstream's windows use full seconds. */
export function floorToSecond(instant: Instant): Instant {
  return toInstant(Math.floor(toMillis(instant) / SECOND) * SECOND);
}

export function ceilToSecond(ms: number): number {
  return Math.ceil(ms / SECOND) * SECOND;
}

export function widthOf(window: Window): number {
  return toMillis(window.to) - toMillis(window.from);
}

export function clip(window: Window, from: Instant, to: Instant): Window | null {
  const clipped = { from: latest(window.from, from), to: earliest(window.to, to) };
  return clipped.from < clipped.to ? clipped : null;
}

/** Merges the spans, newest first, widened to full seconds. */
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

export function cutSpans(spans: readonly Window[], cuts: readonly Instant[]): Window[] {
  const newestFirst = [...new Set(cuts)].sort().reverse();
  return spans.flatMap((span) => {
    const within = newestFirst.filter((cut) => span.from < cut && cut < span.to);
    const ends = [span.to, ...within];
    return ends.map((to, i) => ({ from: ends[i + 1] ?? span.from, to }));
  });
}

/** A half-open span of source time, `[from, to)`, in full seconds. */
export interface Window {
  readonly from: Instant;
  readonly to: Instant;
}
