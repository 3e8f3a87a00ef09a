import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { toInstant } from '../../src/values/instant.js';
import {
  caseKey,
  ledgerEntry,
  observationOf,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleCaseAnalysis,
  sampleMessage,
  sampleThreat,
  streamState,
} from '../support/records.js';
import { fresh, Graph, minutesAfterStart, stale } from './harness.js';

/*
 * The graph as it was: a case that changes three times, threats that come and go, and the edges between them.
 */

let graph: Graph;
const at = (n: number) => minutesAfterStart(n);
const nodeId = (text: string) => Buffer.from(text).toString('base64url');

beforeAll(async () => {
  graph = await Graph.start();
  const statuses = ['Action Required', 'Acknowledged (In progress)', 'Acknowledged (Attack resolved)'];
  // 1: the case alone; 2: a threat of it; 3, 4: its status changes, and it names another threat; 5: that comes too
  await graph.observe(observeCase(sampleCase('c1', { statusRaw: statuses[0] ?? null, threatIds: ['t1'] })));
  await graph.observe(
    observeThreat(sampleThreat('t1', { messages: [sampleMessage('5', { subject: 'first' })] })),
  );
  await graph.observe(
    observeCase(sampleCase('c1', { statusRaw: statuses[1] ?? null, threatIds: ['t1', 't2'] })),
  );
  await graph.observe(observeCase(sampleCase('c1', { statusRaw: statuses[2] ?? null, threatIds: ['t2'] })));
  await graph.observe(
    observeThreat(sampleThreat('t2')),
    observeThreat(sampleThreat('t1', { messages: [sampleMessage('5', { subject: 'second' })] })),
    observeCampaign(sampleCampaign('k1', { messageId: '5' })),
  );
  // 6: the timeline; 7: the case is gone
  await graph.observe(observationOf('caseAnalysis', 'c1', sampleCaseAnalysis('c1')));
  await graph.record({ tombstones: [caseKey('c1')] });
});
beforeEach(() => {
  graph.live.onList = async () => {
    throw new Error('asOf must not ask Abnormal');
  };
  graph.live.onRecord = graph.live.onList;
});
afterAll(() => graph.close());

const CASE = `query($asOf: DateTime) { case(caseId: "c1", asOf: $asOf) {
  status missingThreatIds deletedAt threats { nodes { threatId subject cases { nodes { caseId } } } }
} }`;

interface CaseThen {
  readonly case: {
    readonly status: string;
    readonly missingThreatIds: string[];
    readonly threats: { readonly nodes: { readonly threatId: string; readonly subject: string }[] };
  } | null;
}

test.each([
  [1, 'ACTION_REQUIRED', [], ['t1']],
  [2, 'ACTION_REQUIRED', ['t1 first'], []],
  [3, 'IN_PROGRESS', ['t1 first'], ['t2']],
  [4, 'RESOLVED', [], ['t2']],
  [5, 'RESOLVED', ['t2 Overdue invoice 4471'], []],
])(
  'after batch %i the case is %s, has the threats %j and misses %j',
  async (minute, status, threats, missing) => {
    const { case: then } = await graph.data<CaseThen>(CASE, { asOf: at(minute) });
    expect(then?.status).toBe(status);
    expect(then?.missingThreatIds).toEqual(missing);
    expect(then?.threats.nodes.map((threat) => `${threat.threatId} ${threat.subject}`)).toEqual(threats);
  },
);

test('an instant between two batches shows the earlier one', async () => {
  const { case: then } = await graph.data<CaseThen>(CASE, { asOf: toInstant(Date.parse(at(4)) - 1) });
  expect(then?.status).toBe('IN_PROGRESS');
});

