import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RevisionRecord } from '../../src/model/revision.js';
import type { Freshness } from '../../src/sync/sync.js';
import { toInstant } from '../../src/values/instant.js';
import {
  observationOf,
  observeCase,
  observeThreat,
  sampleCase,
  sampleCaseAnalysis,
  sampleThreat,
  sampleThreatLinks,
} from '../support/records.js';
import { fresh, Graph, stale } from './harness.js';

/*
 * How old an answer may be, what is done when it is older, and what is said when nothing can be done.
 */

let graph: Graph;
const minutesAgo = (minutes: number) => toInstant(graph.now - minutes * 60_000);

beforeEach(async () => {
  graph = await Graph.start();
  await graph.observe(
    observeCase(sampleCase('c1', { threatIds: ['t1'] }), { fetchedAt: minutesAgo(10) }),
    observeThreat(sampleThreat('t1'), { fetchedAt: minutesAgo(2) }),
  );
});
afterEach(() => graph.close());

/** Abnormal answers: the case with a new status. */
async function answer(): Promise<Freshness> {
  const seen = observeCase(sampleCase('c1', { statusRaw: 'Acknowledged (In progress)' }), {
    fetchedAt: graph.instant,
  });
  await graph.observe(seen);
  return fresh(graph.instant, true);
}

const CASE = `query($maxAge: Int, $staleIfError: Boolean) {
  case(caseId: "c1", maxAge: $maxAge, staleIfError: $staleIfError) { status provenance { source stale staleReason verifiedAt } }
}`;

