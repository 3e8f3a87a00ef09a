import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSchedule } from '../../src/simulator/schedule.js';
import { DAY, HOUR, MINUTE } from '../../src/values/instant.js';

const START = Date.parse('2026-01-07T05:30:00Z');

describe('a schedule of arrivals', () => {
  it('finds everything that arrives in a span within its index range', () => {
    const seed = fc.integer();
    const count = fc.integer({ min: 1, max: 400 });
    const length = fc.integer({ min: 2_000, max: 40 * DAY });
    const ends = fc.tuple(
      fc.double({ min: -0.2, max: 1.2, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
    );
    fc.assert(
      fc.property(seed, count, length, ends, (s, n, span, [start, width]) => {
        const schedule = createSchedule(s, START, START + span, n);
        const from = Math.round(START + start * span);
        const to = Math.round(from + width * span);
        const { first, last } = schedule.range(from, to);
        const wrong = Array.from({ length: n }, (_, index) => index).filter((index) => {
          const at = schedule.arrival(index);
          const isMissed = at >= from && at <= to && (index < first || index > last);
          return isMissed || at < START || at >= START + span;
        });
        expect(wrong).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });

  it('examines only a few extra indexes', () => {
    const schedule = createSchedule(3, START, START + 90 * DAY, 1_000_000);
    const { first, last } = schedule.range(START + 40 * DAY, START + 40 * DAY + HOUR);
    const inside = (index: number) => {
      const at = schedule.arrival(index);
      return at >= START + 40 * DAY && at <= START + 40 * DAY + HOUR;
    };
    const found = Array.from({ length: last - first + 1 }, (_, place) => inside(first + place)).filter(
      Boolean,
    );
    expect(found.length).toBeGreaterThan(100);
    expect(last - first - found.length).toBeLessThan(found.length / 10);
  });

  it('is empty outside its span, and always if the span is empty', () => {
    const schedule = createSchedule(3, START, START + DAY, 50);
    const before = schedule.range(START - DAY, START - 1);
    expect(before.first).toBeGreaterThan(before.last);
    const none = createSchedule(3, START, START + DAY, 0).range(0, START + DAY);
    expect(none.first).toBeGreaterThan(none.last);
  });

  it('is denser in office hours and on workdays', () => {
    const schedule = createSchedule(5, START, START + 28 * DAY, 20_000);
    const [byHour, byDay] = [new Map<number, number>(), new Map<number, number>()];
    for (let index = 0; index < schedule.count; index++) {
      const date = new Date(schedule.arrival(index));
      byHour.set(date.getUTCHours(), (byHour.get(date.getUTCHours()) ?? 0) + 1);
      byDay.set(date.getUTCDay(), (byDay.get(date.getUTCDay()) ?? 0) + 1);
    }
    expect(byHour.get(10) ?? 0).toBeGreaterThan(4 * (byHour.get(2) ?? 0));
    expect(byDay.get(3) ?? 0).toBeGreaterThan(3 * (byDay.get(0) ?? 0));
  });

  it('includes arrivals on full minutes, where windows end', () => {
    const schedule = createSchedule(5, START, START + 28 * DAY, 10_000);
    const times = Array.from({ length: 10_000 }, (_, index) => schedule.arrival(index));
    const share = times.filter((time) => time % MINUTE === 0).length / times.length;
    expect(share).toBeGreaterThan(0.04);
    expect(share).toBeLessThan(0.1);
    expect(times.every((time) => time % 1000 === 0)).toBe(true);
  });
});
