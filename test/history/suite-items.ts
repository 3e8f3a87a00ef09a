import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countItems,
  type ItemPosition,
  type ItemRow,
  type ItemsQuery,
  readItems,
} from '../../src/history/items.js';
import type { Kind } from '../../src/resources/registry.js';
import { recordValues } from '../../src/resources/registry.js';
import { compareValues, isMatch } from '../../src/values/filter.js';
import type { Instant } from '../../src/values/instant.js';
import { INSTANTS, type Variants, variantOf, variants } from '../support/arbitraries.js';
import { itemFilterOf } from '../support/arbitraries-filters.js';
import { OracleStore } from '../support/oracle-store.js';
import { batchOf, observationOf } from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const SEED = Number(process.env.FC_SEED ?? 20_260_301);

const anyQuery = fc.record({
  kind: fc.constant('threat' as const),
  integrations: fc.constantFrom(null, ['default'], []),
  filter: fc.option(
    fc.oneof(
      itemFilterOf('threat'),
      fc.constantFrom(...INSTANTS).map((lte) => ({ field: 'receivedTime', lte })),
    ),
    { freq: 3 },
  ),
  seq: fc.integer({ min: 0, max: 4 }),
  descending: fc.boolean(),
  limit: fc.integer({ min: 1, max: 30 }),
});

type Query = Omit<ItemsQuery, 'after'>;

/** Items of random threats, which have up to three versions, and of which some were deleted. */
export function describeItems(open: () => Promise<OpenedStore>, runs: number): void {
  describe('items', () => {
    let opened: OpenedStore;
    const oracle = new OracleStore(Date.now);

    beforeAll(async () => {
      opened = await open();
      for (const batch of corpus()) await Promise.all([opened.store.record(batch), oracle.record(batch)]);
    });
    afterAll(() => opened.dispose());

    it(`are listed as the model lists them, page by page (${runs} runs)`, () =>
      fc.assert(
        fc.asyncProperty(anyQuery, async (query) => {
          const expected = await everyItem(oracle, query);
          expect((await walk(opened, query, null)).map(placeOf)).toEqual(expected);
          expect(await countItems(opened.store, query)).toBe(expected.length);
        }),
        { numRuns: runs, seed: SEED },
      ));

    it(`are listed in the other direction from any place of a walk (${Math.ceil(runs / 2)} runs)`, () =>
      fc.assert(
        fc.asyncProperty(anyQuery, fc.nat({ max: 200 }), async (query, n) => {
          const rows = await walk(opened, query, null);
          if (rows.length === 0) return;
          const at = n % rows.length;
          const back = await walk(
            opened,
            { ...query, descending: !query.descending },
            rows[at]?.position ?? null,
          );
          expect(back.map(placeOf)).toEqual(rows.slice(0, at).reverse().map(placeOf));
        }),
        { numRuns: Math.ceil(runs / 2), seed: SEED },
      ));
  });
}

async function walk({ store }: OpenedStore, query: Query, start: ItemPosition | null): Promise<ItemRow[]> {
  const rows: ItemRow[] = [];
  for (let after = start; ; ) {
    const { items, hasMore } = await readItems(store, { ...query, after });
    rows.push(...items);
    expect(items.length).toBe(hasMore ? query.limit : Math.min(items.length, query.limit));
    if (!hasMore) return rows;
    after = items.at(-1)?.position ?? null;
  }
}

function placeOf({ position: { time, integration, id, index } }: ItemRow): unknown[] {
  return [time, integration, id, index];
}

/** All items of the records of a view, filtered and sorted. */
async function everyItem(oracle: OracleStore, query: Query): Promise<unknown[][]> {
  const all = { ...query, filter: null, orderBy: 'id', after: null, limit: 10_000 };
  const { items } = await oracle.page(all);
  const rows = items.flatMap(({ revision: { key, record } }) => {
    const values = recordValues('threat', record);
    return values.items.flatMap((item, index) => {
      const isFound = query.filter === null || isMatch({ ...values.fields, ...item }, query.filter);
      return isFound ? [[item.receivedTime as Instant | null, key.integration, key.id, index] as const] : [];
    });
  });
  const sign = query.descending ? -1 : 1;
  return rows
    .sort(
      (a, b) =>
        sign *
        (compareValues(a[0], b[0]) || compareValues(a[2], b[2]) || compareValues(a[1], b[1]) || a[3] - b[3]),
    )
    .map((row) => [...row]);
}

/** Somewhat more records than are read at once. */
function corpus() {
  const random = fc.sample(variants, { numRuns: 20, seed: SEED });
  const versions = [0, 1, 2].map((version) =>
    batchOf(`version-${version}`, {
      observations: random.flatMap((of: Variants, n) =>
        [0, 1, 2].flatMap((i) => {
          const id = `record-${n}-${i}`;
          if ((n + i) % 3 < version) return [];
          const integration = n % 4 === 0 ? 'other' : 'default';
          const record = variantOf(of, 'threat', id, i + version);
          return [observationOf<Kind>('threat', id, record, { integration, basis: version })];
        }),
      ),
    }),
  );
  const gone = { kind: 'threat', integration: 'default', id: 'record-1-0' } as const;
  return [...versions, batchOf('gone', { tombstones: [gone] })];
}
