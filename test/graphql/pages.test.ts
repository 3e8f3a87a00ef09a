import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toInstant } from '../../src/values/instant.js';
import { observeCase, observeThreat, sampleCase, sampleThreat } from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

/*
 * Walks through lists: forwards and backwards, while others write; and cursors that are put to a use that is not
 * theirs.
 */

interface Page {
  readonly cases: {
    readonly nodes: readonly { readonly caseId: string }[];
    readonly totalCount: number;
    readonly asOf: string;
    readonly pageInfo: {
      readonly hasNextPage: boolean;
      readonly hasPreviousPage: boolean;
      readonly startCursor: string | null;
      readonly endCursor: string | null;
    };
  };
}

const PAGE = `query Page($first: Int, $after: String, $last: Int, $before: String, $orderBy: CaseOrder, $filter: CaseFilter, $asOf: DateTime) {
  cases(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter, asOf: $asOf) {
    nodes { caseId } totalCount asOf
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}`;

let graph: Graph;
const numbered = (n: number, minute = n) =>
  observeCase(
    sampleCase(`case-${String(n).padStart(3, '0')}`, { lastModifiedTime: minutesAfterStart(minute) }),
  );

beforeEach(async () => {
  graph = await Graph.start();
  await graph.record({ observations: Array.from({ length: 30 }, (_, n) => numbered(n)) });
});
afterEach(() => graph.close());

const page = (variables: object) => graph.data<Page>(PAGE, variables).then(({ cases }) => cases);
const idsOf = ({ nodes }: Page['cases']) => nodes.map(({ caseId }) => caseId);

describe('pagination', () => {
  test('forwards repeats and skips nothing, whatever is written between the pages', async () => {
    const seen: string[] = [];
    const counts: number[] = [];
    const views: string[] = [];
    let after: string | null = null;
    for (let round = 0; round < 20; round += 1) {
      const answer: Page['cases'] = await page({ first: 7, after });
      seen.push(...idsOf(answer));
      counts.push(answer.totalCount);
      views.push(answer.asOf);
      expect(answer.pageInfo.hasPreviousPage).toBe(round > 0);
      if (!answer.pageInfo.hasNextPage) break;
      after = answer.pageInfo.endCursor;
      // one comes in at the top, one moves from the bottom to the top, one goes
      await graph.observe(numbered(100 + round, 500 + round), numbered(round, 600 + round));
      const key = { integration: 'default', kind: 'case', id: `case-0${20 + round}` } as const;
      await graph.record({ tombstones: [key] });
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, n) => `case-${String(29 - n).padStart(3, '0')}`));
    expect(new Set(counts)).toEqual(new Set([30]));
    expect(new Set(views).size).toBe(1);
  });

  test('backwards gives the same list from its end', async () => {
    const whole = idsOf(await page({ first: 100 }));
    const seen: string[] = [];
    let before: string | null = null;
    for (let round = 0; round < 20; round += 1) {
      const answer: Page['cases'] = await page({ last: 8, before });
      seen.unshift(...idsOf(answer));
      expect(answer.pageInfo.hasNextPage).toBe(before !== null);
      if (!answer.pageInfo.hasPreviousPage) break;
      before = answer.pageInfo.startCursor;
    }
    expect(seen).toEqual(whole);
  });

  test('can change direction: the items before a page are those that came before it', async () => {
    const first = await page({ first: 5 });
    const second = await page({ first: 5, after: first.pageInfo.endCursor });
    const back = await page({ last: 5, before: second.pageInfo.startCursor });
    expect(idsOf(back)).toEqual(idsOf(first));
  });

  test('follows the requested order, including items without a value', async () => {
    const silent = observeCase(sampleCase('silent', { lastModifiedTime: null }));
    await graph.observe(silent);
    const oldest = await page({ first: 2, orderBy: { field: 'LAST_MODIFIED_TIME', direction: 'ASC' } });
    expect(idsOf(oldest)[0]).toBe('silent');
    const rest = await page({
      first: 100,
      after: oldest.pageInfo.startCursor,
      orderBy: { field: 'LAST_MODIFIED_TIME', direction: 'ASC' },
    });
    const newest = await page({ first: 100 });
    expect(['silent', ...idsOf(rest)]).toEqual(idsOf(newest).reverse());
  });

  test('through an empty list ends at once', async () => {
    const empty = await page({ filter: { caseId: { eq: 'nobody' } } });
    expect(empty).toMatchObject({ nodes: [], totalCount: 0 });
    expect(empty.pageInfo).toEqual({
      ...{ hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null },
    });
  });

  test('returns 25 items per page by default', async () => {
    expect((await page({})).nodes).toHaveLength(25);
  });
});

