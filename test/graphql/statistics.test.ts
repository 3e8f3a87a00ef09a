import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MessageRecord } from '../../src/resources/threat/threat.js';
import { shift } from '../../src/values/instant.js';
import {
  ledgerEntry,
  observationOf,
  observeCampaign,
  observeCase,
  observeThreat,
  sampleCampaign,
  sampleCase,
  sampleMessage,
  sampleNotAnalyzedMessage,
  samplePortalAuditLog,
  sampleThreat,
  sampleVendorCase,
} from '../support/records.js';
import { type Answer, Graph, keyOf, minutesAfterStart } from './harness.js';

const WINDOW = { from: minutesAfterStart(-60), to: minutesAfterStart(600) };

interface Cell {
  readonly count: number;
  readonly buckets:
    | readonly { readonly from: string; readonly count: number; readonly gapReasons: string[] }[]
    | null;
}

interface Found {
  readonly asOf: string;
  readonly coverage: { readonly complete: boolean };
  readonly total: Cell;
  readonly groups: readonly (Cell & {
    readonly keys: readonly { dimension: string; value: string | null }[];
  })[];
  readonly rest: { readonly values: number; readonly count: number } | null;
}

const DEFAULT = `asOf coverage { complete } total { count buckets { from count gapReasons } }
  groups { keys { dimension value } count buckets { from to count gapReasons partial } } rest { values count }`;

/** The panels of public dashboards over this data, each as the one request that answers it. */
const PANELS: readonly (readonly [panel: string, request: string])[] = [
  ['threats, single number', 'threatStatistics(W)'],
  ['threat messages, single number', 'messageStatistics(W)'],
  ['threats per day', 'threatStatistics(W interval: DAY)'],
  ['attacks per day by type', 'messageStatistics(W interval: DAY groupBy: [ATTACK_TYPE])'],
  ['attacks by type', 'messageStatistics(W groupBy: [ATTACK_TYPE])'],
  ['by attack strategy', 'messageStatistics(W groupBy: [ATTACK_STRATEGY])'],
  ['by attack vector', 'messageStatistics(W groupBy: [ATTACK_VECTOR])'],
  ['by attacked party', 'messageStatistics(W groupBy: [ATTACKED_PARTY])'],
  ['by impersonated party', 'messageStatistics(W groupBy: [IMPERSONATED_PARTY])'],
  ['by remediation status', 'messageStatistics(W groupBy: [REMEDIATION_STATUS])'],
  ['read or not', 'messageStatistics(W groupBy: [IS_READ])'],
  ['by number of attachments', 'messageStatistics(W groupBy: [ATTACHMENT_COUNT])'],
  ['top senders', 'messageStatistics(W groupBy: [SENDER_ADDRESS] top: 10)'],
  ['top sender domains', 'messageStatistics(W groupBy: [SENDER_DOMAIN] top: 10)'],
  ['top recipients', 'messageStatistics(W groupBy: [RECIPIENT_ADDRESS] top: 10)'],
  ['top links', 'messageStatistics(W groupBy: [URL] top: 10)'],
  ['top reasons of detection', 'messageStatistics(W groupBy: [INSIGHT] top: 10)'],
  ['sender activity over time', 'messageStatistics(W interval: DAY groupBy: [SENDER_ADDRESS] top: 5)'],
  ['cases, single number', 'caseStatistics(W)'],
  ['cases by severity', 'caseStatistics(W groupBy: [SEVERITY, SEVERITY_LABEL])'],
  ['cases over time by severity', 'caseStatistics(W interval: HOUR groupBy: [SEVERITY])'],
  ['cases by status', 'caseStatistics(W groupBy: [STATUS])'],
  ['cases by remediation', 'caseStatistics(W groupBy: [REMEDIATION_STATUS])'],
  ['cases by analysis', 'caseStatistics(W groupBy: [ANALYSIS])'],
  ['top affected employees', 'caseStatistics(W groupBy: [AFFECTED_EMPLOYEE] top: 10)'],
  ['campaigns, single number', 'campaignStatistics(W)'],
  ['reports by judgement', 'campaignStatistics(W groupBy: [JUDGEMENT])'],
  ['reports by attack type', 'campaignStatistics(W groupBy: [ATTACK_TYPE])'],
  ['top senders of reports', 'campaignStatistics(W groupBy: [SENDER_ADDRESS] top: 10)'],
  ['top recipients of reports', 'campaignStatistics(W groupBy: [RECIPIENT_ADDRESS] top: 10)'],
  ['alert: high-risk attack type', 'messageStatistics(W filter: {attackType: {in: [SCAM]}})'],
  ['alert: high severity', 'caseStatistics(W filter: {severity: {eq: HIGH}})'],
  ['alert: one person hit repeatedly', 'messageStatistics(W groupBy: [RECIPIENT_ADDRESS] minCount: 2)'],
  [
    'still in mailboxes',
    'messageStatistics(W filter: {remediation: {ne: REMEDIATED}} groupBy: [AGE, IS_READ])',
  ],
  ['open takeovers', 'caseStatistics(W filter: {open: {eq: true}} groupBy: [SEVERITY, AGE])'],
  ['threats by age', 'threatStatistics(W groupBy: [AGE, REMEDIATION_STATE])'],
  ['vendor cases by domain', 'vendorCaseStatistics(W groupBy: [VENDOR_DOMAIN])'],
  ['top senders of vendor cases', 'vendorCaseStatistics(W groupBy: [SENDER_ADDRESS] top: 10)'],
  ['vendor cases by mark', 'vendorCaseStatistics(W groupBy: [MARKED_AS])'],
  ['mail not analysed by reason', 'notAnalyzedMessageStatistics(W groupBy: [REASON])'],
  ['top reporters of it', 'notAnalyzedMessageStatistics(W groupBy: [REPORTER_ADDRESS] top: 10)'],
  ['portal audit log by category and action', 'portalAuditLogStatistics(W groupBy: [CATEGORY, ACTION])'],
  ['portal audit log by user', 'portalAuditLogStatistics(W groupBy: [USER_ADDRESS, SOURCE_IP])'],
  ['portal audit log over time', 'portalAuditLogStatistics(W interval: HOUR groupBy: [STATUS])'],
];

