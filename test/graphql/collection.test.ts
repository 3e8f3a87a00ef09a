import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CORE_RESOURCES, FILTER_KEYS } from '../../src/resources/registry.js';
import { shift } from '../../src/values/instant.js';
import {
  ledgerEntry,
  NO_COUNTS,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleRun,
  sampleThreat,
  streamState,
} from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

/*
 * What is said of the collection itself: what was covered, what it cost, how its streams stand.
 */

let graph: Graph;
const day = (n: number) => `2026-02-${String(n).padStart(2, '0')}T00:00:00.000Z`;
const days = (from: number, to: number) => ({ from: day(from), to: day(to), settledTo: day(to) });

beforeAll(async () => {
  graph = await Graph.start();
  graph.now = Date.parse(day(20));
  await graph.record({
    run: sampleRun('run-1', {
      status: 'SUCCEEDED',
      startedAt: day(10),
      counts: { ...NO_COUNTS, calls: 12, added: 3 },
    }),
    observations: [
      observeThreat(sampleThreat('t1', { messages: [sampleMessage('1', { receivedTime: day(4) })] })),
    ],
    ledger: [
      ledgerEntry({ ...days(1, 3), declared: 5, listed: 5, held: 5 }),
      ledgerEntry({
        ...days(3, 6),
        declared: 7,
        listed: 7,
        held: 6,
        status: 'PARTIAL',
        reason: 'one could not be read',
      }),
      ledgerEntry({
        ...days(8, 10),
        ...{ declared: 4, listed: 4, held: 1 },
        missing: [
          { id: 'lost', code: 'UNDECODABLE', reason: 'cannot be parsed', since: day(9) },
          { id: 'read-later', code: 'FAILED', reason: 'timed out', since: day(9) },
          { id: 'vanished', code: 'GONE', reason: 'answered 404 in two runs', since: day(8) },
        ],
      }),
    ],
    streams: [
      streamState({ collectFrom: day(1), lastSuccessAt: day(10) }),
      streamState({
        resource: 'cases',
        filterKey: 'lastModifiedTime',
        status: 'NOT_LICENSED',
        message: 'No licence.',
        collectFrom: day(1),
      }),
    ],
  });
  await graph.record({
    now: minutesAfterStart(2),
    run: sampleRun('run-2', {
      resource: 'cases',
      trigger: 'REREAD',
      startedAt: day(11),
      errors: ['it broke'],
    }),
    observations: [
      observeThreat(sampleThreat('read-later', { messages: [sampleMessage('2', { receivedTime: day(9) })] })),
      // on the boundary of two readings
      observeThreat(sampleThreat('t3', { messages: [sampleMessage('3', { receivedTime: day(8) })] })),
    ],
    ledger: [ledgerEntry({ ...days(6, 8), declared: 4, listed: 4, held: 4 })],
  });
});
afterAll(() => graph.close());

const COVERAGE = `query($from: DateTime, $to: DateTime, $asOf: DateTime, $resource: Resource = THREATS) {
  coverage(resource: $resource, from: $from, to: $to, asOf: $asOf) { from to complete declared held gaps { integration from to reason detail } missing { integration kind id code reason since from to } }
}`;

