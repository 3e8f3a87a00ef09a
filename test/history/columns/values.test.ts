import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Block, encodeBlock } from '../../../src/history/columns/block.js';
import { encodeValues } from '../../../src/history/columns/column-builder.js';
import { KnownValues, Values } from '../../../src/history/columns/values.js';
import { caches } from '../../../src/values/bounded-cache.js';
import { compareValues, type FieldValue } from '../../../src/values/filter.js';

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constantFrom('a', 'a"', 'a\\', 'a!', 'ab', 'a\n', 'a\t', '\u00e9', '\ud800', '\ud83d\ude00', '\uff5e'),
);
const value: fc.Arbitrary<FieldValue> = fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null));

/** A block with one column of these values; each time it is read it counts. */
function blockOf(values: readonly FieldValue[], isLasting: boolean, known = new KnownValues()) {
  const rows = encodeBlock('threat', 0, [], () => false);
  let reads = 0;
  const load = (name: string) => {
    if (name !== 'field') return rows.get(name) ?? new Uint8Array();
    reads += 1;
    return encodeValues(values);
  };
  return {
    block: new Block(0, load, isLasting ? (name) => known.columns('threat', name) : null),
    reads: () => reads,
  };
}

describe('values by number', () => {
  test('have equal numbers if they are equal, and are given back', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), (all) => {
        const values = new Values();
        const { numbers } = values.of(blockOf(all, false).block, 'field');
        expect(Array.from(numbers, (number) => values.at(number))).toEqual(all);
        expect(all.map((each) => values.numberOf(each))).toEqual([...numbers]);
        expect(values.size).toBe(new Set([null, ...all]).size);
      }),
    );
  });

  test('have the order of compareValues', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        const values = new Values();
        const found = values.compare(values.numberOf(one), values.numberOf(other));
        expect(Math.sign(found)).toBe(Math.sign(compareValues(one, other)));
      }),
    );
  });

  test('of more values than there is room for at first keep their numbers', () => {
    const values = new Values();
    const all = Array.from({ length: 5_000 }, (_, i) => `value ${i}`);
    const numbers = all.map((each) => values.numberOf(each));
    expect(all.map((each) => values.numberOf(each))).toEqual(numbers);
    expect(numbers.map((number) => values.at(number))).toEqual(all);
  });

  test('of a lasting block are read once, those of another block each time', () => {
    for (const isLasting of [true, false]) {
      const known = new KnownValues();
      const { block, reads } = blockOf(['a', 'b', 'a'], isLasting);
      for (let round = 0; round < 3; round += 1) {
        expect([...known.of('threat field').of(block, 'field').numbers]).toEqual([1, 2, 1]);
        known.keep();
        block.forget();
      }
      expect(reads()).toBe(isLasting ? 1 : 3);
    }
  });

  test('that are no JSON are refused', () => {
    const bytes = encodeValues(['a', 'b']);
    bytes[bytes.length - 2] = 0x20;
    const rows = encodeBlock('threat', 0, [], () => false);
    const block = new Block(0, (name) => (name === 'field' ? bytes : (rows.get(name) ?? new Uint8Array())));
    expect(() => new Values().of(block, 'field')).toThrow(SyntaxError);
  });
});

test('lasting blocks of a kind are kept, with what they take', () => {
  const known = new KnownValues();
  const { block } = blockOf(['a'], true);
  known.blocks('threat').set(block.after, block);
  known.keep();
  expect(known.blocks('threat').get(block.after)).toBe(block);
  expect(known.blocks('threat').bytes).toBe(block.bytes);
  expect(known.blocks('case').size).toBe(0);
});

test('columns of few values of a lasting block are kept for filters, with what they take', () => {
  const [few, many] = [['a', 'b', 'a'], Array.from({ length: 300 }, (_, i) => `value ${i}`)];
  for (const [values, isLasting, timesRead] of [
    [few, true, 1],
    [few, false, 3],
    [many, true, 3],
  ] as const) {
    const known = new KnownValues();
    const { block, reads } = blockOf(values, isLasting, known);
    for (let round = 0; round < 3; round += 1) {
      expect(
        block
          .keptColumn('field')
          .counts(null)
          .reduce((sum, count) => sum + count),
      ).toBe(values.length);
      block.forget();
      known.keep();
    }
    expect(reads()).toBe(timesRead);
    const kept = timesRead === 1 ? block.column('field').bytes : 0;
    expect(known.columns('threat', 'field').bytes).toBe(kept);
  }
});

test('values that are read once make no cache, whose limit the metrics would add to those of others', () => {
  const before = caches().length;
  const known = new KnownValues(null);
  const values = known.of('subject');
  values.numberOf('a');
  known.keep();
  expect(caches()).toHaveLength(before);
  expect(known.of('subject')).not.toBe(values);
});
