import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { caches } from '../../src/values/bounded-cache.js';
import { toInstant } from '../../src/values/instant.js';
import {
  ledgerEntry,
  observationOf,
  observeCase,
  observeThreat,
  sampleCase,
  sampleCaseAnalysis,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import { defaultLimits, fresh, Graph, keyOf, stale } from './harness.js';

/*
 * A question asked again may be answered as before, while all that its answer was read from stands. Each test
 * asks often enough for that, then changes one thing that the answer must follow.
 */

describe.each([
  ['sent before the server receives the request', true],
  ['found by the server', false],
])('a stored response that is %s', (_where, sendsStored) => {
  let graph: Graph;

  beforeEach(async () => {
    graph = await Graph.start(undefined, { limits: defaultLimits, sendsStored });
    await graph.observe(
      observeThreat(sampleThreat('t1')),
      ...Array.from({ length: 5 }, (_, n) => observeCase(sampleCase(`c${n}`, { threatIds: ['t1'] }))),
    );
    graph.live.onList = async () => fresh(graph.instant);
  });
  afterEach(() => graph.close());

  const QUERY = `query($first: Int, $filter: CaseFilter) { cases(first: $first, filter: $filter) {
  totalCount asOf freshness { verifiedAt stale live } coverage { to } nodes { caseId status threats { nodes { subject } } provenance { verifiedAt source stale } }
} }`;

  const LEAN =
    '{ cases(first: 3) { edges { cursor node { id status threats(first: 5) { edges { node { id subject } } } provenance { verifiedAt stale } } } pageInfo { hasNextPage endCursor } freshness { stale verifiedAt } } }';

  async function often<T>(query: string, variables: object = {}): Promise<T[]> {
    const answers: T[] = [];
    for (let round = 0; round < 6; round += 1) answers.push(await graph.data<T>(query, variables));
    return answers;
  }

  test.each([
    ['a lean query', LEAN, {}],
    ['a query with everything', QUERY, { first: 2, filter: { open: { eq: true } } }],
  ])('%s gets the same response every time', async (_what, query, variables) => {
    const [first, ...others] = await often(query, variables);
    for (const other of others) expect(other).toEqual(first);
  });

  function storedBytes(): number {
    return caches().reduce((sum, { cache, bytes }) => sum + (cache === 'responses' ? bytes : 0), 0);
  }

  test('a response is stored at the second identical request, not before', async () => {
    const before = storedBytes();
    await graph.data(LEAN);
    expect(storedBytes()).toBe(before);
    const { length } = JSON.stringify(await graph.data(LEAN));
    expect(storedBytes()).toBeGreaterThan(before + length);
    expect(storedBytes()).toBeLessThan(before + length + 2_000);
  });

  test.each([
    ['a single record', '{ case(caseId: "c1") { status threats { nodes { subject } } } }'],
    ['its versions', '{ case(caseId: "c1") { revisions { totalCount nodes { change } } } }'],
    ['a count with a filter', '{ cases(filter: { open: { eq: true } }) { totalCount } }'],
    ['coverage', '{ coverage(resource: CASES) { complete held } }'],
    ['a window that moves', '{ cases(filter: { createdTime: { last: "P7D" } }) { nodes { caseId } } }'],
  ])('the response with %s is stored', async (_what, query) => {
    await graph.observe(observeCase(sampleCase('c1'), { fetchedAt: graph.instant }));
    const before = storedBytes();
    await often(query);
    expect(storedBytes()).toBeGreaterThan(before);
  });

  test('a single record is read again when it is older than maxAge', async () => {
    await graph.observe(observeCase(sampleCase('c1'), { fetchedAt: graph.instant }));
    const query = '{ case(caseId: "c1") { provenance { stale } } }';
    await often(query);
    graph.live.onRecord = async () => stale('TIMEOUT');
    graph.now += 299_000;
    expect(await graph.data(query)).toEqual({ case: { provenance: { stale: false } } });
    graph.now += 1_000;
    expect(await graph.data(query)).toEqual({ case: { provenance: { stale: true } } });
  });

  test('a role never receives a response that was stored for another role', async () => {
    const guarded = await Graph.start([{ name: 'default', origin: 'ABNORMAL' }], {
      ...{ asksCallers: true, redact: ['addresses'], limits: defaultLimits, sendsStored },
    });
    try {
      await guarded.observe(observeCase(sampleCase('c1', { affectedEmployee: 'pat@customer.example' })));
      guarded.live.onList = async () => fresh(guarded.instant);
      const query = '{ cases { nodes { caseId affectedEmployee } } }';
      const ask = async (role: 'reader' | 'operator') => {
        const response = await guarded.post(JSON.stringify({ query }), keyOf(role));
        return response.text();
      };
      for (let round = 0; round < 4; round += 1) {
        expect(await ask('operator')).toContain('pat@customer.example');
        expect(await ask('reader')).not.toContain('pat@customer.example');
      }
    } finally {
      await guarded.close();
    }
  });

  test('a repeated request gets the response of a new one, whatever is recorded in between', async () => {
    const page =
      '{ nodes { caseId status provenance { verifiedAt } threats { nodes { subject } } } totalCount }';
    // some leave the window of the last hour while the test runs
    for (let n = 0; n < 20; n += 1) {
      const receivedTime = toInstant(graph.now - 3_600_000 + n * 200_000);
      const messages = [sampleMessage(`${n}`, { receivedTime })];
      await graph.observe(observeThreat(sampleThreat(`w${n}`, { messages })));
    }
    const { id } = (await graph.data<{ case: { id: string } }>('{ case(caseId: "c1") { id } }')).case;
    const cursor = (await graph.data<{ cases: { pageInfo: { endCursor: string } } }>(LEAN)).cases.pageInfo
      .endCursor;
    const queries = [
      `{ cases(first: 3) ${page} }`,
      `{ cases(first: 3, after: "${cursor}") ${page} }`,
      `{ cases(first: 3, asOf: "${graph.instant}") ${page} }`,
      '{ threats { nodes { threatId subject cases { nodes { caseId status } totalCount } } totalCount } }',
      '{ threats(filter: {receivedTime: {last: "PT1H"}}, first: 50) { totalCount nodes { threatId } } }',
      '{ threats(filter: {not: {or: [{receivedTime: {last: "PT30M"}}, {recipientCount: {eq: 3}}]}}) { nodes { threatId } } }',
      '{ threats(filter: {receivedTime: {last: "PT1H"}}) { nodes { threatId } coverage { from to complete } } }',
      '{ coverage(resource: CASES) { from to complete held gaps { to } } }',
      '{ threat(threatId: "t1") { subject recipientCount provenance { verifiedAt } revisions { totalCount nodes { change digestAfter run { id status } } } } }',
      '{ case(caseId: "c1") { status missingThreatIds threats { nodes { subject } } } }',
      `{ case(caseId: "c1", asOf: "${graph.instant}") { status revisions { nodes { observedTo verifiedAt } } } }`,
      `{ node(id: "${id}") { id ... on Case { status } } }`,
      `{ a: cases(filter: {open: {eq: true}}) ${page} b: threats { nodes { threatId } } }`,
    ];
    const writes: readonly ((step: number) => unknown)[] = [
      (step) => graph.observe(observeCase(sampleCase(`c${step % 5}`, { statusRaw: `Status ${step}` }))),
      (step) => graph.observe(observeCase(sampleCase(`new ${step}`, { threatIds: ['t1'] }))),
      (step) => graph.observe(observeThreat(sampleThreat('t1', { recipientCount: step, messages: [] }))),
      () => graph.observe(observeThreat(sampleThreat('t1'), { fetchedAt: graph.instant })),
      () => graph.record({ ledger: [ledgerEntry({ resource: 'cases', filterKey: 'lastModifiedTime' })] }),
      () => {
        graph.now += 400_000;
      },
      () => {},
    ];
    // each write four times in a row
    for (let step = 0; step < 4 * writes.length; step += 1) {
      await writes[step >> 2]?.(step);
      for (const query of queries) {
        // a comment makes it another request
        const expected = await graph.data(`${query} # ${step}`);
        for (const _ of [1, 2, 3])
          expect(await graph.data(query), `${query}, step ${step}`).toEqual(expected);
      }
      graph.now += 1_000;
    }
  });

  describe('a cached response is not used after a change of', () => {
    type Lean = {
      cases: {
        edges: {
          node: { status: string; provenance: { verifiedAt: string; stale: boolean }; threats: object };
        }[];
        freshness: object;
      };
    };
    const first = ({ cases }: Lean) => cases.edges[0]?.node;

    test('a record', async () => {
      await often(LEAN);
      await graph.observe(
        ...[0, 1, 2, 3, 4].map((n) =>
          observeCase(sampleCase(`c${n}`, { statusRaw: 'Acknowledged (In progress)', threatIds: ['t1'] })),
        ),
      );
      expect(first(await graph.data<Lean>(LEAN))?.status).toBe('IN_PROGRESS');
    });

    test('a nested record', async () => {
      await often(LEAN);
      await graph.observe(observeThreat(sampleThreat('t1', { messages: [] })));
      expect(first(await graph.data<Lean>(LEAN))?.threats).toMatchObject({
        edges: [{ node: { subject: null } }],
      });
    });

    test('the confirmation time of an unchanged record', async () => {
      await often(LEAN);
      const seen = [0, 1, 2, 3, 4].map((n) =>
        observeCase(sampleCase(`c${n}`, { threatIds: ['t1'] }), { fetchedAt: graph.instant }),
      );
      await graph.observe(...seen);
      expect(first(await graph.data<Lean>(LEAN))?.provenance.verifiedAt).toBe(graph.instant);
    });

    test('Abnormal’s availability, when it becomes unreachable', async () => {
      await often(LEAN);
      graph.now += 400_000;
      graph.live.onList = async () => stale('TIMEOUT');
      const answer = await graph.data<Lean>(LEAN);
      expect(answer.cases.freshness).toMatchObject({ stale: true });
      expect(first(answer)?.provenance.stale).toBe(true);
    });

    test('Abnormal’s availability, when it recovers', async () => {
      graph.live.onList = async () => stale('TIMEOUT');
      await often(LEAN);
      graph.live.onList = async () => fresh(graph.instant, true);
      expect((await graph.data<Lean>(LEAN)).cases.freshness).toMatchObject({ stale: false });
    });

    test('the refusal of stale records', async () => {
      const query = '{ cases(staleIfError: false, maxAge: 60) { nodes { caseId } } }';
      await often(query);
      graph.now += 120_000;
      graph.live.onList = async () => stale('TOKEN_REJECTED');
      expect((await graph.error(query)).code).toBe('UPSTREAM_TOKEN_REJECTED');
    });

    test('the clock, if the response depends on it', async () => {
      const query = '{ cases { coverage { to } } }';
      await often(query);
      graph.now += 5_000;
      expect(await graph.data(query)).toEqual({ cases: { coverage: { to: graph.instant } } });
    });

    test('a part that is read on demand', async () => {
      const query = '{ cases(first: 1) { nodes { timeline { insights { signal } } } } }';
      let signal = 'first';
      graph.live.onRecord = async (key) => {
        const analysis = sampleCaseAnalysis(key.id, { insights: [{ signal, description: null }] });
        await graph.observe(observationOf('caseAnalysis', key.id, analysis, { fetchedAt: graph.instant }));
        return fresh(graph.instant, true);
      };
      await often(query);
      signal = 'second';
      graph.now += 400_000;
      expect(await graph.data(query)).toEqual({
        cases: { nodes: [{ timeline: { insights: [{ signal: 'second' }] } }] },
      });
    });

    test('the variables', async () => {
      type Page = { cases: { nodes: { caseId: string }[] } };
      await often(QUERY, { first: 2 });
      expect((await graph.data<Page>(QUERY, { first: 4 })).cases.nodes).toHaveLength(4);
      const filter = { caseId: { eq: 'c3' } };
      expect((await graph.data<Page>(QUERY, { first: 4, filter })).cases.nodes).toMatchObject([
        { caseId: 'c3' },
      ]);
    });

    test('the operation name', async () => {
      const query =
        'query A { cases(first: 1) { nodes { caseId } } } query B { cases(first: 2) { nodes { caseId } } }';
      const ask = async (operationName: string) => {
        const response = await graph.post(JSON.stringify({ query, operationName }));
        return ((await response.json()) as { data: { cases: { nodes: object[] } } }).data.cases.nodes.length;
      };
      const sizes: number[] = [];
      for (let round = 0; round < 5; round += 1) sizes.push(await ask('A'), await ask('B'));
      expect(sizes).toEqual([1, 2, 1, 2, 1, 2, 1, 2, 1, 2]);
    });

    test('the history between two of many concurrent requests', async () => {
      for (let round = 0; round < 10; round += 1) {
        const statusRaw = `Status ${round}`;
        await graph.observe(...[0, 1, 2, 3, 4].map((n) => observeCase(sampleCase(`c${n}`, { statusRaw }))));
        const query = '{ cases { nodes { statusRaw } } }';
        const answers = await Promise.all(
          Array.from({ length: 20 }, () => graph.data<{ cases: { nodes: { statusRaw: string }[] } }>(query)),
        );
        const seen = new Set(answers.flatMap(({ cases }) => cases.nodes.map((node) => node.statusRaw)));
        expect([...seen]).toEqual([statusRaw]);
      }
    });
  });
});