describe('one record', () => {
  test('that is young enough is returned as stored', async () => {
    graph.live.onRecord = answer;
    const { case: found } = await graph.data<{ case: object }>(CASE, { maxAge: 601 });
    expect(found).toEqual({
      status: 'ACTION_REQUIRED',
      provenance: { source: 'RECORDED', stale: false, staleReason: null, verifiedAt: minutesAgo(10) },
    });
  });

  test('older than the default of 300 s is fetched first', async () => {
    graph.live.onRecord = answer;
    const { case: found } = await graph.data<{ case: object }>(CASE);
    expect(found).toEqual({
      status: 'IN_PROGRESS',
      provenance: { source: 'LIVE', stale: false, staleReason: null, verifiedAt: graph.instant },
    });
  });

  test('that Abnormal confirmed is live with its new time, before that is recorded', async () => {
    const key = { integration: 'default', kind: 'case', id: 'c1' } as const;
    const readIn = await graph.store.head();
    const [held] = await graph.store.get([key], readIn.seq);
    graph.live.onRecord = async () => ({
      ...fresh(graph.instant, true),
      ...{ readIn, confirmed: { ...(held as RevisionRecord), verifiedAt: graph.instant } },
    });
    const { case: found } = await graph.data<{ case: object }>(CASE);
    expect(found).toMatchObject({ provenance: { source: 'LIVE', stale: false, verifiedAt: graph.instant } });
    expect(await graph.store.head()).toEqual(readIn);
  });

  test('with maxAge 0 is always fetched', async () => {
    graph.now = Date.parse(minutesAgo(10));
    let asked = 0;
    graph.live.onRecord = async () => {
      asked += 1;
      return fresh(graph.instant, true);
    };
    await graph.data(CASE, { maxAge: 0 });
    expect(asked).toBe(1);
  });

  test('that cannot be fetched is returned stale with the reason', async () => {
    graph.live.onRecord = async () => stale('SERVER_ERROR', 'Abnormal responded with 503.');
    const { case: found } = await graph.data<{ case: object }>(CASE);
    expect(found).toEqual({
      status: 'ACTION_REQUIRED',
      provenance: {
        source: 'RECORDED',
        stale: true,
        staleReason: 'Abnormal responded with 503.',
        verifiedAt: minutesAgo(10),
      },
    });
  });

  test.each([
    ['TOKEN_REJECTED', 'UPSTREAM_TOKEN_REJECTED'],
    ['NOT_LICENSED', 'UPSTREAM_NOT_LICENSED'],
    ['NOT_ENABLED', 'UPSTREAM_NOT_ENABLED'],
    ['FORBIDDEN', 'UPSTREAM_FORBIDDEN'],
    ['RATE_LIMITED', 'UPSTREAM_BUDGET_EXHAUSTED'],
    ['NOT_FOUND', 'UPSTREAM_NOT_FOUND'],
    ['UNDECODABLE', 'UPSTREAM_BAD_DATA'],
    ['TIMEOUT', 'UPSTREAM_UNAVAILABLE'],
    ['UNREACHABLE', 'UPSTREAM_UNAVAILABLE'],
  ])('that fails with %s has the error %s if stale records are refused', async (code, shown) => {
    graph.live.onRecord = async () => stale(code, `because of ${code}`);
    const { data, errors } = await graph.ask(CASE, { staleIfError: false });
    expect(data).toEqual({ case: null });
    expect(errors).toMatchObject([
      { message: `because of ${code}`, path: ['case'], extensions: { code: shown } },
    ]);
  });

  test('that is not stored and cannot be fetched is an error, not null', async () => {
    graph.live.onRecord = async () => stale('TIMEOUT');
    const error = await graph.error('{ case(caseId: "never seen") { status } }');
    expect(error.code).toBe('UPSTREAM_UNAVAILABLE');
  });

  test('that Abnormal does not know is null', async () => {
    graph.live.onRecord = async () => fresh(null, true);
    expect(await graph.data('{ case(caseId: "never seen") { status } }')).toEqual({ case: null });
  });

  test('that is not stored is fetched by its id', async () => {
    graph.live.onRecord = async (key) => {
      await graph.observe(observeThreat(sampleThreat(key.id), { fetchedAt: graph.instant }));
      return fresh(graph.instant, true);
    };
    const query = '{ threat(threatId: "late") { threatId provenance { source } } }';
    expect(await graph.data(query)).toEqual({ threat: { threatId: 'late', provenance: { source: 'LIVE' } } });
  });

  test('does not refresh the records it refers to: all nested fields are of one view', async () => {
    graph.live.onRecord = async (key) => (key.kind === 'case' ? answer() : stale('TIMEOUT'));
    const query =
      '{ case(caseId: "c1") { status threats { nodes { threatId provenance { source stale } } } } }';
    const seen = observeCase(sampleCase('c1', { threatIds: ['t1'], statusRaw: 'Action Required' }));
    graph.live.onRecord = async () => {
      await graph.observe({ ...seen, fetchedAt: graph.instant });
      return fresh(graph.instant, true);
    };
    expect(await graph.data(query)).toEqual({
      case: {
        status: 'ACTION_REQUIRED',
        threats: { nodes: [{ threatId: 't1', provenance: { source: 'RECORDED', stale: false } }] },
      },
    });
  });

  test('of the simulated tenant is marked as simulated, live or not', async () => {
    const simulated = observeCase(sampleCase('s1'), { origin: 'SIMULATED', fetchedAt: minutesAgo(1) });
    await graph.observe(simulated);
    graph.live.onRecord = async () => fresh(graph.instant, true);
    const query =
      '{ case(caseId: "s1", maxAge: 0) { provenance { source } } cases(filter: { caseId: { eq: "s1" } }) { nodes { provenance { source } } } }';
    expect(await graph.data(query)).toEqual({
      case: { provenance: { source: 'SIMULATED' } },
      cases: { nodes: [{ provenance: { source: 'SIMULATED' } }] },
    });
  });
});

const CASES = `query($maxAge: Int, $staleIfError: Boolean) {
  cases(maxAge: $maxAge, staleIfError: $staleIfError) {
    nodes { status provenance { source stale } } freshness { verifiedAt stale live code reason }
  }
}`;

