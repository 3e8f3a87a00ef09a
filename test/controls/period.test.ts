import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  isInPeriod,
  MOST_PARTS,
  PeriodError,
  parsePeriod,
  partsOf,
  periodBefore,
  relativePeriod,
  TRENDS,
} from '../../src/controls/period.js';
import { DAY, shift, toInstant, toMillis } from '../../src/values/instant.js';

describe('parsePeriod', () => {
  test.each([
    ['2026-Q3', '2026-07-01T00:00:00.000Z', '2026-10-01T00:00:00.000Z'],
    ['2026-Q4', '2026-10-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['2024-02', '2024-02-01T00:00:00.000Z', '2024-03-01T00:00:00.000Z'],
    ['2026-12', '2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['2026-W37', '2026-09-07T00:00:00.000Z', '2026-09-14T00:00:00.000Z'],
    ['2026-W01', '2025-12-29T00:00:00.000Z', '2026-01-05T00:00:00.000Z'],
    ['2026-W53', '2026-12-28T00:00:00.000Z', '2027-01-04T00:00:00.000Z'],
    ['2026-09-14', '2026-09-14T00:00:00.000Z', '2026-09-15T00:00:00.000Z'],
    ['2026-09-01/2026-09-15', '2026-09-01T00:00:00.000Z', '2026-09-15T00:00:00.000Z'],
    ['2026-09-01T10:30:00+02:00/2026-09-02T00:00Z', '2026-09-01T08:30:00.000Z', '2026-09-02T00:00:00.000Z'],
  ])('reads %s as [%s, %s)', (text, from, to) => {
    expect(parsePeriod(text)).toMatchObject({ from, to });
  });

  test.each([
    '2026-Q5',
    '2026-13',
    '2026-W54',
    '2025-W53',
    '2026-W00',
    '2026-02-30',
    '2026',
    'Q3',
    '',
    '2026-09-15/',
    '2026-09-01/2026-02-30',
    '2026-09-01/2026-09-02/2026-09-03',
    '2026-09-01T10:00:00/2026-09-02',
  ])('refuses %s with the accepted values', (text) => {
    expect(() => parsePeriod(text)).toThrow(PeriodError);
    expect(() => parsePeriod(text)).toThrow(/2026-Q3/);
  });

  test.each(['2026-09-15/2026-09-01', '2026-09-15/2026-09-15'])(
    'refuses %s, which ends before it begins',
    (text) => {
      expect(() => parsePeriod(text)).toThrow(/ends before it begins/);
    },
  );

  test('reads the text of a period back as the same period', () => {
    for (const text of ['2026-Q3', '2026-09', '2026-W01', '2026-09-14', '2026-09-01/2026-09-15']) {
      expect(parsePeriod(text).text).toBe(text);
    }
  });
});

describe('a period at the ends of the calendar', () => {
  const NOW = '2026-11-29T12:34:56.789Z';
  const years = [
    '0000',
    '0001',
    '0099',
    '1899',
    '1999',
    '2000',
    '2025',
    '2026',
    '2027',
    '2028',
    '9998',
    '9999',
  ];
  const days = years.flatMap((year) =>
    ['01-01', '02-29', '06-30', '12-30', '12-31'].map((day) => `${year}-${day}`),
  );
  const bounds = days.flatMap((day) => [
    ...[day, `${day}T00:00:00Z`, `${day}T23:59:59.999Z`, `${day}T23:59:59-23:59`, `${day}T00:00:00+23:59`],
  ]);
  const texts = [
    ...years.flatMap((year) =>
      ['Q1', 'Q4', '01', '12', 'W01', 'W52', 'W53'].map((part) => `${year}-${part}`),
    ),
    ...days,
    ...bounds.flatMap((from) => bounds.map((to) => `${from}/${to}`)),
  ];

  test('is accepted within the bounds or refused with a message, for any text', () => {
    const outcomes = { read: 0, refused: 0 };
    for (const text of texts) {
      try {
        const period = parsePeriod(text, NOW);
        expect(period.from >= '2000-01-01T00:00:00.000Z' && period.to <= '2027-11-30T00:00:00.000Z').toBe(
          true,
        );
        expect(period.from < period.to).toBe(true);
        expect(periodBefore(period).to).toBe(period.from);
        outcomes.read += 1;
      } catch (error) {
        if (!(error instanceof PeriodError)) throw new Error(`${text}: ${error}`);
        outcomes.refused += 1;
      }
    }
    expect(Math.min(outcomes.read, outcomes.refused)).toBeGreaterThan(100);
  });

  test.each(['0000-Q1', '1999-12', '1999-12-31/2000-01-02', '9999-12-30', '2027-Q4', '2027-11-30'])(
    '(%s) is refused with the bounds',
    (text) => {
      expect(() => parsePeriod(text, NOW)).toThrow(
        `${JSON.stringify(text)} is out of range. A period must be between 2000-01-01 and 2027-11-30, one year from now.`,
      );
    },
  );

  test('is accepted if it contains a day within the bounds', () => {
    for (const text of ['2000-Q1', '2000-01', '2000-W01', '2000-01-01', '2027-Q3', '2027-10', '2027-11-29'])
      expect(parsePeriod(text, NOW).unit).not.toBe('SPAN');
    // today's quarter ends less than a year ahead, whatever day it is
    expect(parsePeriod('2026-Q1', '2026-01-01T00:00:00.000Z').unit).toBe('QUARTER');
  });
});

describe('periodBefore', () => {
  test.each([
    ['2026-Q1', '2025-Q4'],
    ['2026-03', '2026-02'],
    ['2026-W01', '2025-W52'],
    ['2026-03-01', '2026-02-28'],
    ['2026-09-10/2026-09-15', '2026-09-05/2026-09-10'],
  ])('returns the period before %s, which is %s', (text, before) => {
    expect(periodBefore(parsePeriod(text))).toEqual(parsePeriod(before));
  });
});

describe('partsOf', () => {
  test('splits a quarter into its days, weeks cut at its ends, and months', () => {
    const quarter = parsePeriod('2026-Q3');
    expect(partsOf(quarter, 'DAY')).toHaveLength(92);
    expect(partsOf(quarter, 'MONTH').map(({ text }) => text)).toEqual(['2026-07', '2026-08', '2026-09']);
    const weeks = partsOf(quarter, 'WEEK');
    expect(weeks[0]).toMatchObject({ text: '2026-W27', from: quarter.from, to: '2026-07-06T00:00:00.000Z' });
    expect(weeks.at(-1)).toMatchObject({ text: '2026-W40', to: quarter.to });
  });

  test('refuses to return too many parts', () => {
    const long = parsePeriod('2020-01-01/2026-01-01');
    expect(() => partsOf(long, 'DAY')).toThrow(`more than ${MOST_PARTS}`);
    expect(partsOf(long, 'MONTH')).toHaveLength(72);
  });

  test('returns parts that tile the period: every instant lies in exactly one', () => {
    const span = fc.record({
      at: fc.integer({ min: Date.parse('2019-12-20Z'), max: Date.parse('2028-02-01Z') }),
      length: fc.integer({ min: 1, max: 200 * DAY }),
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      trend: fc.constantFrom(...TRENDS),
    });
    fc.assert(
      fc.property(span, ({ at, length, place, trend }) => {
        const from = toInstant(at);
        const period = parsePeriod(`${from}/${shift(from, length)}`);
        const inside = shift(from, Math.floor(length * place));
        const parts = partsOf(period, trend);
        expect(parts.filter((part) => isInPeriod(part, inside))).toHaveLength(1);
        expect(parts.reduce((sum, part) => sum + toMillis(part.to) - toMillis(part.from), 0)).toBe(length);
      }),
    );
  });
});

describe('relativePeriod', () => {
  const to = '2026-03-01T04:45:00.000Z';

  test.each([
    ['last-30d', '2026-01-30T04:45:00.000Z'],
    ['LAST-24H', '2026-02-28T04:45:00.000Z'],
    ['P90D', '2025-12-01T04:45:00.000Z'],
    ['pt12h', '2026-02-28T16:45:00.000Z'],
    ['month-to-date', '2026-03-01T00:00:00.000Z'],
  ])('%s ends at the given instant and begins at %s', (text, from) => {
    expect(relativePeriod(text)?.(to)).toMatchObject({ unit: 'SPAN', from, to });
  });

  test('its text is a period with both ends, which gives the same period again', () => {
    const period = relativePeriod('last-7d')?.(to);
    expect(parsePeriod(period?.text ?? '')).toEqual(period);
  });

  test('at midnight of the first of a month, the month to date is the whole month before', () => {
    const end = '2026-03-01T00:00:00.000Z';
    expect(relativePeriod('month-to-date')?.(end)).toMatchObject({
      from: '2026-02-01T00:00:00.000Z',
      to: end,
    });
  });

  test.each(['last-0d', 'last-30', 'last-1000d', 'last-5m', 'P1M', 'P', 'PT', '30d', '2026-09', ''])(
    '%j is no such period',
    (text) => {
      expect(relativePeriod(text)).toBeNull();
    },
  );
});
