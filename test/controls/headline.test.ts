import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ControlMeasure } from '../../src/controls/control.js';
import { headlineOf, headlineText, isMet, measureLine, thresholdText } from '../../src/controls/headline.js';
import { HOUR, MINUTE } from '../../src/values/instant.js';

const measure = (changes: Partial<ControlMeasure>): ControlMeasure => ({
  ...{ name: 'Median time', value: 190 * MINUTE, unit: 'ms' },
  threshold: { value: HOUR, bound: 'AT_MOST' },
  ...changes,
});

const measures = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  value: fc.oneof(
    fc.constant(null),
    fc.nat({ max: 3 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(),
  ),
  unit: fc.constantFrom('share' as const, 'ms' as const, 'count' as const),
  threshold: fc.option(
    fc.record({
      value: fc.oneof(fc.nat({ max: 3 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat()),
      bound: fc.constantFrom('AT_LEAST' as const, 'AT_MOST' as const),
    }),
  ),
});

test('a failure is the measure that decided it, with value, bound and next step, whatever other measures miss', () => {
  const first = measure({
    name: 'Share',
    unit: 'share',
    value: 0.9,
    threshold: { value: 1, bound: 'AT_LEAST' },
  });
  const cause = { measure: 'Median time', next: 'Find the slow ones.' };
  expect(headlineOf('FAIL', 'too slow.', [first, measure({})], cause)).toEqual({
    measure: measure({}),
    text: 'Median time 3 h 10 min, at most 1 h',
    next: 'Find the slow ones.',
  });
});

test('a pass is the measure nearest to its bound, and has no next step', () => {
  const wide = measure({ name: 'wide', value: 10 * MINUTE });
  const near = measure({ name: 'near', value: 59 * MINUTE });
  const free = measure({ name: 'free', value: 0, threshold: { value: 0, bound: 'AT_LEAST' } });
  expect(headlineOf('PASS', 'fine.', [wide, near, free, measure({ threshold: null })], null)).toMatchObject({
    text: 'near 59 min, at most 1 h',
    next: null,
  });
});

test('a verdict without a deciding measure is the first sentence of its reason', () => {
  const reason = 'Nothing was compared with 1.5.0. More text.';
  expect(headlineOf('INSUFFICIENT_DATA', reason, [measure({})], null).text).toBe(
    'Nothing was compared with 1.5.0',
  );
});

test('a value that misses its bound never has the same text as the bound', () => {
  fc.assert(
    fc.property(measures, (one) => {
      if (isMet(one) !== false) return;
      expect(thresholdText(one)).not.toMatch(
        new RegExp(`^at (least|most) ${headlineText(one).replaceAll('.', '\\.')}$`),
      );
    }),
    { numRuns: 5000 },
  );
  const seconds = measure({ value: HOUR + 30_000 });
  expect(measureLine(seconds)).toBe('Median time 1 h 30 s, at most 1 h');
  const tiny = measure({
    value: 26 * HOUR + 60_001,
    threshold: { value: 26 * HOUR + MINUTE, bound: 'AT_MOST' },
  });
  expect(measureLine(tiny)).toBe('Median time 1 d 2 h 1 min 1 ms, at most 1 d 2 h 1 min');
});

test('the measure of a headline agrees with the verdict for any measures and any cause', () => {
  const cause = fc.option(
    fc.record({ measure: fc.option(fc.constantFrom('a', 'b', 'c')), next: fc.constant('n') }),
  );
  const verdict = fc.constantFrom(
    'PASS' as const,
    'FAIL' as const,
    'INSUFFICIENT_DATA' as const,
    'NOT_APPLICABLE' as const,
  );
  fc.assert(
    fc.property(verdict, fc.array(measures), cause, (said, all, why) => {
      const headline = headlineOf(said, 'because.', all, why);
      if (headline.measure === null) return;
      expect(isMet(headline.measure)).toBe(said === 'PASS');
      expect(said).not.toBe('NOT_APPLICABLE');
    }),
  );
});