describe('a list', () => {
  test('is synced before its view is fixed, and includes the result', async () => {
    graph.live.onList = answer;
    const { cases } = await graph.data<{ cases: object }>(CASES, { maxAge: 0 });
    expect(cases).toEqual({
      nodes: [{ status: 'IN_PROGRESS', provenance: { source: 'LIVE', stale: false } }],
      freshness: { verifiedAt: graph.instant, stale: false, live: true, code: null, reason: null },
    });
  });

  test('that cannot be synced is returned stale, and so is each record', async () => {
    graph.live.onList = async () => ({
      ...stale('TOKEN_REJECTED', 'The token was refused.'),
      verifiedAt: minutesAgo(90),
    });
    const { cases } = await graph.data<{ cases: object }>(CASES);
    expect(cases).toEqual({
      nodes: [{ status: 'ACTION_REQUIRED', provenance: { source: 'RECORDED', stale: true } }],
      freshness: {
        ...{ verifiedAt: minutesAgo(90), stale: true, live: true },
        ...{ code: 'UPSTREAM_TOKEN_REJECTED', reason: 'The token was refused.' },
      },
    });
  });

  test('that cannot be synced is an error if stale records are refused; other root fields remain', async () => {
    graph.live.onList = async () => stale('NOT_LICENSED', 'No licence for cases.');
    const { data, errors } = await graph.ask('{ cases(staleIfError: false) { asOf } integrations { name } }');
    expect(data).toEqual({ cases: null, integrations: [{ name: 'default' }] });
    expect(errors).toMatchObject([{ path: ['cases'], extensions: { code: 'UPSTREAM_NOT_LICENSED' } }]);
  });

  test('that was found fresh is not synced again until it is too old', async () => {
    let asked = 0;
    graph.live.onList = async () => {
      asked += 1;
      return fresh(minutesAgo(1));
    };
    await graph.data(CASES, { maxAge: 120 });
    await graph.data(CASES, { maxAge: 120 });
    expect(asked).toBe(1);
    await graph.data(CASES, { maxAge: 30 });
    expect(asked).toBe(2);
    graph.now += 60_000;
    await graph.data(CASES, { maxAge: 100 });
    expect(asked).toBe(3);
  });

  test('is synced only for its first page', async () => {
    await graph.observe(observeCase(sampleCase('c2')));
    graph.live.onList = async () => fresh(graph.instant);
    const query =
      'query($after: String) { cases(first: 1, after: $after, maxAge: 0) { pageInfo { endCursor } freshness { stale } } }';
    type Page = { cases: { pageInfo: { endCursor: string } } };
    const first = await graph.data<Page>(query);
    graph.live.onList = async () => stale('TIMEOUT');
    const second = await graph.data<Page>(query, { after: first.cases.pageInfo.endCursor });
    expect(second).toMatchObject({ cases: { freshness: null } });
  });
});

describe('a part that is read on demand', () => {
  const TIMELINE =
    '{ case(caseId: "c1", maxAge: 3600) { status timeline { events { title } provenance { source stale } } } }';

  test('is fetched from Abnormal, recorded and returned', async () => {
    graph.live.onRecord = async () => {
      const seen = observationOf('caseAnalysis', 'c1', sampleCaseAnalysis('c1'), {
        fetchedAt: graph.instant,
      });
      await graph.observe(seen);
      return fresh(graph.instant, true);
    };
    const found = await graph.data(TIMELINE);
    expect(found).toEqual({
      case: {
        status: 'ACTION_REQUIRED',
        timeline: {
          events: [{ title: 'Sign-in from a new country' }],
          provenance: { source: 'LIVE', stale: false },
        },
      },
    });
    graph.live.onRecord = async () => stale('TIMEOUT');
    expect(await graph.data(TIMELINE)).toMatchObject({
      case: { timeline: { provenance: { source: 'RECORDED' } } },
    });
  });

  test('that cannot be fetched is null with an error, and its parent remains', async () => {
    graph.live.onRecord = async () => stale('SERVER_ERROR', 'Abnormal responded with 500.');
    const { data, errors } = await graph.ask(TIMELINE);
    expect(data).toEqual({ case: { status: 'ACTION_REQUIRED', timeline: null } });
    expect(errors).toMatchObject([
      {
        path: ['case', 'timeline'],
        message: 'Abnormal responded with 500.',
        extensions: { code: 'UPSTREAM_UNAVAILABLE' },
      },
    ]);
  });

  test('is also supported for a threat’s links and attachments', async () => {
    await graph.observe(
      observationOf('threatLinks', 't1', sampleThreatLinks('t1'), { fetchedAt: graph.instant }),
    );
    graph.live.onRecord = async () => stale('FORBIDDEN');
    const { data, errors } = await graph.ask(
      '{ threat(threatId: "t1") { links { items { url messageId } } attachments { items { name } } } }',
    );
    expect(data).toMatchObject({
      threat: { links: { items: [{ url: 'https://vendor.example/pay' }] }, attachments: null },
    });
    expect(errors).toMatchObject([
      { path: ['threat', 'attachments'], extensions: { code: 'UPSTREAM_FORBIDDEN' } },
    ]);
  });
});
