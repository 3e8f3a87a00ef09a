import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Density } from '../../../src/sync/window/window-planner.js';
import { createWindowPlanner, type PlannerLimits } from '../../../src/sync/window/window-planner.js';
import {
  DAY,
  HOUR,
  type Instant,
  MINUTE,
  mergedSpans,
  toInstant,
  toMillis,
  type Window,
} from '../../../src/values/instant.js';

const START = Date.parse('2026-03-01T00:00:00Z');
const EPOCH = toInstant(0);
const PAGE = 100;
const LIMITS: PlannerLimits = {
  targetRows: 75,
  minWidthMs: MINUTE,
  firstWidthMs: DAY,
  maxWidthMs: 7 * DAY,
};

const at = (second: number): Instant => toInstant(START + second * 1000);

interface Plan {
  readonly windows: Window[];
  readonly calls: number;
}

/** Walks the planner as the sync does, over rows at the given seconds. */
function walk(
  spans: readonly Window[],
  rows: readonly number[],
  {
    known = null,
    total = true,
    floors = [EPOCH],
  }: { known?: Density | null; total?: boolean; floors?: Instant[] } = {},
): Plan {
  const sorted = [...rows].sort((a, b) => a - b);
  const countIn = (w: Window) => lowerBound(sorted, second(w.to)) - lowerBound(sorted, second(w.from));
  const planner = createWindowPlanner(mergedSpans(spans), LIMITS, known);
  const windows: Window[] = [];
  let calls = 0;
  for (const floor of floors) {
    for (let window = planner.next(floor); window; window = planner.next(floor)) {
      calls += 1;
      if (calls > 20_000) throw new Error('does not end');
      const count = countIn(window);
      if (count > PAGE && planner.narrow(total ? count : null)) continue;
      calls += Math.max(0, Math.ceil(count / PAGE) - 1);
      windows.push(window);
      planner.finish(count);
    }
  }
  expect(planner.remainingMs()).toBe(0);
  return { windows, calls };
}

const second = (instant: Instant) => (toMillis(instant) - START) / 1000;

function lowerBound(sorted: readonly number[], value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

const arbitrarySpan = fc
  .tuple(fc.integer({ min: 0, max: 20 * 86_400 }), fc.integer({ min: 1, max: 10 * 86_400 }))
  .map(([from, width]): Window => ({ from: at(from), to: at(from + width) }));

/** Rows in clumps of any size and tightness, up to thousands within one second. */
const arbitraryRows = fc
  .array(
    fc.record({
      centre: fc.integer({ min: 0, max: 30 * 86_400 }),
      spread: fc.integer({ min: 0, max: 2 * 86_400 }),
      count: fc.integer({ min: 1, max: 1500 }),
    }),
    { maxLength: 6 },
  )
  .map((clumps) =>
    clumps.flatMap(({ centre, spread, count }) =>
      Array.from({ length: count }, (_, i) => centre + Math.floor((spread * ((i * 7919) % count)) / count)),
    ),
  );

describe('the window planner', () => {
  test('tiles the spans exactly, newest first, whatever they contain', () => {
    fc.assert(
      fc.property(
        fc.array(arbitrarySpan, { minLength: 1, maxLength: 5 }),
        arbitraryRows,
        fc.boolean(),
        fc.array(fc.integer({ min: 0, max: 30 * 86_400 }), { maxLength: 4 }),
        (spans, rows, total, cuts) => {
          const floors = [...cuts.sort((a, b) => b - a).map(at), EPOCH];
          const { windows } = walk(spans, rows, { total, floors });
          for (const [i, window] of windows.entries()) {
            expect(window.from < window.to).toBe(true);
            expect(second(window.from) % 1).toBe(0);
            const previous = windows[i - 1];
            if (previous) expect(window.to <= previous.from).toBe(true);
          }
          expect(mergedSpans(windows)).toEqual(mergedSpans(spans));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('plans no window wider than the minimum that holds more than a page', () => {
    fc.assert(
      fc.property(arbitraryRows, fc.boolean(), (rows, total) => {
        const { windows } = walk([{ from: at(0), to: at(32 * 86_400) }], rows, { total });
        const sorted = [...rows].sort((a, b) => a - b);
        for (const { from, to } of windows) {
          const count = lowerBound(sorted, second(to)) - lowerBound(sorted, second(from));
          expect(count <= PAGE || toMillis(to) - toMillis(from) <= LIMITS.minWidthMs).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('begins with the latest day if nothing is known', () => {
    const { windows } = walk([{ from: at(0), to: at(30 * 86_400) }], []);
    expect(windows[0]).toEqual({ from: at(29 * 86_400), to: at(30 * 86_400) });
  });

  test('reads an empty month with a handful of calls', () => {
    expect(walk([{ from: at(0), to: at(30 * 86_400) }], []).calls).toBeLessThanOrEqual(8);
  });

  test.each([
    ['with totals', true, 1.4],
    ['without totals', false, 1.45],
  ])('reads an even stream with about one call per 75 rows, %s', (_, total, most) => {
    // 100 rows an hour with a little unevenness, over 30 days
    const rows = Array.from({ length: 72_000 }, (__, i) => Math.floor(i * 36 + ((i * 7919) % 600)));
    const { calls } = walk([{ from: at(0), to: at(72_000 * 36) }], rows, { total });
    expect(calls).toBeLessThanOrEqual((72_000 / PAGE) * most);
  });

  test('follows a stream that is ten times denser by day than by night', () => {
    const rows: number[] = [];
    for (let t = 0; t < 10 * 86_400; t += 1) {
      const hour = (t / 3600) % 24;
      if (t % (hour >= 8 && hour < 18 ? 15 : 150) === 0) rows.push(t);
    }
    const { calls } = walk([{ from: at(0), to: at(10 * 86_400) }], rows);
    expect(calls).toBeLessThanOrEqual((rows.length / PAGE) * 1.5);
  });

  test('reads a quiet span in one call after sparse readings', () => {
    const known = { rows: 12, ms: DAY };
    const span = { from: at(0), to: at(24 * 3600 + 900) };
    expect(walk([span], [100, 200], { known }).calls).toBe(1);
  });

  test('does not begin a dense span with an overfull page if the density is known', () => {
    const rows = Array.from({ length: 2400 }, (_, i) => i * 6);
    const known = { rows: 600, ms: HOUR };
    const { calls } = walk([{ from: at(0), to: at(4 * 3600) }], rows, { known });
    expect(calls).toBeLessThanOrEqual(34);
  });
});

describe('merged spans', () => {
  test('touch or overlap no other span, and have whole seconds', () => {
    const spans = [
      { from: at(0), to: at(5) },
      { from: at(5), to: toInstant(START + 7500) },
      { from: at(6), to: at(7) },
      { from: at(20), to: at(30) },
    ];
    expect(mergedSpans(spans)).toEqual([
      { from: at(20), to: at(30) },
      { from: at(0), to: at(8) },
    ]);
  });
});
