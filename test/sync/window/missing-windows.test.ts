import { describe, expect, test } from 'vitest';
import type { CoverageGap, GapReason } from '../../../src/model/ledger.js';
import { newestPart, sliceFloors, workOf } from '../../../src/sync/window/missing-windows.js';
import { DAY, HOUR, shift } from '../../../src/values/instant.js';

const NOW = '2026-03-31T00:00:00.000Z';
const ago = (ms: number) => shift(NOW, -ms);
const gap = (from: number, to: number, reason: GapReason): CoverageGap => ({
  from: ago(from),
  to: ago(to),
  reason,
  detail: null,
});
const work = (...gaps: CoverageGap[]) => ({ ...workOf(gaps), density: null });

describe('the missing windows', () => {
  test('join adjacent gaps of any reason, newest first', () => {
    const { spans } = work(
      gap(9 * DAY, 8 * DAY, 'FAILED'),
      gap(5 * HOUR, 4 * HOUR, 'PROVISIONAL'),
      gap(4 * HOUR, 0, 'NOT_COLLECTED'),
    );
    expect(spans).toEqual([
      { from: ago(5 * HOUR), to: NOW },
      { from: ago(9 * DAY), to: ago(8 * DAY) },
    ]);
  });

  test('are divided at the cuts between adjacent gaps', () => {
    const gaps = [gap(5 * HOUR, 4 * HOUR, 'PARTIAL'), gap(4 * HOUR, 0, 'NOT_COLLECTED')];
    const cuts = [ago(4.5 * HOUR), ago(9 * HOUR), ago(4.5 * HOUR), ago(5 * HOUR), ago(HOUR)];
    expect(workOf(gaps, cuts).spans).toEqual([
      { from: ago(HOUR), to: NOW },
      { from: ago(4.5 * HOUR), to: ago(HOUR) },
      { from: ago(5 * HOUR), to: ago(4.5 * HOUR) },
    ]);
  });

  test('exclude everything before Abnormal’s retention, whatever else is missing there', () => {
    const { spans, retainedFrom } = work(
      gap(400 * DAY, 390 * DAY, 'NOT_COLLECTED'),
      gap(380 * DAY, 360 * DAY, 'OUT_OF_RETENTION'),
      gap(2 * DAY, DAY, 'PARTIAL'),
    );
    expect(retainedFrom).toBe(ago(360 * DAY));
    expect(spans).toEqual([{ from: ago(2 * DAY), to: ago(DAY) }]);
  });
});

describe('the newest part of the missing windows', () => {
  test('is everything since the stream was last read to its end', () => {
    const list = work(gap(3 * DAY, 2 * DAY, 'PARTIAL'), gap(4 * HOUR, 0, 'NOT_COLLECTED'));
    expect(newestPart(list, NOW, DAY)).toEqual([{ from: ago(4 * HOUR), to: NOW }]);
  });

  test('goes back no further than allowed', () => {
    expect(newestPart(work(gap(9 * DAY, 0, 'NOT_COLLECTED')), NOW, DAY)).toEqual([
      { from: ago(DAY), to: NOW },
    ]);
  });

  test('continues through windows that were divided', () => {
    const gaps = [gap(9 * HOUR, 5 * HOUR, 'FAILED'), gap(4 * HOUR, 0, 'NOT_COLLECTED')];
    const list = { ...workOf(gaps, [ago(HOUR), ago(3 * HOUR)]), density: null };
    expect(newestPart(list, NOW, 2 * HOUR)).toEqual([
      { from: ago(HOUR), to: NOW },
      { from: ago(2 * HOUR), to: ago(HOUR) },
    ]);
    expect(newestPart(list, NOW, DAY)).toHaveLength(3);
  });

  test('is empty when the end has been read', () => {
    expect(newestPart(work(gap(9 * DAY, DAY, 'FAILED')), NOW, DAY)).toEqual([]);
    expect(newestPart(work(), NOW, DAY)).toEqual([]);
  });
});

describe('the slices of a span', () => {
  test('begin with one day and grow to a week', () => {
    const floors = sliceFloors(ago(30 * DAY), NOW, DAY);
    expect(floors).toEqual([1, 3, 7, 14, 21, 28, 30].map((days) => ago(days * DAY)));
  });

  test('are one if the first reaches far enough', () => {
    expect(sliceFloors(ago(HOUR), NOW, DAY)).toEqual([ago(HOUR)]);
    expect(sliceFloors(NOW, ago(HOUR), DAY)).toEqual([NOW]);
  });
});
