import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  campaignKey,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleRun,
  sampleThreat,
  streamState,
} from '../support/records.js';
import { Graph, minutesAfterStart, stale } from './harness.js';

let graph: Graph;
const ids: Record<string, string> = {};

beforeAll(async () => {
  graph = await Graph.start();
  await graph.record({
    run: sampleRun('run 7'),
    observations: [
      observeCase(sampleCase('c 1 with spaces')),
      observeThreat(sampleThreat('t1')),
      observeCampaign(sampleCampaign('k1')),
    ],
    streams: [streamState()],
  });
  const found = await graph.data<Record<string, { nodes: { id: string }[] }>>(
    '{ cases { nodes { id } } threats { nodes { id } } campaigns { nodes { id } } runs { nodes { id } } }',
  );
  for (const [list, { nodes }] of Object.entries(found)) ids[list] = nodes[0]?.id ?? '';
  const { integrations } = await graph.data<{ integrations: { id: string }[] }>('{ integrations { id } }');
  ids.integrations = integrations[0]?.id ?? '';
});
afterEach(() => graph.live.reset());
afterAll(() => graph.close());

const NODE = 'query($id: ID!) { node(id: $id) { __typename id } }';

test.each([
  ['cases', 'Case'],
  ['threats', 'Threat'],
  ['campaigns', 'Campaign'],
  ['runs', 'Run'],
  ['integrations', 'Integration'],
])('an id from %s returns the same %s', async (list, type) => {
  expect(await graph.data(NODE, { id: ids[list] })).toEqual({ node: { __typename: type, id: ids[list] } });
});

test('several ids return nodes in the same order, with null for unknown ones', async () => {
  const unknown = Buffer.from('Case default nobody').toString('base64url');
  const noRun = Buffer.from('Run default nobody').toString('base64url');
  const query =
    'query($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Threat { threatId } ... on Record { deletedAt } } }';
  expect(await graph.data(query, { ids: [unknown, ids.threats, noRun, ids.cases, ids.threats] })).toEqual({
    nodes: [
      null,
      { __typename: 'Threat', threatId: 't1', deletedAt: null },
      null,
      { __typename: 'Case', deletedAt: null },
      { __typename: 'Threat', threatId: 't1', deletedAt: null },
    ],
  });
});

test('one node that cannot be read fails alone', async () => {
  graph.live.onRecord = async (key) => (key.id === 'lost' ? stale('TIMEOUT') : stale('TIMEOUT'));
  const lost = Buffer.from('Case default lost').toString('base64url');
  const query = 'query($ids: [ID!]!) { nodes(ids: $ids) { id } }';
  const { data, errors } = await graph.ask(query, { ids: [lost, ids.cases] });
  expect(data).toEqual({ nodes: [null, { id: ids.cases }] });
  expect(errors).toMatchObject([{ path: ['nodes', 0], extensions: { code: 'UPSTREAM_UNAVAILABLE' } }]);
});

const RECORD =
  'query($id: ID!, $asOf: DateTime, $maxAge: Int) { record(id: $id, asOf: $asOf, maxAge: $maxAge) { __typename ... on Campaign { subject deletedAt } } }';

test('a record of the past has its state of that time', async () => {
  const { code } = await graph.error(RECORD, { id: ids.campaigns, asOf: minutesAfterStart(0) });
  expect(code).toBe('NOT_COLLECTED');
  await graph.record({ tombstones: [campaignKey('k1')] });
  const record = { __typename: 'Campaign', subject: 'Win a voucher' };
  expect(await graph.data(RECORD, { id: ids.campaigns, maxAge: 36_000 })).toEqual({
    record: { ...record, deletedAt: minutesAfterStart(2) },
  });
  expect(await graph.data(RECORD, { id: ids.campaigns, asOf: minutesAfterStart(1) })).toEqual({
    record: { ...record, deletedAt: null },
  });
});

test('the id of a node that is no record is refused by “record”', async () => {
  const error = await graph.error(RECORD, { id: ids.runs });
  expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(/Use node/) });
});

test.each(['node(id: $id, asOf: "2026-03-02T09:00:00Z") { id }', 'nodes(ids: [$id], maxAge: 0) { id }'])(
  'an error names “record” for %s',
  async (field) => {
    const { status, errors } = await graph.ask(`query($id: ID!) { ${field} }`, { id: ids.cases });
    expect([status, errors[0]?.message]).toEqual([400, expect.stringMatching(/use record\(id, asOf/)]);
  },
);

describe('a malformed id is refused', () => {
  test.each([
    ['of nothing', ''],
    ['that is no base64url', '***'],
    ['of an unknown type', Buffer.from('Secret default 1').toString('base64url')],
    ['without an integration', Buffer.from('Case').toString('base64url')],
    ['written otherwise', Buffer.from('Case default c').toString('base64')],
    ['that is Abnormal’s own', 'c1'],
  ])('if it is an id %s', async (_what, id) => {
    const error = await graph.error(NODE, { id });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/not an id of this graph/),
    });
  });

  test('and so are more than 100 ids at once', async () => {
    const many = Array.from({ length: 101 }, () => ids.cases);
    const error = await graph.error('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids: many });
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(/Up to 100 ids/) });
  });
});
