import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ColumnCell } from '../../../src/history/columns/column.js';
import { encodeCodes, encodeColumn, packed } from '../../../src/history/columns/column-builder.js';
import { ColumnComparison } from '../../../src/history/columns/column-comparison.js';

const TIME = '2026-03-01T00:00:00.000Z';
const words = fc.constantFrom('a', 'b', 'c', '', 'half \ud800', 'é', '2026-03-01T00:00:00Z');
const CELLS = {
  text: fc.option(words),
  texts: fc.array(words, { maxLength: 3 }),
  instant: fc.option(fc.constantFrom(TIME, '2026-03-02T00:00:00.000Z', 'yesterday')),
  number: fc.option(fc.constantFrom(0, 1, -1, 2.5, 2 ** 40)),
  boolean: fc.option(fc.boolean()),
};
type Type = keyof typeof CELLS;
const TYPES = Object.keys(CELLS) as Type[];
const columns = fc.constantFrom(...TYPES).chain((type) => {
  const cells = fc.array(CELLS[type] as fc.Arbitrary<ColumnCell>, { maxLength: 8 });
  return fc.tuple(fc.constant(type), cells, cells);
});

/** `null` as well for bytes that are no column. */
function compared(type: Type, stored: Uint8Array, cells: readonly ColumnCell[]): Uint8Array | null {
  try {
    const column = new ColumnComparison(type, stored);
    for (const cell of cells) column.add(cell);
    return column.bytes;
  } catch {
    return null;
  }
}

describe('a comparison of a column', () => {
  it('finds a column equal to the cells that it was made of', () => {
    fc.assert(
      fc.property(columns, ([type, cells]) => {
        const stored = encodeColumn(type, cells);
        expect(compared(type, stored, cells)).toEqual(stored);
      }),
    );
  });

  it('finds a column equal to no other cells', () => {
    fc.assert(
      fc.property(columns, ([type, cells, others]) => {
        const wanted = encodeColumn(type, cells);
        const stored = encodeColumn(type, others);
        expect(compared(type, stored, cells) !== null).toBe(Buffer.compare(wanted, stored) === 0);
      }),
    );
  });

  it('finds a column wrong that has the same cells in other bytes', () => {
    const column = (codes: readonly number[], values: string) =>
      packed('VALUES', codes.length, [encodeCodes(codes), Buffer.from(values)]);
    const cells = ['a', 'b', 'a', null];
    expect(compared('text', column([1, 2, 1, 0], '["a","b"]'), cells)).not.toBeNull();
    const wrong = [
      column([2, 1, 2, 0], '["b","a"]'),
      column([1, 2, 3, 0], '["a","b","a"]'),
      column([1, 2, 1, 3], '["a","b",null]'),
      column([1, 2, 1, 0], '["a","b","c"]'),
      column([1, 2, 1, 0], '["a", "b"]'),
      column([1, 2, 1, 0, 0], '["a","b"]'),
      Buffer.concat([column([1, 2, 1, 0], '["a","b"]'), Buffer.from(' ')]),
      encodeColumn(
        'texts',
        cells.map((cell) => (cell === null ? [] : [cell])),
      ),
    ];
    for (const stored of wrong) expect(compared('text', stored, cells)).toBeNull();
    expect(compared('instant', encodeColumn('text', [TIME]), [TIME])).toBeNull();
    expect(compared('text', encodeColumn('instant', [TIME]), [TIME])).toBeNull();
  });

  it('finds a column wrong of which any byte is another', () => {
    fc.assert(
      fc.property(columns, fc.nat(), fc.integer({ min: 1, max: 255 }), ([type, cells], place, change) => {
        const stored = Uint8Array.from(encodeColumn(type, cells));
        const at = place % stored.length;
        stored[at] = (stored[at] ?? 0) ^ change;
        expect(compared(type, stored, cells)).toBeNull();
      }),
    );
  });
});
