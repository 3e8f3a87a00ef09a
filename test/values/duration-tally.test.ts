import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationOf, numberOfDuration } from '../../src/values/duration-tally.js';
import { DAY, HOUR, MINUTE } from '../../src/values/instant.js';

const duration = fc.oneof(
  ...[2 * HOUR, 8 * DAY, 4_000 * DAY].map((max) => fc.integer({ min: -HOUR, max })),
  ...[HOUR, 7 * DAY].map((limit) => fc.integer({ min: limit - MINUTE, max: limit + MINUTE })),
);

test('a duration has the number of itself rounded up to seconds, minutes or hours', () => {
  fc.assert(
    fc.property(duration, (ms) => {
      const grain = ms <= HOUR ? 1_000 : ms <= 7 * DAY ? MINUTE : HOUR;
      expect(durationOf(numberOfDuration(ms))).toBe(Math.ceil(Math.max(0, ms) / grain) * grain);
    }),
  );
});

test('numbers of durations have no gaps', () => {
  const lengths = Array.from({ length: 20_000 }, (_, number) => durationOf(number));
  expect(lengths.map(numberOfDuration)).toEqual([...lengths.keys()]);
});
