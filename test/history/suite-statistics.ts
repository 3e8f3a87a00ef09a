import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walkStatistics } from '../../src/history/columns/walk-statistics.js';
import type { Dimension, StatisticsMeasure, StatisticsQuery, Unit } from '../../src/history/statistics.js';
import type { HistoryStore } from '../../src/history/store.js';
import { DEFINITION_OF, FIELDS, type Kind, type ListedKind } from '../../src/resources/registry.js';
import { DAY, HOUR, toMillis } from '../../src/values/instant.js';
import {
  anyListedKind,
  INSTANTS,
  LISTED,
  type Variants,
  variantOf,
  variants,
} from '../support/arbitraries.js';
import { filterOf, leafOf } from '../support/arbitraries-filters.js';
import { OracleStore } from '../support/oracle-store.js';
import { batchOf, observationOf } from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const SEED = Number(process.env.FC_SEED ?? 20_260_301);

type FieldTypes = readonly (readonly [field: string, type: string])[];

const typesOf = (kind: ListedKind, unit: Unit): FieldTypes => {
  const { facets, items } = DEFINITION_OF[kind];
  const own = Object.entries({
    ...FIELDS[kind],
    ...facets?.fields,
    ...(unit === 'ITEM' ? items?.fields : {}),
  });
  return own.flatMap(([field, { type, ...spec }]) =>
    field === 'id' || ('reference' in spec && spec.reference) ? [] : [[field, type] as const],
  );
};

function fieldOf(kind: ListedKind, unit: Unit, isFit: (type: string) => boolean): Arbitrary<string> {
  const fields = typesOf(kind, unit).flatMap(([field, type]) => (isFit(type) ? [field] : []));
  return fc.constantFrom(...fields);
}

function dimensionOf(kind: ListedKind, unit: Unit): Arbitrary<Dimension> {
  return fc.oneof(
    fc.constant({ type: 'ACCOUNT' } as const),
    fieldOf(kind, unit, (type) => type !== 'instant').map((field) => ({ type: 'FIELD', field }) as const),
    fieldOf(kind, unit, (type) => type === 'instant').map(
      (field) =>
        ({ type: 'AGE', field, at: toMillis(INSTANTS[4] as string), limits: [0, HOUR, DAY] }) as const,
    ),
  );
}

/** A field of text, where no field says whether a record may change. */
function textOf(kind: ListedKind): string {
  return typesOf(kind, 'RECORD').find(([, type]) => type === 'text')?.[0] ?? '';
}

function measureOf(kind: ListedKind, unit: Unit): Arbitrary<StatisticsMeasure> {
  const time = fieldOf(kind, unit, (type) => type === 'instant');
  const { unsettledField } = DEFINITION_OF[kind];
  return fc.oneof(
    fc.constant({ type: 'COUNT' } as const),
    fc
      .option(fieldOf(kind, unit, (type) => type !== 'instant'))
      .map((of) => ({ type: 'DISTINCT', of }) as const),
    fc.record({
      type: fc.constant('DURATION' as const),
      from: time,
      to: unit === 'ITEM' ? time : fc.option(time),
      state: fc.constant({ field: unsettledField ?? textOf(kind), pending: [true], none: [] }),
    }),
  );
}

const anyQuery: Arbitrary<StatisticsQuery> = fc
  .tuple(anyListedKind, fc.boolean())
  .map(([kind, isItem]) => [kind, isItem && DEFINITION_OF[kind].items ? 'ITEM' : 'RECORD'] as const)
  .chain(([kind, unit]) =>
    fc.record({
      ...{
        kind: fc.constant(kind),
        unit: fc.constant<Unit>(unit),
        integrations: fc.constantFrom(null, ['default']),
      },
      filter: fc.option(
        unit === 'RECORD'
          ? filterOf(kind)
          : fc.oneof(
              ...Object.entries(DEFINITION_OF[kind].items?.fields ?? {}).map(([f, spec]) => leafOf(f, spec)),
            ),
      ),
      seq: fc.integer({ min: 1, max: 6 }),
      time: fieldOf(kind, unit, (type) => type === 'instant'),
      edges: fc
        .subarray([...INSTANTS], { minLength: 2 })
        .map((instants) => instants.map(toMillis).sort((a, b) => a - b)),
      groupBy: fc.array(dimensionOf(kind, unit), { maxLength: 2 }),
      ...{ top: fc.integer({ min: 1, max: 5 }), minCount: fc.integer({ min: 1, max: 3 }) },
      whole: fc.constantFrom(null, DEFINITION_OF[kind].unsettledField),
      measure: measureOf(kind, unit),
    }),
  );