describe('coverage', () => {
  test('of a window that was read is complete, with the declared and the stored count', async () => {
    expect(await graph.data(COVERAGE, { from: day(1), to: day(3) })).toEqual({
      coverage: { from: day(1), to: day(3), complete: true, declared: 5, held: 0, gaps: [], missing: [] },
    });
  });

  test('names what is missing and the reason', async () => {
    const { coverage } = await graph.data<{ coverage: object }>(COVERAGE, { from: day(2), to: day(12) });
    expect(coverage).toEqual({
      ...{ from: day(2), to: day(12), complete: false, declared: null, held: 3 },
      gaps: [
        {
          integration: 'default',
          from: day(3),
          to: day(6),
          reason: 'PARTIAL',
          detail: 'one could not be read',
        },
        { integration: 'default', from: day(10), to: day(12), reason: 'NOT_COLLECTED', detail: null },
      ],
      missing: [
        { ...inWindow('lost', 'UNDECODABLE'), reason: 'cannot be parsed', since: day(9) },
        { ...inWindow('vanished', 'GONE'), reason: 'answered 404 in two runs', since: day(8) },
      ],
    });
  });

  const inWindow = (id: string, code: string) => ({
    ...{ integration: 'default', kind: 'THREAT', id, code, from: day(8), to: day(10) },
  });

  test('of a window with one unread listed record is complete except for that record', async () => {
    const window = { from: day(8), to: day(10) };
    const { coverage } = await graph.data<{ coverage: object }>(COVERAGE, window);
    expect(coverage).toMatchObject({
      ...{ complete: false, gaps: [], missing: [{ id: 'lost' }, { id: 'vanished' }] },
      ...{ declared: 4, held: 2 },
    });
    // what was recorded later was missing then
    graph.now = Date.parse(minutesAfterStart(600));
    const then = await graph.data<{ coverage: object }>(COVERAGE, { ...window, asOf: minutesAfterStart(1) });
    expect(then.coverage).toMatchObject({
      missing: [{ id: 'lost' }, { id: 'read-later' }, { id: 'vanished' }],
    });
    graph.now = Date.parse(day(20));
  });

  test('counts what is stored like the list of the same window, without duplicates', async () => {
    for (const [from, to] of [
      [1, 12],
      [3, 8],
      [6, 10],
      [8, 9],
    ] as const) {
      const data = await graph.data<{ coverage: { held: number }; threats: { totalCount: number } }>(
        `query($from: DateTime!, $to: DateTime!, $last: DateTime!) {
          coverage(resource: THREATS, from: $from, to: $to) { held }
          threats(filter: { receivedTime: { gte: $from, lte: $last } }, maxAge: 100000000) { totalCount }
        }`,
        { from: day(from), to: day(to), last: shift(day(to), -1) },
      );
      expect(data.coverage.held).toBe(data.threats.totalCount);
    }
  });

  test('of the past is what it was at that time', async () => {
    graph.now = Date.parse(minutesAfterStart(600));
    const { coverage } = await graph.data<{ coverage: object }>(COVERAGE, {
      ...{ from: day(6), to: day(8), asOf: minutesAfterStart(1) },
    });
    expect(coverage).toMatchObject({ complete: false, gaps: [{ from: day(6), to: day(8) }] });
    graph.now = Date.parse(day(20));
  });

  test('without bounds extends from the beginning of the collection to now', async () => {
    expect(await graph.data(COVERAGE)).toMatchObject({
      coverage: { from: day(1), to: day(20), complete: false },
    });
  });

  test('of a stream that was never read is one gap from the beginning of time', async () => {
    const { coverage } = await graph.data<{ coverage: object }>(COVERAGE, { resource: 'CAMPAIGNS' });
    expect(coverage).toMatchObject({
      ...{ complete: false, declared: null, held: 0 },
      gaps: [{ reason: 'NOT_COLLECTED', from: '1970-01-01T00:00:00.000Z', to: day(20) }],
    });
  });

  test('of a window that ends before it begins is refused', async () => {
    const error = await graph.error(COVERAGE, { from: day(3), to: day(2) });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/must not be before from/),
    });
  });

  test.each([
    [
      'bounded below and above',
      { receivedTime: { gte: day(1), lte: '2026-02-02T23:59:59.999Z' } },
      day(1),
      day(3),
      true,
    ],
    [
      'bounded within other conditions',
      {
        and: [{ receivedTime: { gte: day(6) } }, { receivedTime: { lte: day(7) } }],
        unremediated: { eq: true },
      },
      day(6),
      '2026-02-07T00:00:00.001Z',
      true,
    ],
    [
      'not bounded by what one of several may be',
      { or: [{ receivedTime: { gte: day(6) } }, { unremediated: { eq: true } }] },
      day(1),
      day(20),
      false,
    ],
    ['not bounded by what it excludes', { not: { receivedTime: { gte: day(6) } } }, day(1), day(20), false],
    ['bounded by another time', { firstReceivedTime: { gte: day(6) } }, day(1), day(20), false],
  ])('of a list is that of its filter, %s', async (_what, filter, from, to, complete) => {
    const query =
      'query($filter: ThreatFilter) { threats(filter: $filter) { coverage { from to complete } } }';
    const { threats } = await graph.data<{ threats: { coverage: object } }>(query, { filter });
    expect(threats.coverage).toEqual({ from, to, complete });
  });
});

test('runs are listed newest first, with their cost and problems', async () => {
  const query =
    'query($after: String) { runs(first: 1, after: $after) { totalCount pageInfo { hasNextPage endCursor } nodes { runId resource trigger status startedAt endedAt errors counts { calls added } parameters } } }';
  type Runs = { runs: { nodes: object[]; pageInfo: { hasNextPage: boolean; endCursor: string } } };
  const first = await graph.data<Runs>(query);
  expect(first.runs).toMatchObject({
    totalCount: 2,
    pageInfo: { hasNextPage: true },
    nodes: [
      {
        runId: 'run-2',
        resource: 'CASES',
        trigger: 'REREAD',
        startedAt: day(11),
        endedAt: null,
        errors: ['it broke'],
      },
    ],
  });
  const second = await graph.data<Runs>(query, { after: first.runs.pageInfo.endCursor });
  expect(second.runs).toMatchObject({
    pageInfo: { hasNextPage: false },
    nodes: [
      {
        runId: 'run-1',
        status: 'SUCCEEDED',
        counts: { calls: 12, added: 3 },
        parameters: { from: '2026-03-01', 'max.pages': 8 },
      },
    ],
  });
});

