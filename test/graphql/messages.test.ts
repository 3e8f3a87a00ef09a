import 'reflect-metadata';
import { isEnumType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { campaignList } from '../../src/graphql/campaign/campaign.type.js';
import { caseList } from '../../src/graphql/case/case.type.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { ACCOUNT_DIMENSION, AGE_DIMENSION } from '../../src/graphql/statistics/statistics.type.js';
import { messageFilter } from '../../src/graphql/threat/message.type.js';
import { threatList } from '../../src/graphql/threat/threat.type.js';
import type { MessageRecord } from '../../src/resources/threat/threat.js';
import {
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleThreat,
} from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

interface Listed {
  readonly id: string;
  readonly messageId: string;
  readonly receivedTime: string | null;
  readonly threat: { readonly id: string; readonly threatId: string };
}

interface Page {
  readonly messages: {
    readonly totalCount: number;
    readonly nodes: readonly Listed[];
    readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
    readonly coverage: {
      readonly complete: boolean;
      readonly undecided: { readonly count: number; readonly reason: string | null };
    };
  };
}

const LIST = `query L($filter: MessageFilter, $after: String, $before: String, $first: Int, $last: Int, $orderBy: MessageOrder, $asOf: DateTime) {
  messages(filter: $filter, after: $after, before: $before, first: $first, last: $last, orderBy: $orderBy, asOf: $asOf) {
    totalCount pageInfo { endCursor hasNextPage } coverage { complete undecided { count reason } }
    nodes { id messageId receivedTime threat { id threatId } }
  }
}`;

let graph: Graph;
const message = (id: string, changes: Partial<MessageRecord>) =>
  sampleMessage(id, { remediationTime: null, ...changes });

beforeAll(async () => {
  graph = await Graph.start();
  await graph.observe(
    observeThreat(
      sampleThreat('long', {
        recipientCount: 3,
        tenantName: 'Example Corp',
        messages: [
          message('9', {
            receivedTime: minutesAfterStart(90),
            attackTypeRaw: 'Scam',
            recipientAddress: 'user-1@corp.example',
            isRead: true,
            urls: ['https://a.example', 'https://b.example'],
          }),
          message('1', {
            receivedTime: minutesAfterStart(10),
            attackTypeRaw: 'Malware',
            recipientAddress: 'user-2@corp.example',
            isRead: null,
            internetMessageId: '<one@mail.example>',
          }),
          message('1', { receivedTime: null, attackTypeRaw: 'Malware', recipientAddress: null }),
        ],
      }),
    ),
    observeThreat(
      sampleThreat('short', {
        ...{ recipientCount: 5, tenantName: null, tenantId: '7' },
        messages: [
          message('5', {
            receivedTime: minutesAfterStart(50),
            attackTypeRaw: 'Scam',
            recipientAddress: 'user-2@corp.example',
            senderIpAddress: '192.0.2.7',
          }),
        ],
      }),
    ),
    observeCase(
      sampleCase('case-1', { analysisRaw: 'SIGN_IN', severityRaw: 'Account Takeover', tenant: 'Corp' }),
    ),
    observeCase(sampleCase('case-2', { analysisRaw: 'RISK_EVENT', severityRaw: null, tenant: null })),
    observeCampaign(
      sampleCampaign('campaign-1', {
        overallStatusRaw: 'No Action Needed',
        fromName: 'Sam',
        recipientName: 'Kim',
      }),
    ),
    observeCampaign(
      sampleCampaign('campaign-2', { overallStatusRaw: null, fromName: null, recipientName: null }),
    ),
  );
});
afterAll(() => graph.close());

async function list(variables: object = {}): Promise<Page['messages']> {
  return (await graph.data<Page>(LIST, variables)).messages;
}

const idsOf = ({ nodes }: Page['messages']) =>
  nodes.map(({ threat, messageId }) => `${threat.threatId}/${messageId}`);

describe('messages of all threats', () => {
  test('are listed by time across threats, those without a time last', async () => {
    const page = await list();
    expect(idsOf(page)).toEqual(['long/9', 'short/5', 'long/1', 'long/1']);
    expect(page.totalCount).toBe(4);
    const oldest = await list({ orderBy: { field: 'RECEIVED_TIME', direction: 'ASC' } });
    expect(idsOf(oldest)).toEqual(idsOf(page).reverse());
  });

  test('have an id that “node” finds, also if two have the same id of Abnormal', async () => {
    const { nodes } = await list();
    expect(new Set(nodes.map(({ id }) => id)).size).toBe(4);
    for (const { id, messageId, receivedTime, threat } of nodes) {
      const found = await graph.data(
        'query N($id: ID!) { node(id: $id) { id ... on Message { messageId receivedTime threat { id threatId } } } }',
        { id },
      );
      expect(found.node).toEqual({ id, messageId, receivedTime, threat });
    }
  });

  test.each([1, 2, 3])('are paged forwards and backwards, %i at a time', async (size) => {
    const pages: string[] = [];
    for (let after: string | null = null; ; ) {
      const page: Page['messages'] = await list({ first: size, after });
      pages.push(...idsOf(page));
      after = page.pageInfo.endCursor;
      if (!page.pageInfo.hasNextPage) {
        const back = await list({ last: 100, before: after });
        expect(idsOf(back)).toEqual(pages.slice(0, -1));
        break;
      }
    }
    expect(pages).toEqual(['long/9', 'short/5', 'long/1', 'long/1']);
  });

  test('keep the snapshot of the first page, and show another one with “asOf”', async () => {
    const own = await Graph.start();
    const threat = (...ids: string[]) =>
      observeThreat(
        sampleThreat('t', {
          messages: ids.map((id) => message(id, { receivedTime: minutesAfterStart(Number(id)) })),
        }),
      );
    await own.observe(threat('3', '2', '1'));
    const first = await own.data<Page>(LIST, { first: 1 });
    const { at } = await own.store.head();
    await own.observe(threat('4', '2'));
    const rest = await own.data<Page>(LIST, { after: first.messages.pageInfo.endCursor });
    expect(idsOf(rest.messages)).toEqual(['t/2', 't/1']);
    expect(idsOf((await own.data<Page>(LIST, { asOf: at })).messages)).toEqual(['t/3', 't/2', 't/1']);
    expect(idsOf((await own.data<Page>(LIST)).messages)).toEqual(['t/4', 't/2']);
    const { id } = first.messages.nodes[0] ?? { id: '' };
    const gone = await own.data(
      'query N($id: ID!) { node(id: $id) { id ... on Message { messageId noLongerGivenSince threat { threatId } } } }',
      { id },
    );
    expect(gone.node).toMatchObject({ id, messageId: '3', threat: { threatId: 't' } });
    expect(gone.node).not.toMatchObject({ noLongerGivenSince: null });
    await own.close();
  });

  test('are those that a group of statistics counts, for every dimension', async () => {
    const window = { from: minutesAfterStart(0), to: minutesAfterStart(600) };
    const dimensions = enumOf('MessageDimension').filter(([, field]) => field !== AGE_DIMENSION);
    for (const [name, field] of dimensions) {
      const { found } = await graph.data<{
        found: { groups: { keys: { value: string | null }[]; count: number }[] };
      }>(
        `query S($from: DateTime, $to: DateTime) { found: messageStatistics(from: $from, to: $to, groupBy: [${name}]) { groups { keys { value } count } } }`,
        window,
      );
      expect(found.groups.length).toBeGreaterThan(0);
      const shown = messageFilter.fields.find((each) => each.field === field)?.name;
      for (const { keys, count } of found.groups) {
        const value = typed(field, keys[0]?.value ?? null);
        const conditions = field === ACCOUNT_DIMENSION ? {} : { [shown ?? '']: { eq: value } };
        const filter = { receivedTime: { gte: window.from, lt: window.to }, ...conditions };
        expect([name, value, (await list({ filter })).totalCount]).toEqual([name, value, count]);
        const counted = await graph.data(
          'query C($from: DateTime, $to: DateTime, $filter: MessageFilter) { messageStatistics(from: $from, to: $to, filter: $filter) { total { count } } }',
          { ...window, filter },
        );
        expect(counted).toMatchObject({ messageStatistics: { total: { count } } });
      }
    }
  });

  test('without a time that a filter compares make the coverage incomplete', async () => {
    const { nodes, coverage } = await list({ filter: { receivedTime: { gte: minutesAfterStart(0) } } });
    expect(nodes).toHaveLength(3);
    expect(coverage.complete).toBe(false);
    expect(coverage.undecided).toEqual({
      count: 1,
      reason:
        '1 stored message has no receivedTime, so the filter can neither include nor exclude it. `filter: { receivedTime: { eq: null } }` lists all messages without receivedTime.',
    });
    expect(idsOf(await list({ filter: { receivedTime: { eq: null } } }))).toEqual(['long/1']);
  });

  test('of a window that ends now are found by a duration', async () => {
    const { nodes } = await list({ filter: { receivedTime: { last: 'PT9H' } } });
    expect(nodes.map(({ messageId }) => messageId)).toEqual(['9']);
  });

  test('are refused to a cursor of another list, and to a filter that is not valid', async () => {
    const { pageInfo } = await list({ first: 1 });
    const { code } = await graph.error('query T($after: String) { threats(after: $after) { totalCount } }', {
      after: pageInfo.endCursor,
    });
    expect(code).toBe('BAD_USER_INPUT');
    const { message: text } = await graph.error(LIST, { filter: { subject: { in: Array(501).fill('a') } } });
    expect(text).toMatch(/subject\.in may list up to 500 values/);
    const { code: noNode } = await graph.error('query N($id: ID!) { node(id: $id) { id } }', {
      id: Buffer.from('Message default nothing').toString('base64url'),
    });
    expect(noNode).toBe('BAD_USER_INPUT');
  });
});

function typed(field: string, value: string | null): unknown {
  if (value === null) return null;
  if (field === 'isRead') return value === 'true';
  return field === 'attachmentCount' ? Number(value) : value;
}

/** The values of an enum with the fields that they stand for. */
function enumOf(name: string): [string, string][] {
  const type = buildGatewaySchema().getType(name);
  if (!isEnumType(type)) throw new Error(`${name} is no enum`);
  return type.getValues().map((each) => [each.name, String(each.value)]);
}

describe('threats with a message', () => {
  const THREATS =
    'query T($filter: ThreatFilter) { threats(filter: $filter) { totalCount nodes { threatId } coverage { undecided { count reason } } } }';
  type Threats = {
    threats: {
      totalCount: number;
      nodes: { threatId: string }[];
      coverage: { undecided: { count: number; reason: string | null } };
    };
  };
  const threats = async (filter: object) => (await graph.data<Threats>(THREATS, { filter })).threats;
  const found = async (filter: object) => (await threats(filter)).nodes.map(({ threatId }) => threatId);

  test('match if one and the same message meets all conditions', async () => {
    const [type, recipient] = [{ eq: 'SCAM' }, { eq: 'user-2@corp.example' }];
    expect(await found({ attackTypes: type, recipientAddress: recipient })).toEqual(['long', 'short']);
    const some = { attackType: type, recipientAddress: recipient };
    expect(await found({ messages: { some } })).toEqual(['short']);
    expect((await threats({ messages: { some } })).totalCount).toBe(1);
    expect(await found({ not: { messages: { some } } })).toEqual(['long']);
    expect(await found({ messages: { some: {} } })).toEqual(['long', 'short']);
    expect(await found({ or: [{ threatId: { eq: 'long' } }, { messages: { some } }] })).toEqual([
      'long',
      'short',
    ]);
    expect(await found({ messages: { some: { isRead: { eq: true } } } })).toEqual(['long']);
  });

  test('say how many cannot be decided because a message has no time', async () => {
    const { coverage } = await threats({
      messages: { some: { receivedTime: { gte: minutesAfterStart(100) } } },
    });
    expect(coverage.undecided).toEqual({
      count: 1,
      reason:
        '1 stored record has a message without receivedTime, so the filter can neither include nor exclude it. `filter: { messages: { some: { receivedTime: { eq: null } } } }` lists all records with a message without receivedTime.',
    });
  });

  test('name the path of a wrong condition', async () => {
    const { errors } = await graph.ask(THREATS, {
      filter: { messages: { some: { not: { subject: { in: Array(501).fill('a') } } } } },
    });
    expect(errors[0]?.extensions).toMatchObject({
      argumentPath: ['filter', 'messages', 'some', 'not', 'subject', 'in'],
    });
  });
});

test.each([
  ['ThreatDimension', threatList.filter],
  ['MessageDimension', messageFilter],
  ['CaseDimension', caseList.filter],
  ['CampaignDimension', campaignList.filter],
] as const)('every value of %s is a field of the filter of the same list', (name, filter) => {
  const fields = filter.fields.map(({ field }) => field);
  const missing = enumOf(name).filter(
    ([, field]) => ![ACCOUNT_DIMENSION, AGE_DIMENSION, ...fields].includes(field),
  );
  expect(missing).toEqual([]);
});

test.each([
  ['threats(filter: { tenant: { eq: "7" } }) { nodes { id: threatId } }', ['short']],
  ['threats(filter: { tenant: { startsWith: "example" } }) { nodes { id: threatId } }', ['long']],
  ['threats(filter: { allMessagesHeld: { eq: true } }) { nodes { id: threatId } }', ['long']],
  ['cases(filter: { analysisRaw: { eq: "SIGN_IN" } }) { nodes { id: caseId } }', ['case-1']],
  ['cases(filter: { severityLabel: { contains: "takeover" } }) { nodes { id: caseId } }', ['case-1']],
  ['cases(filter: { tenant: { eq: null } }) { nodes { id: caseId } }', ['case-2']],
  ['campaigns(filter: { overallStatusRaw: { ne: null } }) { nodes { id: campaignId } }', ['campaign-1']],
  ['campaigns(filter: { fromName: { eq: "Sam" } }) { nodes { id: campaignId } }', ['campaign-1']],
  ['campaigns(filter: { recipientName: { eq: "Kim" } }) { nodes { id: campaignId } }', ['campaign-1']],
])('%s', async (field, expected) => {
  const { found } = await graph.data<{ found: { nodes: { id: string }[] } }>(`{ found: ${field} }`);
  expect(found.nodes.map(({ id }) => id)).toEqual(expected);
});

test('readers cannot filter messages by what is masked for them', async () => {
  const masked = await Graph.start(undefined, { redact: ['addresses'], asksCallers: true });
  await masked.observe(observeThreat(sampleThreat('t', { messages: [message('1', {})] })));
  for (const query of [
    '{ messages(filter: { recipientAddress: { contains: "a" } }) { totalCount } }',
    '{ messages(filter: { not: { or: [{ senderDomain: { eq: "a" } }] } }) { totalCount } }',
    '{ threats(filter: { messages: { some: { recipientAddress: { contains: "a" } } } }) { totalCount } }',
  ]) {
    const response = await masked.post(JSON.stringify({ query }), {
      'x-api-key': 'a-key-for-the-role-reader',
    });
    const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  }
  await masked.close();
});