describe('asOf before the first recording', () => {
  const FIRST = { code: 'NOT_COLLECTED', firstRecordedAt: at(1) };

  test.each([
    ['a case', CASE],
    ['a node', `query($asOf: DateTime) { record(id: "${nodeId('Case default c1')}", asOf: $asOf) { id } }`],
    ['the cases', 'query($asOf: DateTime) { cases(asOf: $asOf) { totalCount } }'],
    [
      'the cases that a filter matches',
      'query($asOf: DateTime) { cases(asOf: $asOf, filter: { status: { eq: RESOLVED } }) { nodes { caseId } } }',
    ],
    [
      'the changes',
      `query($asOf: DateTime) { changes(since: "${at(-9)}", until: $asOf) { nodes { digestAfter } } }`,
    ],
  ])('fails for %s with an error that names the first instant', async (_, query) => {
    const { data, errors } = await graph.ask(query, { asOf: at(0) });
    expect(Object.values(data)).toEqual([null]);
    expect(errors).toMatchObject([{ message: expect.stringContaining(at(1)), extensions: FIRST }]);
    const then = await graph.data(query, { asOf: at(1) });
    expect(Object.values(then)[0]).not.toBeNull();
  });

  test.each([
    ['threats', 2],
    ['campaigns', 5],
  ])('fails for a list of %s with the first recording of that kind', async (root, minute) => {
    const query = `query($asOf: DateTime) { ${root}(asOf: $asOf) { totalCount } }`;
    const { errors } = await graph.ask(query, { asOf: at(minute - 1) });
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_COLLECTED', firstRecordedAt: at(minute) } }]);
    expect(await graph.data(query, { asOf: at(minute) })).toEqual({ [root]: { totalCount: 1 } });
  });

  test('fails for changes of kinds that came later, and works for others', async () => {
    const query =
      'query($until: DateTime, $kinds: [RecordKind!]) { changes(since: "2026-01-01T00:00:00Z", until: $until, kinds: $kinds) { nodes { kind } } }';
    const { errors } = await graph.ask(query, { until: at(4), kinds: ['CAMPAIGN'] });
    expect(errors).toMatchObject([{ extensions: { firstRecordedAt: at(5) } }]);
    const both = await graph.data<{ changes: { nodes: object[] } }>(query, {
      until: at(1),
      kinds: ['CAMPAIGN', 'CASE'],
    });
    expect(both.changes.nodes).toEqual([{ kind: 'CASE' }]);
  });

  test('gives null for a record that came after the first reading of its account', async () => {
    const query = 'query($asOf: DateTime) { campaign(campaignId: "k1", asOf: $asOf) { campaignId } }';
    expect(await graph.data(query, { asOf: at(4) })).toEqual({ campaign: null });
  });
});

describe('asOf over several accounts', () => {
  let several: Graph;

  beforeAll(async () => {
    several = await Graph.start([
      { name: 'first', origin: 'ABNORMAL' },
      { name: 'late', origin: 'ABNORMAL' },
      { name: 'quiet', origin: 'ABNORMAL' },
    ]);
    // 1: a threat, without the cases that may name it; 2: a case; 3: the late account; 4: one that has no record
    await several.observe(observeThreat(sampleThreat('t1'), { integration: 'first' }));
    await several.observe(observeCase(sampleCase('c1', { threatIds: ['t1'] }), { integration: 'first' }));
    await several.observe(observeCase(sampleCase('c2'), { integration: 'late' }));
    const quiet = { integration: 'quiet', resource: 'cases', filterKey: 'lastModifiedTime' } as const;
    await several.record({ ledger: [ledgerEntry(quiet)], streams: [streamState(quiet)] });
  });
  afterAll(() => several.close());

  const LIST =
    'query($asOf: DateTime, $of: [ID!]) { cases(asOf: $asOf, integrations: $of) { nodes { caseId } } }';

  test('fails for one account with the first recording of that account', async () => {
    const { errors } = await several.ask(LIST, { asOf: at(2), of: ['late'] });
    expect(errors).toMatchObject([
      {
        message: expect.stringMatching(/of late /),
        extensions: { code: 'NOT_COLLECTED', firstRecordedAt: at(3) },
      },
    ]);
  });

  test('shows what was recorded of any of the accounts', async () => {
    for (const of of [null, ['first', 'late']]) {
      expect(await several.data(LIST, { asOf: at(2), of })).toEqual({ cases: { nodes: [{ caseId: 'c1' }] } });
    }
  });

  test('gives an empty list for an account that was read and has no records', async () => {
    expect(await several.data(LIST, { asOf: at(4), of: ['quiet'] })).toEqual({ cases: { nodes: [] } });
    const { errors } = await several.ask(LIST, { asOf: at(3), of: ['quiet'] });
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_COLLECTED', firstRecordedAt: at(4) } }]);
  });

  test('fails for the cases of a threat before any case was recorded', async () => {
    const query =
      'query($asOf: DateTime) { threat(threatId: "t1", integration: "first", asOf: $asOf) { threatId cases { totalCount } } }';
    const { data, errors } = await several.ask(query, { asOf: at(1) });
    expect(data).toEqual({ threat: { threatId: 't1', cases: null } });
    expect(errors).toMatchObject([{ path: ['threat', 'cases'], extensions: { firstRecordedAt: at(2) } }]);
    expect(await several.data(query, { asOf: at(2) })).toMatchObject({
      threat: { cases: { totalCount: 1 } },
    });
  });

  test('always fails for an account that was never read', async () => {
    const empty = await Graph.start([{ name: 'never', origin: 'ABNORMAL' }]);
    try {
      const { errors } = await empty.ask(LIST, { asOf: at(4), of: ['never'] });
      expect(errors).toMatchObject([{ extensions: { code: 'NOT_COLLECTED', firstRecordedAt: null } }]);
    } finally {
      await empty.close();
    }
  });
});

