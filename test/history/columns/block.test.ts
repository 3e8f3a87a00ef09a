import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  Block,
  type BlockRow,
  encodeBlock,
  itemColumn,
  mergeBlocks,
} from '../../../src/history/columns/block.js';
import { encodeColumn } from '../../../src/history/columns/column-builder.js';
import {
  DEFINITION_OF,
  fieldsOf,
  type ListedKind,
  type RecordOf,
  recordValues,
} from '../../../src/resources/registry.js';
import { sha256 } from '../../../src/values/canonical-json.js';
import { anyListedKind, type Variants, variantOf, variants } from '../../support/arbitraries.js';

const RUNS = Number(process.env.FC_RUNS ?? 60);

/** Rows with gaps in their numbers, some of which are tombstones. */
function rowsOf(kind: ListedKind, of: Variants, marks: readonly number[]): BlockRow[] {
  let rev = 10;
  return marks.map((mark, i) => {
    rev += 1 + (mark % 3);
    const record = variantOf(of, kind, `r${i}`, mark) as RecordOf[ListedKind];
    const values = mark % 7 === 0 ? null : recordValues(kind, record);
    return { rev, prior: mark % 5 === 0 ? rev - 1 : 0, account: 1 + (mark % 2), values };
  });
}

function blockOf(kind: ListedKind, after: number, rows: readonly BlockRow[]): Block {
  const columns = encodeBlock(kind, after, rows);
  return new Block(after, (name) => columns.get(name) ?? new Uint8Array());
}

const someRows = anyListedKind.chain((kind) =>
  fc
    .tuple(variants, fc.array(fc.nat({ max: 400 }), { maxLength: 20 }))
    .map(([of, marks]) => ({ kind, rows: rowsOf(kind, of, marks) })),
);

describe('a block of columns', () => {
  test('contains the values of every field of every record', () => {
    fc.assert(
      fc.property(someRows, ({ kind, rows }) => {
        const block = blockOf(kind, 10, rows);
        expect([...block.revs]).toEqual(rows.map(({ rev }) => rev));
        expect([...block.priors]).toEqual(rows.map(({ prior }) => prior));
        const { fields, facets, items } = DEFINITION_OF[kind];
        for (const [field, { type, reference }] of Object.entries({ ...fields, ...facets?.fields })) {
          if (field === 'id' || reference) continue;
          const isOfItems = type === 'texts' && items !== undefined && Object.hasOwn(items.fields, field);
          const own = isOfItems ? null : block.column(field).cells();
          const ofItems = isOfItems ? block.column(itemColumn(field)).cells() : [];
          for (const [i, { values }] of rows.entries()) {
            const wanted = values?.fields[field] ?? (type === 'texts' ? [] : null);
            const listed = ofItems.slice(block.itemStarts[i], block.itemStarts[i + 1]);
            const found = own ? own[i] : [...new Set(listed.filter((value) => value !== null))];
            expect(found).toEqual(wanted);
          }
        }
      }),
      { numRuns: RUNS },
    );
  });

  test('that joins others has the bytes of one block of all their rows', () => {
    fc.assert(
      fc.property(someRows, fc.nat({ max: 20 }), ({ kind, rows }, cut) => {
        const [first, rest] = [rows.slice(0, cut), rows.slice(cut)];
        const between = first.at(-1)?.rev ?? 10;
        const joined = mergeBlocks(kind, [blockOf(kind, 10, first), blockOf(kind, between, rest)]);
        expect(joined).toEqual(encodeBlock(kind, 10, rows));
      }),
      { numRuns: RUNS },
    );
  });

  test('has the bytes that earlier versions stored, which verify compares', () => {
    const texts = ['a', null, 'b', 'a', '\ud800', '€'];
    const days = ['01', '28', '29', '30', '31', '00', '32'];
    const times = days.flatMap((day) => [`2026-02-${day}T00:00:00.000Z`, `2024-12-${day}T23:59:59.999Z`]);
    const odd = ['0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-01-01T24:00:00.000Z'];
    const others = [
      '2026-01-01T00:60:00.000Z',
      '2026-13-01T00:00:00.000Z',
      '2026-1-01T00:00:00.0000Z',
      'now',
    ];
    const numbers = [0, 255, 256, 65_535, 65_536, -1, 2 ** 32, 2 ** 40, 0.5, null];
    const columns = [
      encodeColumn('text', texts),
      ...[...times, ...odd, ...others].map((time) => encodeColumn('instant', [time, null, odd[1] ?? null])),
      encodeColumn('instant', [null]),
      ...numbers.map((_, n) => encodeColumn('number', numbers.slice(0, n))),
      encodeColumn('boolean', [true, null, false]),
      ...[1, 255, 256, 65_536].map((n) =>
        encodeColumn(
          'number',
          Array.from({ length: n + 1 }, (_, i) => i),
        ),
      ),
      encodeColumn('texts', [['a', 'b'], [], ['b'], ['c', 'a']]),
    ];
    expect(sha256(columns.map((bytes) => Buffer.from(bytes).toString('hex')).join(' '))).toBe(
      'a5a32e8b7bb0ff8025ee393a6b4f3de830ec39860740586e0be8d3becc000a80',
    );
  });

  test('has the fields of lists in the same form as lists', () => {
    fc.assert(
      fc.property(variants, anyListedKind, (of, kind) => {
        const record = variantOf(of, kind, 'a', 0) as RecordOf[ListedKind];
        expect(recordValues(kind, record).fields).toMatchObject(fieldsOf(kind, record));
      }),
      { numRuns: RUNS },
    );
  });
});
