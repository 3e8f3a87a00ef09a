import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Block, encodeBlock } from '../../../src/history/columns/block.js';
import { countByValues, foundIn, isInBlocks, sizeOf } from '../../../src/history/columns/masks.js';
import type { Unit } from '../../../src/history/statistics.js';
import { type ListedKind, type RecordOf, recordValues } from '../../../src/resources/registry.js';
import { type Filter, isMatch } from '../../../src/values/filter.js';
import { anyListedKind, variantOf, variants } from '../../support/arbitraries.js';
import { comparisonOf, filterOf } from '../../support/arbitraries-filters.js';

const RUNS = Number(process.env.FC_RUNS ?? 200);

/** A kind, some records of it, and a filter. With few different records, columns often have one value only. */
const asked = anyListedKind.chain((kind) =>
  fc
    .tuple(
      variants,
      fc.array(fc.nat({ max: 40 }), { maxLength: 6 }),
      fc.oneof(comparisonOf(kind), filterOf(kind)),
    )
    .map(([of, marks, filter]) => ({
      ...{ kind, filter },
      records: marks.map((mark, i) =>
        recordValues(kind, variantOf(of, kind, `r${i}`, mark) as RecordOf[ListedKind]),
      ),
    })),
);

describe('the rows of a block that a filter finds', () => {
  test('are those that match it, as records and as items', () => {
    fc.assert(
      fc.property(asked, ({ kind, filter, records }) => {
        fc.pre(isInBlocks(kind, filter));
        const rows = records.map((values, i) => ({ rev: i + 1, prior: 0, account: 1, values }));
        const columns = encodeBlock(kind, 0, rows);
        const wanted: Record<Unit, boolean[]> = {
          RECORD: records.map(({ fields, items }) => isMatch(fields, filter, items)),
          ITEM: records.flatMap(({ fields, items }) =>
            items.map((item) => isMatch({ ...fields, ...item }, filter, items)),
          ),
        };
        const block = new Block(0, (name) => columns.get(name) as Uint8Array);
        for (const unit of ['RECORD', 'ITEM'] as const)
          expect(rowsIn(kind, block, unit, filter)).toEqual(wanted[unit]);
        expect([null, wanted.RECORD.filter(Boolean).length]).toContain(countByValues(kind, block, filter));
      }),
      { numRuns: RUNS },
    );
  });
});

function rowsIn(kind: ListedKind, block: Block, unit: Unit, filter: Filter): boolean[] {
  const found = foundIn(kind, block, unit, filter);
  const size = sizeOf(block, unit);
  if (typeof found === 'string') return new Array(size).fill(found === 'ALL');
  expect(found.length).toBe(size);
  return Array.from(found, (is) => is === 1);
}