test('reverse edges have their state of that time too', async () => {
  const query = `query($asOf: DateTime) {
    threat(threatId: "t1", asOf: $asOf) { cases { totalCount nodes { caseId status } } }
    campaign(campaignId: "k1", asOf: $asOf) { threat { threatId subject } }
  }`;
  expect(await graph.data(query, { asOf: at(2) })).toEqual({
    threat: { cases: { totalCount: 1, nodes: [{ caseId: 'c1', status: 'ACTION_REQUIRED' }] } },
    campaign: null,
  });
  expect(await graph.data(query, { asOf: at(5) })).toEqual({
    threat: { cases: { totalCount: 0, nodes: [] } },
    campaign: { threat: { threatId: 't1', subject: 'second' } },
  });
});

test('a deleted record is in no list, and its node says when it was deleted', async () => {
  const query = `query($asOf: DateTime) {
    case(caseId: "c1", asOf: $asOf) { status deletedAt }
    cases(asOf: $asOf) { totalCount }
    threat(threatId: "t2", asOf: $asOf) { cases { totalCount } }
  }`;
  expect(await graph.data(query, { asOf: at(7) })).toEqual({
    case: { status: 'RESOLVED', deletedAt: at(7) },
    cases: { totalCount: 0 },
    threat: { cases: { totalCount: 0 } },
  });
  expect(await graph.data(query, { asOf: at(6) })).toMatchObject({
    case: { deletedAt: null },
    cases: { totalCount: 1 },
  });
});

test('a list states its instant, and gives the same items when requested for that instant again', async () => {
  const query =
    'query($asOf: DateTime) { cases(asOf: $asOf) { asOf nodes { caseId status } freshness { stale } } }';
  type Then = { cases: { asOf: string } };
  const then = await graph.data<Then>(query, { asOf: at(4) });
  expect(then).toEqual({
    cases: { asOf: at(4), nodes: [{ caseId: 'c1', status: 'RESOLVED' }], freshness: null },
  });
  expect(await graph.data<Then>(query, { asOf: then.cases.asOf })).toEqual(then);
});

describe('a timeline with asOf', () => {
  const query =
    'query($asOf: DateTime) { case(caseId: "c1", asOf: $asOf) { status timeline { events { title } } } }';

  test('is the one that was recorded by then', async () => {
    expect(await graph.data(query, { asOf: at(6) })).toMatchObject({
      case: { timeline: { events: [{ title: 'Sign-in from a new country' }] } },
    });
  });

  test('is null with the reason if it was not recorded by then, and its case remains', async () => {
    const { data, errors } = await graph.ask(query, { asOf: at(5) });
    expect(data).toEqual({ case: { status: 'RESOLVED', timeline: null } });
    expect(errors).toMatchObject([{ path: ['case', 'timeline'], extensions: { code: 'NOT_COLLECTED' } }]);
  });
});

describe('asOf is refused', () => {
  const query = 'query($asOf: DateTime, $maxAge: Int) { cases(asOf: $asOf, maxAge: $maxAge) { asOf } }';

  test('if it is in the future', async () => {
    const error = await graph.error(query, { asOf: toInstant(graph.now + 1) });
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(/in the future/) });
  });

  test('together with maxAge', async () => {
    const error = await graph.error(query, { asOf: at(3), maxAge: 60 });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/cannot be combined with maxAge/),
    });
  });

  test('without a time zone, before the query is executed', async () => {
    const { status, errors } = await graph.ask(query, { asOf: '2026-03-01T08:00:00' });
    expect(status).toBe(400);
    expect(errors[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  test('and so is a maxAge below zero', async () => {
    const error = await graph.error(query, { maxAge: -1 });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/0 seconds or more/),
    });
  });
});

test('asOf accepts any time zone and precision', async () => {
  const query = 'query($asOf: DateTime) { cases(asOf: $asOf) { asOf } }';
  const told = at(4).replace(/T(\d\d)/, (_, hour: string) => `T${String(Number(hour) + 2).padStart(2, '0')}`);
  const answer = await graph.data(query, { asOf: told.replace('.000Z', '.0004+02:00') });
  expect(answer).toEqual({ cases: { asOf: at(4) } });
});

test('a query of the present after one of the past is up to date', async () => {
  graph.live.onList = async () => fresh(at(7));
  graph.live.onRecord = async () => stale('TIMEOUT');
  const { data } = await graph.ask('{ cases { totalCount asOf } }');
  expect(data).toEqual({ cases: { totalCount: 0, asOf: at(7) } });
});
