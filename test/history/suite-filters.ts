import fc, { type Arbitrary } from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HistoryStore, ListQuery } from '../../src/history/store.js';
import { type Kind, undecidedBy } from '../../src/resources/registry.js';
import type { Filter } from '../../src/values/filter.js';
import { anyListedKind, LISTED, TEXTS, type Variants, variantOf, variants } from '../support/arbitraries.js';
import { comparisonOf, filterOf } from '../support/arbitraries-filters.js';
import { OracleStore } from '../support/oracle-store.js';
import {
  batchOf,
  observationOf,
  observeCase,
  observeThreat,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import type { OpenedStore } from './history-store-suite.js';

const SEED = Number(process.env.FC_SEED ?? 20_260_301);

/** Filters, over records that have every odd text there is. */
export function describeFilters(open: () => Promise<OpenedStore>, runs: number): void {
  describe('filters', () => {
    let opened: OpenedStore;
    const oracle = new OracleStore(Date.now);

    beforeAll(async () => {
      opened = await open();
      for (const batch of corpus()) await Promise.all([opened.store.record(batch), oracle.record(batch)]);
    });
    afterAll(() => opened.dispose());

    async function agree(kind: ListQuery['kind'], filter: Filter): Promise<void> {
      const query = { kind, integrations: null, filter, seq: Number.MAX_SAFE_INTEGER - 1 };
      const expected = await matching(oracle, query);
      expect(await matching(opened.store, query)).toEqual(expected);
      expect(await opened.store.count(query)).toBe(expected.length);
    }

    const property = (filters: (kind: ListQuery['kind']) => Arbitrary<Filter>, numRuns: number) =>
      fc.assert(
        fc.asyncProperty(
          anyListedKind.chain((kind) => fc.tuple(fc.constant(kind), filters(kind))),
          ([kind, filter]) => agree(kind, filter),
        ),
        { numRuns, seed: SEED },
      );

    it('find each text by each part of it, ignoring case, and by nothing else', async () => {
      for (const text of TEXTS) {
        // by characters: half a surrogate pair is no text that a query could bring
        const [tail, start] = [[...text].slice(1).join(''), [...text].slice(0, 2).join('')];
        for (const contains of new Set([text, text.toUpperCase(), text.toLowerCase(), tail, start])) {
          await agree('case', { field: 'description', contains: contains });
          await agree('threat', { field: 'subject', contains: contains });
          await agree('case', { field: 'description', startsWith: contains });
          await agree('threat', { field: 'subject', startsWith: contains });
        }
        await agree('case', { field: 'description', eq: text });
        await agree('threat', { field: 'subject', in: [text, null] });
        await agree('case', { field: 'description', gte: text });
        await agree('threat', { field: 'subject', lte: text });
      }
    });

    it(`have the meaning of the model, one comparison at a time (${runs * 4} runs)`, () =>
      property(comparisonOf, runs * 4));

    it(`have the meaning of the model, nested (${runs * 3} runs)`, () => property(filterOf, runs * 3));

    it(`count the records that they cannot decide (${runs} runs)`, () =>
      fc.assert(
        fc.asyncProperty(
          anyListedKind.chain((kind) => fc.tuple(fc.constant(kind), filterOf(kind))),
          async ([kind, filter]) => {
            for (const part of undecidedBy(kind, filter)) await agree(kind, part.filter);
          },
        ),
        { numRuns: runs, seed: SEED },
      ));
  });
}

async function matching(store: HistoryStore, query: ListQuery): Promise<string[]> {
  const all = { ...query, orderBy: 'id', descending: false, after: null, limit: 10_000 };
  const page = await store.page(all);
  return page.items.map(({ position }) => position.id);
}

/** Each odd text as a case's description and, beside another, as a threat's subject; then random records. */
function corpus() {
  const cases = TEXTS.map((description, n) => observeCase(sampleCase(`text-${n}`, { description })));
  const threats = TEXTS.map((subject, n) => {
    const other = TEXTS[(n * 7 + 3) % TEXTS.length] ?? null;
    const messages = [sampleMessage('1', { subject }), sampleMessage('2', { subject: other })];
    return observeThreat(sampleThreat(`text-${n}`, { messages }));
  });
  const random = fc.sample(variants, { numRuns: 12, seed: SEED }).flatMap(someOfEach);
  return [
    batchOf('texts', { observations: [...cases, ...threats] }),
    batchOf('random', { observations: random }),
  ];
}

function someOfEach(of: Variants, n: number) {
  return LISTED.flatMap((kind) =>
    [0, 1, 2, 3].map((variant) => {
      const id = `random-${n}-${variant}`;
      return observationOf<Kind>(kind, id, variantOf(of, kind, id, variant));
    }),
  );
}
