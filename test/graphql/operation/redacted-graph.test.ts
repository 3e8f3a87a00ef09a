import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../../src/graphql/schema.js';
import type { MessageRecord } from '../../../src/resources/threat/threat.js';
import type { Role } from '../../../src/values/access.js';
import { MASK, REDACTION_GROUPS, type RedactionGroup } from '../../../src/values/access.js';
import {
  observationOf,
  observeCampaign,
  observeCase,
  observeThreat,
  quarantineEntry,
  sampleCampaign,
  sampleCase,
  sampleDetection360Report,
  sampleMessage,
  sampleNotAnalyzedMessage,
  samplePortalAuditLog,
  sampleThreat,
  sampleVendorCase,
  threatKey,
} from '../../support/records.js';
import { Graph, type GraphError, keyOf } from '../harness.js';
import { everythingOf } from './everything.js';

const GROUPS = Object.keys(REDACTION_GROUPS) as RedactionGroup[];
const SOME: RedactionGroup[] = ['subject', 'addresses'];

/** Text that gives away where it came from. */
const secret = (group: RedactionGroup, name: string) => `leak-${group}-${name}`;

const EVERYTHING = everythingOf(buildGatewaySchema(), {
  threats: '',
  cases: '',
  campaigns: '',
  messages: '',
  vendorCases: '',
  notAnalyzedMessages: '',
  detection360Reports: '',
  portalAuditLogs: '',
  changes: '(since: "2026-01-01T00:00:00Z")',
  quarantine: '',
});

function messageOf(version: string): MessageRecord {
  const address = (name: string) => `${secret('addresses', name)}-${version}@x.example`;
  return sampleMessage('1', {
    subject: `${secret('subject', 'message')}-${version}`,
    fromAddress: address('from'),
    fromName: `${secret('names', 'from')}-${version}`,
    senderDomain: `${secret('addresses', 'domain')}-${version}`,
    senderIpAddress: `${secret('locations', 'ip')}-${version}`,
    toAddresses: [address('to')],
    recipientAddress: address('recipient'),
    ccAddresses: [address('cc')],
    replyToAddresses: [address('reply')],
    returnPath: address('return'),
    internetMessageId: `<${address('id')}>`,
    attachmentNames: [`${secret('attachments', 'message')}-${version}`],
    urls: [`https://${secret('urls', 'message')}-${version}`],
    summaryInsights: [`${secret('texts', 'insight')}-${version}`],
    customerOverride: {
      overrideType: 'RULE',
      reason: `${secret('texts', 'reason')}-${version}`,
      overrideJudgement: 'Safe',
      value: `${secret('texts', 'value')}-${version}`,
    },
  });
}

async function fill(graph: Graph): Promise<void> {
  for (const version of ['one', 'two']) {
    await graph.observe(
      observeThreat(sampleThreat('threat', { messages: [messageOf(version)] })),
      observeCase(
        sampleCase('case', {
          affectedEmployee: `${secret('names', 'employee')}-${version}`,
          description: `${secret('texts', 'description')}-${version}`,
          genaiSummary: [`${secret('texts', 'summary')}-${version}`],
          threatIds: ['threat'],
        }),
      ),
      observeCampaign(
        sampleCampaign('campaign', {
          subject: `${secret('subject', 'campaign')}-${version}`,
          fromName: `${secret('names', 'campaign')}-${version}`,
          fromAddress: `${secret('addresses', 'campaign')}-${version}`,
          recipientName: `${secret('names', 'recipient')}-${version}`,
          recipientAddress: `${secret('addresses', 'recipient')}-${version}`,
        }),
      ),
      observationOf(
        'vendorCase',
        'vendor',
        sampleVendorCase('vendor', {
          vendorDomain: `${secret('addresses', 'vendor')}-${version}`,
          insights: [{ highlight: 'Vendor compromise', description: secret('texts', 'vendor') }],
          timeline: [
            {
              ...{ time: null, markedAsRaw: 'Malicious', threatId: 'threat' },
              ...{ senderAddress: secret('addresses', 'vendor'), subject: secret('subject', 'vendor') },
              recipientAddress: secret('addresses', 'customer'),
            },
          ],
          threatIds: ['threat'],
        }),
      ),
      observationOf(
        'notAnalyzedMessage',
        '9',
        sampleNotAnalyzedMessage('9', {
          subject: `${secret('subject', 'report')}-${version}`,
          ...{ reporterName: secret('names', 'reporter'), recipientName: secret('names', 'reports') },
          reporterAddress: secret('addresses', 'reporter'),
          recipientAddress: secret('addresses', 'reports'),
        }),
      ),
      observationOf(
        'detection360Report',
        'report',
        sampleDetection360Report('report', {
          ...{ submittedByName: secret('names', 'user'), submittedByAddress: secret('addresses', 'user') },
          analysis: `${secret('texts', 'analysis')}-${version}`,
          rootCauses: [{ name: 'Rule', description: secret('texts', 'cause') }],
        }),
      ),
      observationOf(
        'portalAuditLog',
        'entry',
        samplePortalAuditLog('entry', {
          userAddress: `${secret('addresses', 'portal')}-${version}`,
          ...{ sourceIp: secret('locations', 'portal'), reason: secret('texts', 'portal') },
          requestUrl: secret('urls', 'portal'),
        }),
      ),
      observationOf('caseAnalysis', 'case', {
        caseId: 'case',
        insights: [{ signal: 'Risky location', description: secret('texts', 'insight') }],
        events: [
          {
            ...{ time: null, categoryRaw: 'Sign In', title: secret('texts', 'title') },
            ...{ description: secret('texts', 'event'), ipAddress: secret('locations', 'event') },
            ...{ location: secret('locations', 'place'), previousLocation: secret('locations', 'before') },
            details: { browser: secret('texts', 'details') },
          },
        ],
      }),
      observationOf('threatAttachments', 'threat', {
        threatId: 'threat',
        attachments: [{ messageId: '1', name: secret('attachments', 'file') }],
      }),
      observationOf('threatLinks', 'threat', {
        threatId: 'threat',
        links: [
          {
            ...{ messageId: '1', url: secret('urls', 'link'), domain: secret('urls', 'domain') },
            ...{ linkType: 'html href', source: 'body', displayText: secret('urls', 'text') },
          },
        ],
      }),
    );
  }
  await graph.record({
    quarantine: [
      quarantineEntry(threatKey('bad'), {
        body: secret('received', 'quarantine'),
        reason: secret('texts', 'quarantine'),
      }),
    ],
  });
}

