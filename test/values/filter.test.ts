import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareValues, type Fields, type Filter, fold, isMatch } from '../../src/values/filter.js';

const FIELDS: Fields = {
  name: 'Zoë',
  count: 3,
  open: true,
  none: null,
  tags: ['a', 'B'],
  noTags: [],
  time: '2026-03-01T00:00:00.000Z',
};

const not = (filter: Filter): Filter => ({ not: filter });

describe('a filter', () => {
  test.each<[string, Filter, boolean]>([
    ['equal', { field: 'name', eq: 'Zoë' }, true],
    ['equal but for case', { field: 'name', eq: 'zoë' }, false],
    ['equal number', { field: 'count', eq: 3 }, true],
    ['a number is not its text', { field: 'count', eq: '3' }, false],
    ['equal flag', { field: 'open', eq: true }, true],
    ['null is null', { field: 'none', eq: null }, true],
    ['a value is not null', { field: 'name', eq: null }, false],
    ['a field that is not there is null', { field: 'absent', eq: null }, true],
    ['one of', { field: 'count', in: [1, 3] }, true],
    ['none of', { field: 'count', in: [1, 2] }, false],
    ['of nothing', { field: 'count', in: [] }, false],
    ['null among', { field: 'none', in: ['x', null] }, true],
    ['at least', { field: 'count', gte: 3 }, true],
    ['at most', { field: 'count', lte: 2 }, false],
    ['later', { field: 'time', gte: '2026-02-28T23:59:59.999Z' }, true],
    ['null is at least nothing', { field: 'none', gte: '' }, false],
    ['null is at most nothing', { field: 'none', lte: '~' }, false],
    ['contains', { field: 'name', contains: 'OË' }, true],
    ['contains, composed or not', { field: 'name', contains: 'oe\u0308' }, true],
    ['contains nothing', { field: 'name', contains: '' }, true],
    ['null contains nothing', { field: 'none', contains: '' }, false],
    ['a number contains nothing', { field: 'count', contains: '3' }, false],
    ['any of several', { field: 'tags', eq: 'B' }, true],
    ['any of several contains', { field: 'tags', contains: 'b' }, true],
    ['any of several is at least', { field: 'tags', gte: 'a' }, true],
    ['several is not null', { field: 'tags', eq: null }, false],
    ['an empty list is null', { field: 'noTags', eq: null }, true],
    ['an empty list is at most nothing', { field: 'noTags', lte: '~' }, false],
    ['and of nothing', { and: [] }, true],
    ['or of nothing', { or: [] }, false],
  ])('matches as the model defines: %s', (_, filter, expected) => {
    expect(isMatch(FIELDS, filter)).toBe(expected);
    expect(isMatch(FIELDS, not(filter))).toBe(!expected);
  });
});

const anyValue = fc.oneof(
  fc.constant(null),
  fc.constantFrom('', 'a', 'A', 'ab', 'é', '😀', '～'),
  fc.integer({ min: -2, max: 2 }),
);
const anyFields = fc.record({ x: anyValue, y: fc.array(fc.constantFrom('a', 'ab', 'É'), { maxLength: 2 }) });
const anyLeaf: fc.Arbitrary<Filter> = fc.oneof(
  fc.record({ field: fc.constantFrom('x', 'y'), eq: anyValue }),
  fc.record({ field: fc.constantFrom('x', 'y'), in: fc.array(anyValue, { maxLength: 3 }) }),
  fc.record({ field: fc.constantFrom('x', 'y'), contains: fc.constantFrom('', 'a', 'é', 'B') }),
);
const anyFilter = fc.letrec<{ filter: Filter }>((tie) => ({
  filter: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    anyLeaf,
    fc.record({ and: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ or: fc.array(tie('filter'), { maxLength: 3 }) }),
    fc.record({ not: tie('filter') }),
  ),
})).filter;

describe('filters obey the laws of logic:', () => {
  test('a double negation has no effect', () => {
    fc.assert(
      fc.property(anyFields, anyFilter, (fields, filter) => {
        expect(isMatch(fields, not(filter))).toBe(!isMatch(fields, filter));
      }),
    );
  });

  test('not (a and b) equals (not a) or (not b)', () => {
    fc.assert(
      fc.property(anyFields, fc.array(anyFilter, { maxLength: 4 }), (fields, parts) => {
        expect(isMatch(fields, not({ and: parts }))).toBe(isMatch(fields, { or: parts.map(not) }));
      }),
    );
  });

  test('in equals a disjunction of equalities', () => {
    fc.assert(
      fc.property(anyFields, fc.array(anyValue, { maxLength: 4 }), (fields, values) => {
        const any: Filter = { or: values.map((eq) => ({ field: 'x', eq })) };
        expect(isMatch(fields, { field: 'x', in: values })).toBe(isMatch(fields, any));
      }),
    );
  });
});

describe('the order of values', () => {
  const texts = fc.string({ unit: 'grapheme', maxLength: 4 });
  const comparable = fc.oneof(
    fc.array(fc.oneof(texts, fc.constant(null)), { minLength: 3, maxLength: 3 }),
    fc.array(fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.constant(null)), {
      minLength: 3,
      maxLength: 3,
    }),
  );

  test('is total', () => {
    fc.assert(
      fc.property(comparable, ([a = null, b = null, c = null]) => {
        expect(Math.sign(compareValues(a, b)) + Math.sign(compareValues(b, a))).toBe(0);
        if (compareValues(a, b) <= 0 && compareValues(b, c) <= 0) {
          expect(compareValues(a, c)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('puts null first and text by its UTF-8 bytes, not by its UTF-16 units', () => {
    const values = ['😀', 'b', null, '～', 'a', 'B', ''];
    expect(values.sort(compareValues)).toEqual([null, '', 'B', 'a', 'b', '～', '😀']);
  });

  test('sorts numbers by size', () => {
    expect([10, 9, -1, 2.5].sort(compareValues)).toEqual([-1, 2.5, 9, 10]);
  });
});

test('case folding ignores case and composition, and is idempotent', () => {
  expect(fold('STRASSE')).toBe('strasse');
  expect(fold('E\u0301')).toBe('\u00e9');
  fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => fold(fold(text)) === fold(text)));
});