/** Those that are lists, or several numbers next to each other. */
const OTHER_PANELS: readonly (readonly [panel: string, query: string, expected: object])[] = [
  [
    'volume by data source',
    `query Q($from: DateTime!, $to: DateTime!) {
      threats: threatStatistics(from: $from, to: $to, interval: DAY) { total { count } }
      cases: caseStatistics(from: $from, to: $to, interval: DAY) { total { count } }
      campaigns: campaignStatistics(from: $from, to: $to, interval: DAY) { total { count } } }`,
    {
      ...{ threats: { total: { count: 4 } }, cases: { total: { count: 2 } } },
      campaigns: { total: { count: 1 } },
    },
  ],
  [
    'detail table',
    `query Q($from: DateTime!, $to: DateTime!) {
      messages(first: 2, filter: { receivedTime: { gte: $from, lt: $to }, attackType: { eq: SCAM } }) {
        totalCount nodes { recipientAddress } } }`,
    { messages: { totalCount: 7, nodes: [{}, {}] } },
  ],
  [
    'alert: case opened',
    `query Q($from: DateTime!) { changes(since: $from, kinds: [CASE], change: [ADDED]) { nodes { recordId } } }`,
    { changes: { nodes: [{ recordId: 'case-1' }, { recordId: 'case-2' }] } },
  ],
  [
    'alert: reported mail judged malicious',
    `query Q($from: DateTime!) { changes(since: $from, kinds: [CAMPAIGN], change: [CHANGED]) {
      nodes { recordId node { ... on Campaign { judgement } } } } }`,
    { changes: { nodes: [{ recordId: 'campaign-1', node: { judgement: 'MALICIOUS' } }] } },
  ],
];

let graph: Graph;

const message = (n: number, changes: Partial<MessageRecord> = {}) =>
  sampleMessage(String(n), {
    receivedTime: minutesAfterStart(n * 30),
    remediationTime: null,
    recipientAddress: `user-${n % 3}@corp.example`,
    attackTypeRaw: n % 2 === 0 ? 'Scam' : 'Something new',
    ...changes,
  });

