import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { earliest, latest, parseUpstreamTime, shift, toInstant, toMillis } from '../../src/values/instant.js';

const YEAR_0 = Date.parse('0000-01-01T00:00:00.000Z');
const YEAR_9999 = Date.parse('9999-12-31T23:59:59.999Z');
const anyMillis = fc.integer({ min: YEAR_0, max: YEAR_9999 });

describe('an instant', () => {
  test('is text of fixed width whose order is the order of time', () => {
    fc.assert(
      fc.property(anyMillis, anyMillis, (a, b) => {
        expect(toInstant(a)).toHaveLength(24);
        expect(toMillis(toInstant(a))).toBe(a);
        expect(toInstant(a) < toInstant(b)).toBe(a < b);
        expect(latest(toInstant(a), toInstant(b))).toBe(toInstant(Math.max(a, b)));
        expect(earliest(toInstant(a), toInstant(b))).toBe(toInstant(Math.min(a, b)));
      }),
    );
  });

  test.each([YEAR_0 - 1, YEAR_9999 + 1, Number.NaN, Number.POSITIVE_INFINITY])(
    '%d ms is out of range',
    (ms) => {
      expect(() => toInstant(ms)).toThrow(RangeError);
    },
  );

  test('can be moved forward and back', () => {
    expect(shift('2024-02-28T23:59:59.999Z', 1)).toBe('2024-02-29T00:00:00.000Z');
    expect(shift('2026-01-01T00:00:00.000Z', -1)).toBe('2025-12-31T23:59:59.999Z');
    // no further than the calendar goes
    expect(shift('9999-12-30T00:00:00.000Z', 7 * 86_400_000)).toBe('9999-12-31T23:59:59.999Z');
    expect(shift('0000-01-02T00:00:00.000Z', -1e17)).toBe('0000-01-01T00:00:00.000Z');
  });
});

describe('a timestamp from upstream', () => {
  test.each([
    ['2024-01-25T22:21:11Z', '2024-01-25T22:21:11.000Z'],
    ['2024-01-25T22:21:11z', '2024-01-25T22:21:11.000Z'],
    ['2024-01-25T22:21:11.7Z', '2024-01-25T22:21:11.700Z'],
    ['2024-01-25T22:21:11.78900Z', '2024-01-25T22:21:11.789Z'],
    ['2024-01-25T22:21:11.7899999Z', '2024-01-25T22:21:11.789Z'],
    ['2024-01-25T22:21:11,789Z', '2024-01-25T22:21:11.789Z'],
    ['2024-01-25T22:21:11.789000+00:00', '2024-01-25T22:21:11.789Z'],
    ['2024-01-25T22:21:11-08:00', '2024-01-26T06:21:11.000Z'],
    ['2024-01-25T22:21:11+0530', '2024-01-25T16:51:11.000Z'],
    ['2024-07-17 15:39:32.141000+00:00', '2024-07-17T15:39:32.141Z'],
    ['2024-07-17 15:39:32', '2024-07-17T15:39:32.000Z'],
    ['2024-07-17T15:39:32.5', '2024-07-17T15:39:32.500Z'],
    ['2024-07-17 15:39:32 UTC', '2024-07-17T15:39:32.000Z'],
    [' 2024-07-17T15:39:32Z ', '2024-07-17T15:39:32.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ])('is read: %s', (text, instant) => {
    expect(parseUpstreamTime(text)).toBe(instant);
  });

  test.each([
    '',
    'null',
    'yesterday',
    '2024-01-25',
    '1706221271',
    '2024-01-25T22:21Z',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-01-25T24:00:00Z',
    '2024-01-25T23:60:00Z',
    '2024-01-25T23:59:60Z',
    '2024-01-25T22:21:11+24:00',
    '2024-01-25T22:21:11+08:60',
    '2024-01-25T22:21:11PST',
    '2024-01-25T22:21:11Z and more',
    '+012024-01-25T22:21:11Z',
    '9999-12-31T23:59:59-08:00',
    '0000-01-01T00:00:00+08:00',
  ])('is refused: %s', (text) => {
    expect(parseUpstreamTime(text)).toBeNull();
  });

  test('is read the same in every time zone', () => {
    const offset = fc.integer({ min: -23 * 60 - 59, max: 23 * 60 + 59 });
    const moment = fc.integer({ min: YEAR_0 + 86_400_000, max: YEAR_9999 - 86_400_000 });
    fc.assert(
      fc.property(moment, offset, (ms, minutes) => {
        const local = toInstant(ms + minutes * 60_000).slice(0, 23);
        const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60];
        const zone = `${minutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(rest).padStart(2, '0')}`;
        expect(parseUpstreamTime(local + zone)).toBe(toInstant(ms));
      }),
    );
  });

  test('never throws and returns an instant or null', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789-:T .Z+'), maxLength: 30 });
    fc.assert(
      fc.property(fc.oneof(digits, fc.string()), (text) => {
        const instant = parseUpstreamTime(text);
        if (instant !== null) expect(toInstant(toMillis(instant))).toBe(instant);
      }),
      { numRuns: 1000 },
    );
  });
});
