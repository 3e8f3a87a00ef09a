import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import { Graph } from './harness.js';

/*
 * What is shown of each kind of record, and how records lead to each other.
 */

let graph: Graph;

beforeAll(async () => {
  graph = await Graph.start([
    { name: 'default', origin: 'ABNORMAL' },
    { name: 'other', origin: 'ABNORMAL' },
  ]);
  const messages = [
    sampleMessage('-9007199254740993001', { subject: 'newest', receivedTime: '2026-03-01T10:00:00.000Z' }),
    sampleMessage('9007199254740993002', {
      ...{ subject: 'oldest', attackTypeRaw: 'A Kind Never Seen', remediationStatusRaw: 'Not remediated' },
      ...{ remediationTime: null, autoRemediated: false, attackStrategyRaw: null },
      customerOverride: {
        overrideType: 'safelist',
        reason: 'known sender',
        overrideJudgement: null,
        value: null,
      },
    }),
  ];
  await graph.observe(
    observeThreat(sampleThreat('t1', { messages, recipientCount: 3 })),
    observeThreat(sampleThreat('t2', { messages: [], recipientCount: 0 })),
    observeCase(sampleCase('c1', { threatIds: ['t2', 'gone', 't1', 't2'], severityLevelRaw: 'high' })),
    observeCase(sampleCase('c2', { threatIds: ['t1'] })),
    observeCampaign(sampleCampaign('k1', { messageId: '9007199254740993002' })),
    observeCampaign(sampleCampaign('k2', { messageId: 'nobody’s', judgementStatusRaw: 'Undecided Yet' })),
    // another account has records of the same ids, and none of the links between them
    observeThreat(sampleThreat('t1', { messages: [sampleMessage('1')] }), { integration: 'other' }),
    observeCase(sampleCase('c1', { threatIds: ['t2'], description: 'the other account’s' }), {
      integration: 'other',
    }),
  );
});
afterAll(() => graph.close());

test('a case shows its words as an enum and as received', async () => {
  const { case: found } = await graph.data<{ case: object }>(`{ case(caseId: "c1", integration: "default") {
    caseId description severity severityRaw severityLabel confidence confidenceRaw status statusRaw open
    remediationStatus remediationStatusRaw analysisRaw affectedEmployee firstObservedTime customerVisibleTime
    createdTime lastModifiedTime threatIds missingThreatIds genaiSummary tenant deletedAt
    provenance { integration source observedAt verifiedAt digest runId stale }
  } }`);
  expect(found).toMatchObject({
    ...{ caseId: 'c1', severity: 'HIGH', severityRaw: 'high', severityLabel: 'Potential Account Takeover' },
    ...{ confidence: 'MEDIUM', status: 'ACTION_REQUIRED', statusRaw: 'Action Required', open: true },
    ...{
      remediationStatus: 'NOT_REMEDIATED',
      remediationStatusRaw: 'Not remediated',
      analysisRaw: 'SIGN_IN',
    },
    ...{ affectedEmployee: 'pat@customer.example', lastModifiedTime: '2026-03-01T07:00:00.000Z' },
    ...{ threatIds: ['t2', 'gone', 't1', 't2'], missingThreatIds: ['gone'], tenant: null, deletedAt: null },
    genaiSummary: ['A sign-in from an unusual place'],
    provenance: { integration: 'default', source: 'RECORDED', runId: 'run-1', stale: false },
  });
});

test('a case’s threats are the stored ones of its own account, each once, in the order of the case', async () => {
  const query = (integration: string) =>
    `{ case(caseId: "c1", integration: "${integration}") { missingThreatIds threats { totalCount nodes { threatId subject } } } }`;
  expect(await graph.data(query('default'))).toEqual({
    case: {
      missingThreatIds: ['gone'],
      threats: {
        totalCount: 2,
        nodes: [
          { threatId: 't2', subject: null },
          { threatId: 't1', subject: 'newest' },
        ],
      },
    },
  });
  expect(await graph.data(query('other'))).toMatchObject({
    case: { missingThreatIds: ['t2'], threats: { nodes: [] } },
  });
});

test('a threat shows values that are computed from its messages', async () => {
  const { threat } = await graph.data<{ threat: object }>(`{ threat(threatId: "t1", integration: "default") {
    threatId subject receivedTime firstReceivedTime recipientCount messagesHeld pagesComplete allMessagesHeld
    attackTypes attackStrategies attackVectors impersonatedParties fromAddresses tenantId tenantName
    remediation { state messages remediated firstRemediationTime latestRemediationTime lastRemediationTime }
  } }`);
  expect(threat).toEqual({
    ...{
      threatId: 't1',
      subject: 'newest',
      recipientCount: 3,
      messagesHeld: 2,
      pagesComplete: true,
      allMessagesHeld: false,
    },
    ...{ receivedTime: '2026-03-01T10:00:00.000Z', firstReceivedTime: '2026-03-01T08:15:00.000Z' },
    ...{ attackTypes: ['INVOICE_FRAUD_BEC', 'OTHER'], attackStrategies: ['NAME_IMPERSONATION'] },
    ...{ attackVectors: ['TEXT'], impersonatedParties: ['KNOWN_PARTNER'] },
    ...{ fromAddresses: ['billing@vendor.example'], tenantId: '4071', tenantName: 'Customer' },
    remediation: {
      ...{ state: 'PARTLY', messages: 2, remediated: 1 },
      firstRemediationTime: '2026-03-01T08:15:09.123Z',
      latestRemediationTime: '2026-03-01T08:15:09.123Z',
      lastRemediationTime: '2026-03-01T08:15:09.123Z',
    },
  });
});