beforeAll(async () => {
  graph = await Graph.start();
  const threats = [0, 1, 2, 3].map((n) =>
    observeThreat(
      sampleThreat(`threat-${n}`, {
        recipientCount: n === 3 ? 5 : 2,
        messages: [
          message(2 * n, {
            remediationTime: minutesAfterStart(60 * n + 90),
            remediationStatusRaw: 'Remediated',
          }),
          message(2 * n + 1, {
            remediationStatusRaw: 'Not remediated',
            attackTypeRaw: n === 2 ? null : 'Scam',
          }),
        ],
      }),
    ),
  );
  const times = (minute: number) => ({
    ...{ customerVisibleTime: minutesAfterStart(minute), lastModifiedTime: minutesAfterStart(minute) },
  });
  const reported = sampleCampaign('campaign-1', {
    ...{ firstReportedTime: minutesAfterStart(10), judgementStatusRaw: 'Scanning' },
  });
  const open = sampleCase('case-1', { ...times(0), statusRaw: 'Action Required' });
  await graph.record({
    observations: [
      ...threats,
      observeCase(open),
      observeCase(
        sampleCase('case-2', { ...times(120), statusRaw: 'Action Required', severityLevelRaw: 'LOW' }),
      ),
      observeCampaign(reported),
      observationOf('vendorCase', 'v1', sampleVendorCase('v1', { firstObservedTime: minutesAfterStart(20) })),
      observationOf(
        'notAnalyzedMessage',
        'n1',
        sampleNotAnalyzedMessage('n1', { reportedTime: minutesAfterStart(20) }),
      ),
      observationOf('portalAuditLog', 'p1', samplePortalAuditLog('p1', { timestamp: minutesAfterStart(20) })),
    ],
    ledger: [
      ledgerEntry({
        from: minutesAfterStart(-60),
        to: minutesAfterStart(180),
        settledTo: minutesAfterStart(180),
      }),
    ],
  });
  const resolved = sampleCase('case-1', { ...times(30), statusRaw: 'Acknowledged (Attack resolved)' });
  const judged = { ...reported, judgementStatusRaw: 'Malicious' };
  await graph.record({
    observations: [observeCase(resolved, { basis: 9 }), observeCampaign(judged, { basis: 9 })],
  });
});
afterAll(() => graph.close());

async function ask(request: string, selection = DEFAULT, variables: object = WINDOW): Promise<Found> {
  const field = request.replace('(W', '(from: $from, to: $to,').replace(',)', ')');
  const query = `query Q($from: DateTime, $to: DateTime) { found: ${field} { ${selection} } }`;
  const { found } = await graph.data<{ found: Found }>(query, variables);
  return found;
}

