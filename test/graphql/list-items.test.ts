import { afterAll, beforeAll, expect, test } from 'vitest';
import { observationOf, sampleNotAnalyzedMessage, samplePortalAuditLog } from '../support/records.js';
import { Graph, keyOf, minutesAfterStart } from './harness.js';

const ID = '-2718281828459045235';
let graph: Graph;

beforeAll(async () => {
  graph = await Graph.start(undefined, {
    redact: ['subject', 'names', 'addresses', 'locations', 'urls'],
    asksCallers: true,
  });
  const message = (id: string, changes: Parameters<typeof sampleNotAnalyzedMessage>[1]) =>
    observationOf('notAnalyzedMessage', id, sampleNotAnalyzedMessage(id, changes));
  const entry = (id: string, changes: Parameters<typeof samplePortalAuditLog>[1]) =>
    observationOf('portalAuditLog', id, samplePortalAuditLog(id, changes));
  await graph.observe(
    message(ID, { reportedTime: minutesAfterStart(1) }),
    message('2', { reportedTime: minutesAfterStart(2), reasonRaw: 'Something new' }),
    entry('a', { timestamp: minutesAfterStart(1) }),
    entry('b', { timestamp: minutesAfterStart(2), statusRaw: 'FAILURE', messageId: null }),
  );
});
afterAll(() => graph.close());

const ask = async (query: string, role: 'reader' | 'admin' = 'admin') => {
  const response = await graph.post(JSON.stringify({ query }), keyOf(role));
  const { data, errors } = (await response.json()) as {
    data: Record<string, unknown>;
    errors?: { message: string }[];
  };
  return { ...data, ...(errors && { errors }) };
};
const WINDOW = `from: "${minutesAfterStart(-60)}", to: "${minutesAfterStart(600)}"`;

test('a message that was not analysed has its fields, and readers see masks', async () => {
  const query = `{ notAnalyzedMessage(messageId: "${ID}") { messageId reportedTime reason reasonRaw subject reporterName reporterAddress recipientName recipientAddress revisions(first: 2) { totalCount } } }`;
  expect(await ask(query)).toEqual({
    notAnalyzedMessage: {
      ...{ messageId: ID, reportedTime: minutesAfterStart(1), reason: 'PHISHING_SIMULATION' },
      ...{ reasonRaw: 'PHISHING_SIMULATION', subject: 'Fw: your parcel', reporterName: 'Sam' },
      ...{ reporterAddress: 'sam@customer.example', recipientName: 'Reports' },
      ...{ recipientAddress: 'phishing@customer.example', revisions: { totalCount: 1 } },
    },
  });
  expect(JSON.stringify(await ask(query, 'reader'))).not.toMatch(/customer\.example|parcel|Sam/);
});

test('an entry of the audit log has its fields, and readers see masks', async () => {
  const query =
    '{ portalAuditLog(entryId: "a") { entryId timestamp category action status statusRaw userAddress sourceIp tenantName messageId reason requestUrl } }';
  expect(await ask(query)).toEqual({
    portalAuditLog: {
      ...{ entryId: 'a', timestamp: minutesAfterStart(1), category: 'threat_log' },
      ...{ action: 'view_message_content', status: 'SUCCESS', statusRaw: 'SUCCESS' },
      ...{ userAddress: 'sam@customer.example', sourceIp: '192.0.2.7', tenantName: '', messageId: ID },
      ...{ reason: null, requestUrl: '/threat-log' },
    },
  });
  expect(JSON.stringify(await ask(query, 'reader'))).not.toMatch(/customer\.example|192\.0|threat-log"/);
});

test.each([
  ['notAnalyzedMessages', 'reason: { eq: OTHER }', 'messageId', ['2']],
  ['notAnalyzedMessages', 'reporterAddress: { contains: "SAM" }', 'messageId', ['2', ID]],
  ['portalAuditLogs', 'status: { eq: FAILURE }', 'entryId', ['b']],
  ['portalAuditLogs', `messageId: { eq: "${ID}" }`, 'entryId', ['a']],
  [
    'portalAuditLogs',
    'category: { eq: "threat_log" }, sourceIp: { startsWith: "192" }',
    'entryId',
    ['b', 'a'],
  ],
])('%s with the filter %s', async (list, filter, id, wanted) => {
  const { [list]: found } = (await ask(`{ ${list}(filter: { ${filter} }) { nodes { ${id} } } }`)) as Record<
    string,
    { nodes: Record<string, string>[] }
  >;
  expect(found?.nodes.map((node) => node[id])).toEqual(wanted);
});

test('statistics count both, and have no durations', async () => {
  expect(
    await ask(
      `{ notAnalyzedMessageStatistics(${WINDOW}, groupBy: [REASON]) { total { count distinct(of: REPORTER_ADDRESS) } } portalAuditLogStatistics(${WINDOW}, groupBy: [STATUS]) { groups { keys { value } count } } }`,
    ),
  ).toMatchObject({
    notAnalyzedMessageStatistics: { total: { count: 2, distinct: 1 } },
    portalAuditLogStatistics: {
      groups: [
        { keys: [{ value: 'FAILURE' }], count: 1 },
        { keys: [{ value: 'SUCCESS' }], count: 1 },
      ],
    },
  });
  expect(
    await ask(`{ notAnalyzedMessageStatistics(${WINDOW}) { total { duration(of: X) { count } } } }`),
  ).toMatchObject({ errors: [{ message: expect.stringContaining('Cannot query field "duration"') }] });
});