test('a threat’s messages are sorted newest first, and their ids keep every digit', async () => {
  const { threat } = await graph.data<{
    threat: { messages: object };
  }>(`{ threat(threatId: "t1", integration: "default") {
    messages(first: 2) { totalCount nodes {
      messageId subject attackType attackTypeRaw attackStrategy remediation remediationStatus isRead urls
      customerOverride { overrideType reason }
    } }
  } }`);
  expect(threat.messages).toMatchObject({
    totalCount: 2,
    nodes: [
      {
        messageId: '-9007199254740993001',
        attackType: 'INVOICE_FRAUD_BEC',
        remediation: 'REMEDIATED',
        customerOverride: null,
      },
      {
        ...{ messageId: '9007199254740993002', attackType: 'OTHER', attackTypeRaw: 'A Kind Never Seen' },
        ...{ attackStrategy: null, remediation: 'NOT_REMEDIATED', isRead: null },
        customerOverride: { overrideType: 'safelist', reason: 'known sender' },
      },
    ],
  });
});

test('messages are paginated in both directions', async () => {
  const query = `query($first: Int, $after: String, $last: Int, $before: String) { threat(threatId: "t1", integration: "default") {
    messages(first: $first, after: $after, last: $last, before: $before) { nodes { subject } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }
  } }`;
  type Page = {
    threat: { messages: { nodes: { subject: string }[]; pageInfo: Record<string, string & boolean> } };
  };
  const first = (await graph.data<Page>(query, { first: 1 })).threat.messages;
  const second = (await graph.data<Page>(query, { first: 1, after: first.pageInfo.endCursor })).threat
    .messages;
  const back = (await graph.data<Page>(query, { last: 1, before: second.pageInfo.startCursor })).threat
    .messages;
  expect([first, second, back].map(({ nodes }) => nodes[0]?.subject)).toEqual(['newest', 'oldest', 'newest']);
  expect(second.pageInfo).toMatchObject({ hasNextPage: false, hasPreviousPage: true });
});

test('a threat leads back to the cases that name it', async () => {
  const query =
    '{ threat(threatId: "t1", integration: "default") { cases { totalCount nodes { caseId threats { totalCount } } coverage { complete } } } }';
  expect(await graph.data(query)).toEqual({
    threat: {
      cases: {
        totalCount: 2,
        nodes: [
          { caseId: 'c1', threats: { totalCount: 2 } },
          { caseId: 'c2', threats: { totalCount: 1 } },
        ],
        coverage: { complete: false },
      },
    },
  });
});

test('a campaign leads to the threat that contains its message', async () => {
  const query =
    '{ campaigns(orderBy: { field: CAMPAIGN_ID, direction: ASC }) { nodes { campaignId judgement judgementRaw attackType attackTypeRaw threat { threatId } } } }';
  const { campaigns } = await graph.data<{ campaigns: { nodes: object[] } }>(query);
  expect(campaigns.nodes).toEqual([
    {
      ...{ campaignId: 'k1', judgement: 'MALICIOUS', judgementRaw: 'Malicious' },
      ...{ attackType: 'SCAM', attackTypeRaw: 'Attack Type: Scam', threat: { threatId: 't1' } },
    },
    {
      ...{ campaignId: 'k2', judgement: 'OTHER', judgementRaw: 'Undecided Yet' },
      ...{ attackType: 'SCAM', attackTypeRaw: 'Attack Type: Scam', threat: null },
    },
  ]);
});

test('a list over several accounts is one list, and can be limited to some', async () => {
  const query =
    'query($only: [ID!]) { cases(integrations: $only, orderBy: { field: CASE_ID, direction: ASC }) { totalCount nodes { caseId provenance { integration } } } }';
  type Cases = {
    cases: { totalCount: number; nodes: { caseId: string; provenance: { integration: string } }[] };
  };
  const named = ({ cases }: Cases) =>
    cases.nodes.map((node) => `${node.provenance.integration}/${node.caseId}`);
  expect(named(await graph.data<Cases>(query))).toEqual(['default/c1', 'other/c1', 'default/c2']);
  expect(named(await graph.data<Cases>(query, { only: ['other'] }))).toEqual(['other/c1']);
  expect(await graph.error(query, { only: ['nowhere'] })).toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringMatching(/no integration "nowhere"\. Known integrations: default, other/),
  });
});

test('a record requested by Abnormal’s id needs its account if there are several', async () => {
  const error = await graph.error('{ case(caseId: "c1") { caseId } }');
  expect(error).toMatchObject({
    code: 'BAD_USER_INPUT',
    message: expect.stringMatching(/one of default, other/),
  });
});