describe('an invalid page', () => {
  test.each([
    [{ first: 5, last: 5 }, /cannot be combined/],
    [{ first: 0 }, /from 1 to 100; it is 0/],
    [{ first: 101 }, /from 1 to 100; it is 101/],
    [{ last: -1 }, /last must be from 1 to 100/],
    [{ last: 5, after: 'x' }, /"after" can only be combined with first/],
    [{ first: 5, before: 'x' }, /"before" can only be combined with last/],
    [{ after: 'WzEsMiwz' }, /not a cursor of this graph/],
    [{ after: Buffer.from('["cases",[],[],"x"]').toString('base64url') }, /not a cursor of this graph/],
  ])('%j is refused with the accepted values', async (variables, message) => {
    const error = await graph.error(PAGE, variables);
    expect(error.code).toBe('BAD_USER_INPUT');
    expect(error.message).toMatch(message);
  });
});

describe('a cursor', () => {
  const cursor = async () => (await page({ first: 3 })).pageInfo.endCursor;

  test.each([
    ['another order', { orderBy: { field: 'CASE_ID', direction: 'ASC' } }, /another orderBy/],
    ['another direction', { orderBy: { field: 'LAST_MODIFIED_TIME', direction: 'ASC' } }, /another orderBy/],
    ['another filter', { filter: { open: { eq: true } } }, /another filter/],
    ['another instant', { asOf: minutesAfterStart(1) }, /another asOf/],
  ])('with %s is refused', async (_what, changes, message) => {
    const error = await graph.error(PAGE, { first: 3, after: await cursor(), ...changes });
    expect(error.code).toBe('BAD_USER_INPUT');
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/To start from the first page, omit the cursor/);
  });

  test('of another list or other integrations is refused', async () => {
    const after = await cursor();
    const elsewhere = await graph.error('query($after: String) { threats(after: $after) { asOf } }', {
      after,
    });
    expect(elsewhere).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/belongs to cases/),
    });
    const narrowed = await graph.error(
      'query($after: String) { cases(after: $after, integrations: ["default"]) { asOf } }',
      { after },
    );
    expect(narrowed.message).toMatch(/another integrations/);
  });

  test('of a view that this history has not reached is refused', async () => {
    const [list, terms, , place] = JSON.parse(Buffer.from((await cursor()) ?? '', 'base64url').toString());
    const forged = JSON.stringify([list, terms, [1_000_000, minutesAfterStart(0)], place]);
    const after = Buffer.from(forged).toString('base64url');
    const error = await graph.error(PAGE, { first: 3, after });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/another history/),
    });
  });

  test('is accepted for an equal filter with its parts in another order, and for an explicit default order', async () => {
    const orderBy = { field: 'LAST_MODIFIED_TIME', direction: 'DESC' };
    const spoken = await page({ first: 3, after: await cursor(), orderBy });
    expect(idsOf(spoken)).toEqual(idsOf(await page({ first: 3, after: await cursor() })));
  });
});

describe('nested lists', () => {
  test('keep the view of the first page, even if the case changed since', async () => {
    const ids = Array.from({ length: 6 }, (_, n) => `inner-${n}`);
    await graph.observe(
      ...ids.map((id) => observeThreat(sampleThreat(id))),
      observeCase(sampleCase('with-threats', { threatIds: ids })),
    );
    const query = `query($after: String) { case(caseId: "with-threats") {
      threats(first: 4, after: $after) { nodes { threatId } totalCount pageInfo { hasNextPage endCursor } }
    } }`;
    type Inner = {
      case: {
        threats: { nodes: { threatId: string }[]; totalCount: number; pageInfo: { endCursor: string } };
      };
    };
    const first = (await graph.data<Inner>(query)).case.threats;
    await graph.observe(observeCase(sampleCase('with-threats', { threatIds: ['inner-5'] })));
    const second = (await graph.data<Inner>(query, { after: first.pageInfo.endCursor })).case.threats;
    const seen = [...first.nodes, ...second.nodes].map(({ threatId }) => threatId);
    expect(seen).toEqual(ids);
    expect(second).toMatchObject({ totalCount: 6, pageInfo: { hasNextPage: false } });
    const anew = (await graph.data<Inner>(query)).case.threats;
    expect(anew.nodes).toEqual([{ threatId: 'inner-5' }]);
  });

  test('refuse a cursor of another record or of another instant', async () => {
    await graph.observe(
      observeThreat(sampleThreat('inner-1')),
      ...['with-threats', 'other-one'].map((id) => observeCase(sampleCase(id, { threatIds: ['inner-1'] }))),
    );
    const query = `query($id: ID!, $after: String, $asOf: DateTime) { case(caseId: $id, asOf: $asOf) {
      threats(first: 1, after: $after) { pageInfo { endCursor } }
    } }`;
    const { case: found } = await graph.data<{ case: { threats: { pageInfo: { endCursor: string } } } }>(
      query,
      {
        id: 'with-threats',
      },
    );
    const after = found.threats.pageInfo.endCursor;
    expect((await graph.error(query, { id: 'other-one', after })).message).toMatch(/another case/);
    const asOf = toInstant(graph.now);
    expect((await graph.error(query, { id: 'with-threats', after, asOf })).message).toMatch(/another asOf/);
  });
});