describe('statistics', () => {
  test.each(PANELS)('answer the panel “%s” in one request', async (_panel, request) => {
    const found = await ask(request);
    const overlapping = /URL|INSIGHT/.test(request);
    const shown = found.groups.reduce((sum, { count }) => sum + count, 0) + (found.rest?.count ?? 0);
    expect(found.total.count).toBeGreaterThan(0);
    if (request.includes('groupBy') && !overlapping) expect(shown).toBe(found.total.count);
    const interval = request.includes('interval');
    for (const { count, buckets } of [found.total, ...found.groups]) {
      if (!interval) expect(buckets).toBeNull();
      else expect(buckets?.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(count);
    }
  });

  test.each(OTHER_PANELS)('or other fields answer the panel “%s”', async (_panel, query, expected) => {
    expect(await graph.data(query, WINDOW)).toMatchObject(expected);
  });

  test('of two windows in one operation come from one snapshot', async () => {
    const query = `query Q($from: DateTime, $middle: DateTime, $to: DateTime) {
      now: messageStatistics(from: $middle, to: $to, groupBy: [ATTACK_TYPE]) { asOf total { count } }
      before: messageStatistics(from: $from, to: $middle, groupBy: [ATTACK_TYPE]) { asOf total { count } }
    }`;
    const { now, before } = await graph.data<{ now: Found; before: Found }>(query, {
      ...{ ...WINDOW, middle: minutesAfterStart(100) },
    });
    expect(now.asOf).toBe(before.asOf);
    expect([before.total.count, now.total.count]).toEqual([4, 4]);
  });

  test('have a group for what Abnormal gives no value for, apart from unknown words and the rest', async () => {
    const { groups, rest } = await ask('messageStatistics(W groupBy: [ATTACK_TYPE])');
    expect(groups.map(({ keys, count }) => [keys[0]?.value, count])).toEqual([
      ['SCAM', 7],
      [null, 1],
    ]);
    expect(rest).toBeNull();
    const top = await ask('messageStatistics(W groupBy: [RECIPIENT_ADDRESS] top: 1)');
    expect(top.groups).toHaveLength(1);
    expect(top.rest).toEqual({ values: 2, count: 5 });
  });

  test('count as many as the list of the same filter', async () => {
    const query = `query Q($from: DateTime, $last: DateTime, $to: DateTime) {
      list: threats(filter: {firstReceivedTime: {gte: $from, lte: $last}, recipientAddress: {eq: "user-1@corp.example"}}) { totalCount }
      found: threatStatistics(from: $from, to: $to, filter: {recipientAddress: {eq: "user-1@corp.example"}}) { total { count } }
      byId: threatStatistics(from: $from, to: $to, filter: {or: [{threatId: {eq: "threat-1"}}, {messageId: {eq: "0"}}]}) { total { count } }
    }`;
    const answer = await graph.data<{ list: { totalCount: number }; found: Found; byId: Found }>(query, {
      ...{ ...WINDOW, last: shift(WINDOW.to, -1) },
    });
    expect(answer.found.total.count).toBe(answer.list.totalCount);
    expect(answer.found.total.count).toBeGreaterThan(1);
    expect(answer.byId.total.count).toBe(2);
  });

  test('tell an empty hour from one that was not collected', async () => {
    const { total } = await ask('threatStatistics(W interval: HOUR)');
    const of = (minute: number) => total.buckets?.find(({ from }) => from === minutesAfterStart(minute));
    expect(of(-60)).toMatchObject({ count: 0, gapReasons: [] });
    expect(of(240)).toMatchObject({ count: 0, gapReasons: ['NOT_COLLECTED'] });
  });

  test('have distinct values, durations and samples', async () => {
    const selection = `sampled untimed overlapping total { count distinct(of: RECIPIENT_ADDRESS)
      threats: distinct(of: THREAT) duration { count pending unknown min median p95 max mean bound }
      } groups { distinct(of: RECIPIENT_ADDRESS) }`;
    const found = await ask('messageStatistics(W groupBy: [INTEGRATION])', selection);
    expect(found).toMatchObject({ sampled: 1, untimed: 0, overlapping: false, groups: [{ distinct: 3 }] });
    expect(found.total).toMatchObject({ count: 8, distinct: 3, threats: 4 });
    expect(found.total).toMatchObject({
      duration: {
        ...{ count: 4, pending: 4, unknown: 0, bound: 'EXACT' },
        ...{ min: 5400, median: 5400, max: 5400 },
      },
    });
    const cases = await ask('caseStatistics(W)', 'total { count duration { count pending bound } }');
    expect(cases.total).toMatchObject({ count: 2, duration: { count: 1, pending: 1, bound: 'AT_MOST' } });
  });

  test('of the past are those of the snapshot', async () => {
    const { total } = await ask(
      `caseStatistics(W asOf: "${minutesAfterStart(1)}" filter: {open: {eq: true}})`,
    );
    const now = await ask('caseStatistics(W filter: {open: {eq: true}})');
    expect([total.count, now.total.count]).toEqual([2, 1]);
  });

  test('refuse a window that is none, too many buckets, and a zone that has no name', async () => {
    const refused = async (args: string) => {
      const { code, message } = await graph.error(`{ threatStatistics(${args}) { asOf } }`);
      return [code, message];
    };
    expect((await refused('from: "2026-03-02T00:00:00Z", to: "2026-03-01T00:00:00Z"'))[0]).toBe(
      'BAD_USER_INPUT',
    );
    const [code, text] = await refused(
      'from: "2020-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z", interval: HOUR',
    );
    expect(code).toBe('LIMIT_EXCEEDED');
    expect(text).toContain('interval DAY');
    expect((await refused('timeZone: "+02:00"'))[0]).toBe('BAD_USER_INPUT');
    expect((await refused('top: 101'))[0]).toBe('BAD_USER_INPUT');
    expect((await refused('groupBy: [AGE, TENANT, INTEGRATION]'))[0]).toBe('BAD_USER_INPUT');
  });

  test('by masked fields are refused to readers, who still get numbers', async () => {
    const masked = await Graph.start(undefined, { redact: ['addresses'], asksCallers: true });
    try {
      const asked = async (selection: string): Promise<Pick<Answer, 'data' | 'errors'>> => {
        const body = JSON.stringify({ query: `{ messageStatistics${selection} }` });
        return (await masked.post(body, keyOf('reader'))).json() as Promise<Pick<Answer, 'data' | 'errors'>>;
      };
      const { errors } = await asked('(groupBy: [RECIPIENT_ADDRESS]) { total { count } }');
      expect(errors[0]?.extensions.code).toBe('FORBIDDEN');
      const filtered = await asked('(filter: {recipientAddress: {eq: "a"}}) { total { count } }');
      expect(filtered.errors[0]?.extensions.code).toBe('FORBIDDEN');
      const { data } = await asked(' { total { count distinct(of: RECIPIENT_ADDRESS) } }');
      expect(data).toMatchObject({ messageStatistics: { total: { count: 0, distinct: 0 } } });
    } finally {
      await masked.close();
    }
  });
});