async function ask(graph: Graph, role: Role, query: string, variables = {}) {
  const response = await graph.post(JSON.stringify({ query, variables }), keyOf(role));
  const text = await response.text();
  const { data, errors = [] } = JSON.parse(text) as { data: Record<string, unknown>; errors?: GraphError[] };
  return { text, data, errors };
}

/** The groups of which a text holds something. */
function leaksIn(text: string): RedactionGroup[] {
  return GROUPS.filter((group) => text.includes(`leak-${group}-`));
}

describe.each([
  { redact: GROUPS, left: [] },
  // what quotes anything goes with them
  { redact: SOME, left: ['names', 'urls', 'attachments', 'locations'] },
])('a gateway that masks $redact', ({ redact, left }) => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await Graph.start(undefined, { redact, asksCallers: true });
    await fill(graph);
  });
  afterAll(() => graph.close());

  test('hides the values from readers at every place, and shows them to others', async () => {
    const byAdmin = await ask(graph, 'admin', EVERYTHING);
    expect(byAdmin.errors).toEqual([]);
    expect(leaksIn(byAdmin.text)).toEqual(GROUPS);
    const byReader = await ask(graph, 'reader', EVERYTHING);
    expect(byReader.errors).toEqual([]);
    expect(leaksIn(byReader.text)).toEqual(left);
    expect(byReader.text).toContain(MASK);
  });

  test('never shows a cached response or page to another role', async () => {
    const page = '{ threats { nodes { subject messages { nodes { subject } } } } }';
    for (let round = 0; round < 4; round += 1) {
      for (const role of ['admin', 'reader', 'operator', 'reader'] as const) {
        const { text } = await ask(graph, role, page);
        expect(leaksIn(text)).toEqual(role === 'reader' ? [] : ['subject']);
      }
    }
  });

  test('masks changes of masked fields, before and after, and shows the others', async () => {
    const query =
      '{ changes(since: "2026-01-01T00:00:00Z", kinds: [THREAT, CASE]) { nodes { fieldChanges { field before after } } } }';
    const { data } = await ask(graph, 'reader', query);
    const { nodes } = data.changes as {
      nodes: { fieldChanges: { field: string; before: unknown; after: unknown }[] }[];
    };
    const changes = new Map(
      nodes.flatMap(({ fieldChanges }) => fieldChanges).map((each) => [each.field, each]),
    );
    expect(changes.get('messages[1].subject')).toEqual({
      ...{ field: 'messages[1].subject', before: MASK, after: MASK },
    });
    expect(changes.get('messages[1].customerOverride')).toMatchObject({ before: MASK, after: MASK });
    const urls = redact.includes('urls') ? MASK : ['https://leak-urls-message-one'];
    expect(changes.get('messages[1].urls')).toMatchObject({ before: urls });
  });
});

describe('a masked value cannot be inferred', () => {
  let graph: Graph;
  beforeAll(async () => {
    graph = await Graph.start(undefined, { redact: SOME, asksCallers: true });
    await fill(graph);
  });
  afterAll(() => graph.close());

  const refused = (field: string) => [
    expect.objectContaining({
      message: expect.stringContaining(`${field} is masked`),
      extensions: expect.objectContaining({ code: 'FORBIDDEN' }),
    }),
  ];

  test.each([
    ['subject', '{ threats(filter: { subject: { contains: "a" } }) { totalCount } }'],
    ['subject', '{ threats(filter: { subject: { eq: null } }) { totalCount } }'],
    ['senderDomain', '{ threats(filter: { or: [{ not: { senderDomain: { eq: "a" } } }] }) { totalCount } }'],
    ['affectedEmployee', '{ cases(filter: { and: [{ affectedEmployee: { eq: "a" } }] }) { totalCount } }'],
    ['recipientAddress', '{ campaigns(filter: { recipientAddress: { in: ["a"] } }) { nodes { id } } }'],
    ['description', '{ cases(filter: { description: { contains: "a" } }) { nodes { id } } }'],
  ])('from a filter or order by %s: %s', async (field, query) => {
    const byReader = await ask(graph, 'reader', query);
    expect(byReader.errors).toEqual(refused(field));
    // the second time it is compiled
    expect((await ask(graph, 'reader', query)).errors).toEqual(refused(field));
    expect((await ask(graph, 'operator', query)).errors).toEqual([]);
  });

  test('from a filter in a variable', async () => {
    const query = 'query ($filter: ThreatFilter) { threats(filter: $filter) { totalCount } }';
    const { errors } = await ask(graph, 'reader', query, { filter: { not: { fromAddress: { eq: 'a' } } } });
    expect(errors).toEqual(refused('fromAddress'));
  });

  test('and fields that are not masked can still be filtered by', async () => {
    const query =
      '{ threats(filter: { fromName: { contains: "leak-names" }, subject: null }) { totalCount } }';
    const { data } = await ask(graph, 'reader', query);
    expect(data).toEqual({ threats: { totalCount: 1 } });
  });
});