/** Of the same rows with several measures, and others. */
const severalQueries: Arbitrary<StatisticsQuery[]> = anyQuery.chain((query) =>
  fc
    .tuple(
      fc.array(measureOf(query.kind, query.unit), { minLength: 1, maxLength: 3 }),
      fc.array(anyQuery, { maxLength: 3 }),
    )
    .map(([measures, others]) => [
      query,
      ...others,
      ...measures.map((measure): StatisticsQuery => ({ ...query, measure })),
    ]),
);

/** Statistics of random records, some of which have several versions or were deleted. */
export function describeStatistics(open: () => Promise<OpenedStore>, runs: number): void {
  describe('statistics', () => {
    let opened: OpenedStore;
    const oracle = new OracleStore(Date.now);

    beforeAll(async () => {
      opened = await open();
      for (const batch of corpus()) await Promise.all([opened.store.record(batch), oracle.record(batch)]);
    });
    afterAll(() => opened.dispose());

    const same = async (read: (of: HistoryStore) => Promise<unknown>) => {
      expect(await read(opened.store)).toEqual(await read(oracle));
    };

    it(`are those of the model (${runs * 3} runs)`, () =>
      fc.assert(
        fc.asyncProperty(anyQuery, (query) => same((of) => of.statistics(query))),
        { numRuns: runs * 3, seed: SEED },
      ));

    it(`are the same if several are asked for at once (${runs} runs)`, () =>
      fc.assert(
        fc.asyncProperty(severalQueries, (queries) =>
          same((of) => Promise.all(queries.map((query) => of.statistics(query)))),
        ),
        { numRuns: runs, seed: SEED },
      ));

    it(`are the same by a walk through the records (${runs} runs)`, () =>
      fc.assert(
        fc.asyncProperty(anyQuery, async (query) => {
          expect(await walkStatistics(opened.store, query)).toEqual(await oracle.statistics(query));
        }),
        { numRuns: runs, seed: SEED },
      ));

    it(`count as many records in total as the list of the same filter has (${runs} runs)`, () =>
      fc.assert(
        fc.asyncProperty(anyQuery, async (query) => {
          const { kind, integrations, filter, seq, time, edges } = { ...query };
          if (query.unit === 'ITEM') return;
          const [from, to] = [INSTANTS[0], INSTANTS.at(-1)] as [string, string];
          const within = [
            { field: time, gte: from },
            { field: time, lte: '9999-12-31T23:59:59.998Z' },
          ];
          const counted = await opened.store.count({
            ...{ kind, integrations, seq, filter: { and: [...within, ...(filter ? [filter] : [])] } },
          });
          expect(edges.length).toBeGreaterThan(1);
          const { total } = await opened.store.statistics({
            ...{ ...query, edges: [toMillis(from), toMillis(to)], measure: { type: 'COUNT' } },
          });
          expect(total.all).toBe(counted);
        }),
        { numRuns: runs, seed: SEED },
      ));
  });
}

/** Each record in up to three versions; the last batch deletes some. */
function corpus() {
  const random = fc.sample(variants, { numRuns: 12, seed: SEED });
  const versions = [0, 1, 2].map((version) =>
    batchOf(`version-${version}`, {
      observations: random.flatMap((of: Variants, n) =>
        LISTED.flatMap((kind) =>
          [0, 1].flatMap((i) => {
            const id = `record-${n}-${i}`;
            if ((n + i) % 3 < version) return [];
            const integration = n % 4 === 0 ? 'other' : 'default';
            const record = variantOf(of, kind, id, i + version);
            return [observationOf<Kind>(kind, id, record, { integration, basis: version })];
          }),
        ),
      ),
    }),
  );
  const gone = LISTED.map((kind) => ({ kind, integration: 'default', id: 'record-1-0' }));
  return [...versions, batchOf('gone', { tombstones: gone })];
}