test('integrations are listed with their streams', async () => {
  const query =
    '{ integrations { name origin baseUrl streams { resource filterKey status message collectFrom lastSuccessAt } } }';
  expect(await graph.data(query)).toEqual({
    integrations: [
      {
        ...{ name: 'default', origin: 'ABNORMAL', baseUrl: 'https://default.example.test/v1' },
        streams: expect.arrayContaining([
          {
            ...{ resource: 'THREATS', filterKey: 'receivedTime', status: 'OK', message: null },
            ...{ collectFrom: day(1), lastSuccessAt: day(10) },
          },
          expect.objectContaining({ resource: 'CASES', status: 'NOT_LICENSED', message: 'No licence.' }),
        ]),
      },
    ],
  });
});

test('the upstream budget is shown', async () => {
  const query = '{ upstreamBudget { limit used resetsAt waiting { interactive poll backfill } } }';
  expect(await graph.data(query)).toEqual({
    upstreamBudget: {
      limit: 300,
      used: 7,
      resetsAt: null,
      waiting: { interactive: 1, poll: 2, backfill: 3 },
    },
  });
});

describe('coverage of records without a time', () => {
  let own: Graph;
  const span = { from: '1970-01-01T00:00:00.000Z', to: day(20), settledTo: day(20) };
  const lists: readonly (readonly [root: string, time: string])[] = [
    ...['receivedTime', 'firstReceivedTime', 'latestRemediationTime'].map(
      (time) => ['threats', time] as const,
    ),
    ...['lastModifiedTime', 'createdTime', 'customerVisibleTime', 'firstObservedTime'].map(
      (time) => ['cases', time] as const,
    ),
    ...['lastReportedTime', 'firstReportedTime'].map((time) => ['campaigns', time] as const),
  ];
  type Report = { complete: boolean; gaps: object[]; undecided: { count: number; reason: string | null } };

  beforeAll(async () => {
    own = await Graph.start();
    own.now = Date.parse(day(20));
    const none = { receivedTime: null, remediationStatusRaw: 'Remediated', remediationTime: null };
    await own.record({
      now: day(1),
      ledger: CORE_RESOURCES.map((resource) =>
        ledgerEntry({ ...span, resource, filterKey: FILTER_KEYS[resource][0] }),
      ),
      observations: [
        observeThreat(sampleThreat('t1')),
        observeThreat(sampleThreat('t2', { messages: [sampleMessage('2', none)] })),
        observeCase(sampleCase('c1')),
        observeCase(
          sampleCase('c2', {
            ...{
              lastModifiedTime: null,
              createdTime: null,
              customerVisibleTime: null,
              firstObservedTime: null,
            },
          }),
        ),
        observeCampaign(sampleCampaign('k1')),
        observeCampaign(sampleCampaign('k2', { lastReportedTime: null, firstReportedTime: null })),
      ],
    });
  });
  afterAll(() => own.close());

  const coverageOf = async (root: string, filter: object) => {
    const type = { threats: 'ThreatFilter', cases: 'CaseFilter', campaigns: 'CampaignFilter' }[root];
    const query = `query($filter: ${type}) { list: ${root}(filter: $filter) { totalCount coverage { complete gaps { reason } undecided { count reason } } } }`;
    const { list } = await own.data<{ list: { totalCount: number; coverage: Report } }>(query, { filter });
    return list;
  };

  test.each(lists)('is incomplete for %s filtered by %s while one has no such time', async (root, time) => {
    const { coverage } = await coverageOf(root, { [time]: { gte: day(1) } });
    expect(coverage).toEqual({
      ...{ complete: false, gaps: [] },
      undecided: { count: 1, reason: expect.stringContaining(`1 stored record has no ${time}`) },
    });
    const negated = await coverageOf(root, { not: { [time]: { lte: day(1) } } });
    expect(negated.coverage).toMatchObject({ complete: false, undecided: { count: 1 } });
  });

  test.each(lists)('is complete for %s without a filter that compares %s', async (root, time) => {
    for (const filter of [{}, { [time]: { eq: null } }]) {
      const { coverage } = await coverageOf(root, filter);
      expect(coverage).toEqual({ complete: true, gaps: [], undecided: { count: 0, reason: null } });
    }
  });

  test('gives a reason whose filter lists the records', async () => {
    const { coverage } = await coverageOf('cases', { lastModifiedTime: { gte: day(1) } });
    const [, field = ''] =
      /`filter: \{ (\w+): \{ eq: null \} \}`/.exec(coverage.undecided.reason ?? '') ?? [];
    expect((await coverageOf('cases', { [field]: { eq: null } })).totalCount).toBe(1);
  });

  test('counts a record that has no value for two times once', async () => {
    const filter = { createdTime: { gte: day(1) }, lastModifiedTime: { gte: day(1) } };
    expect((await coverageOf('cases', filter)).coverage.undecided.count).toBe(1);
  });

  test('of a window counts the records without a position in it', async () => {
    const query = `query($from: DateTime) { coverage(resource: CASES, from: $from) { complete undecided { count } } }`;
    expect(await own.data(query, { from: day(2) })).toEqual({
      coverage: { complete: false, undecided: { count: 1 } },
    });
    expect(await own.data(query)).toMatchObject({ coverage: { undecided: { count: 0 } } });
  });
});
