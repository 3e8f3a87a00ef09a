import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { caseList } from '../../src/graphql/case/case.type.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import { fieldsOf } from '../../src/resources/registry.js';
import { isMatch } from '../../src/values/filter.js';
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

/*
 * Filters as callers write them, over records that differ in one thing each. What the store makes of a filter is
 * tested with the stores; here, that the graph asks for what was meant.
 */

let graph: Graph;
const at = minutesAfterStart;

const CASES: Record<string, Partial<CaseRecord>> = {
  plain: {},
  low: { severityLevelRaw: 'LOW' },
  odd: { severityLevelRaw: 'APOCALYPTIC', confidenceRaw: 'who knows' },
  silent: {
    severityLevelRaw: null,
    confidenceRaw: null,
    statusRaw: null,
    affectedEmployee: null,
    description: null,
  },
  resolved: { statusRaw: 'Acknowledged (Attack resolved)', remediationStatusRaw: 'remediated' },
  late: {
    lastModifiedTime: at(30),
    createdTime: at(20),
    firstObservedTime: at(10),
    customerVisibleTime: at(15),
  },
  named: { threatIds: ['t-plain', 't-two'], affectedEmployee: 'Zoë Ångström', description: 'Zoë’s account' },
};

beforeAll(async () => {
  graph = await Graph.start();
  await graph.observe(
    ...Object.entries(CASES).map(([id, changes]) => observeCase(sampleCase(id, changes))),
    observeThreat(sampleThreat('t-plain')),
    observeThreat(
      sampleThreat('t-two', {
        recipientCount: 9,
        messages: [
          sampleMessage('21', {
            attackTypeRaw: 'Malware',
            subject: 'Your PARCEL',
            remediationStatusRaw: 'Not remediated',
          }),
          sampleMessage('22', {
            attackVectorRaw: 'QR Code',
            fromAddress: 'b@other.example',
            receivedTime: at(5),
          }),
        ],
      }),
    ),
    observeThreat(sampleThreat('t-empty', { messages: [], recipientCount: null })),
    observeCampaign(sampleCampaign('k-plain')),
    observeCampaign(
      sampleCampaign('k-scan', { judgementStatusRaw: 'Scanning', attackTypeRaw: '', messageId: null }),
    ),
    observeCampaign(
      sampleCampaign('k-late', { lastReportedTime: at(40), firstReportedTime: at(39), subject: null }),
    ),
  );
});
afterAll(() => graph.close());

async function idsOf(list: string, id: string, filter: object): Promise<string[]> {
  const type = { cases: 'CaseFilter', threats: 'ThreatFilter', campaigns: 'CampaignFilter' }[list];
  const query = `query($filter: ${type}) { list: ${list}(filter: $filter, first: 100) { totalCount nodes { ${id} } } }`;
  const { list: found } = await graph.data<{
    list: { totalCount: number; nodes: Record<string, string>[] };
  }>(query, { filter });
  const ids = found.nodes.map((node) => node[id] ?? '').sort();
  expect(found.totalCount).toBe(ids.length);
  return ids;
}

describe('case filters', () => {
  test.each([
    [{}, Object.keys(CASES).sort()],
    [{ caseId: { eq: 'low' } }, ['low']],
    [{ caseId: { in: ['low', 'odd', 'nobody'] } }, ['low', 'odd']],
    [{ severity: { eq: 'LOW' } }, ['low']],
    [{ severity: { in: ['LOW', 'OTHER'] } }, ['low', 'odd']],
    [{ severity: { eq: null } }, ['silent']],
    [{ confidence: { eq: 'OTHER' } }, ['odd']],
    [{ status: { eq: 'RESOLVED' } }, ['resolved']],
    [{ open: { eq: false } }, ['resolved']],
    [{ remediationStatus: { eq: 'REMEDIATED' } }, ['resolved']],
    [{ lastModifiedTime: { gte: at(30) } }, ['late']],
    [{ createdTime: { gte: at(20), lte: at(20) } }, ['late']],
    [{ firstObservedTime: { eq: at(10) } }, ['late']],
    [{ customerVisibleTime: { gte: at(15).replace('.000Z', '+00:00') } }, ['late']],
    [{ affectedEmployee: { contains: 'zoë å' } }, ['named']],
    [{ description: { eq: null } }, ['silent']],
    [{ threatIds: { eq: 't-two' } }, ['named']],
    [{ threatId: { eq: 't-two' } }, ['named']],
    [{ threatId: { eq: null }, status: { in: ['RESOLVED', 'IN_PROGRESS'] } }, ['resolved']],
    [{ and: [{ open: { eq: true } }, { severity: { eq: 'LOW' } }] }, ['low']],
    [{ or: [{ caseId: { eq: 'low' } }, { caseId: { eq: 'odd' } }] }, ['low', 'odd']],
    [{ severity: { ne: 'HIGH' } }, ['low', 'odd', 'silent']],
    [{ severity: { ne: null, in: ['LOW', 'OTHER'] } }, ['low', 'odd']],
    [{ severity: { notIn: ['HIGH', 'LOW'] } }, ['odd', 'silent']],
    [{ caseId: { ne: 'low', in: ['low', 'odd'] } }, ['odd']],
    [{ lastModifiedTime: { gt: at(30) } }, []],
    [{ lastModifiedTime: { gt: at(29) } }, ['late']],
    [{ createdTime: { lt: at(20) }, caseId: { eq: 'late' } }, []],
    [{ createdTime: { lt: at(21), gt: at(19) } }, ['late']],
    [{ createdTime: { ne: at(20) }, caseId: { in: ['late', 'low'] } }, ['low']],
    [{ open: { ne: true } }, ['resolved']],
    [{ affectedEmployee: { startsWith: 'ZOË' } }, ['named']],
    [{ affectedEmployee: { startsWith: 'oë' } }, []],
    [{ description: { startsWith: '' }, caseId: { in: ['silent', 'named'] } }, ['named']],
    [{ or: [] }, []],
    [{ not: { severity: { eq: 'HIGH' } } }, ['low', 'odd', 'silent']],
    [{ not: { not: { caseId: { eq: 'low' } } } }, ['low']],
    [{ caseId: null, severity: { eq: 'LOW', in: null } }, ['low']],
    [{ severity: {} }, Object.keys(CASES).sort()],
  ])('select the cases that the model selects: %j', async (filter, expected) => {
    expect(await idsOf('cases', 'caseId', filter)).toEqual(expected);
  });

  test('have the same meaning in the graph, the store and the model', () => {
    const input = {
      or: [{ severity: { eq: 'LOW' } }, { not: { status: { in: ['RESOLVED'] } }, open: { eq: true } }],
    };
    const filter = caseList.filter.toFilter(input, { at: at(0), relative: [] });
    const matching = Object.entries(CASES).filter(
      ([id, changes]) => filter && isMatch(fieldsOf('case', sampleCase(id, changes)), filter),
    );
    expect(matching.map(([id]) => id).sort()).toEqual(['late', 'low', 'named', 'odd', 'plain', 'silent']);
  });
});

test.each([
  [{ attackTypes: { eq: 'MALWARE' } }, ['t-two']],
  [{ attackType: { eq: 'MALWARE' } }, ['t-two']],
  [{ attackVector: { in: ['QR_CODE', 'LINK'] } }, ['t-two']],
  [{ attackType: { eq: null } }, ['t-empty']],
  [{ subject: { contains: 'parcel' } }, ['t-two']],
  [{ fromAddresses: { eq: 'b@other.example' } }, ['t-two']],
  [{ messageId: { in: ['22'] } }, ['t-two']],
  [{ recipientCount: { gte: 2 } }, ['t-two']],
  [{ recipientCount: { gt: 9 } }, []],
  [{ recipientCount: { gt: 8, lt: 10 } }, ['t-two']],
  [{ recipientCount: { ne: 9 } }, ['t-empty', 't-plain']],
  [{ recipientCount: { notIn: [9, 10] } }, ['t-empty', 't-plain']],
  [{ subject: { startsWith: 'your par' } }, ['t-two']],
  [{ fromAddress: { ne: 'b@other.example' } }, ['t-empty', 't-plain']],
  [{ recipientCount: { eq: null } }, ['t-empty']],
  [{ receivedTime: { gte: at(5) } }, ['t-two']],
  [{ remediationState: { eq: 'PARTLY' } }, ['t-two']],
  [{ unremediated: { eq: false } }, ['t-plain']],
  [{ impersonatedParty: { eq: 'KNOWN_PARTNER' } }, ['t-plain', 't-two']],
])('threat filters select the threats that the model selects: %j', async (filter, expected) => {
  expect(await idsOf('threats', 'threatId', filter)).toEqual(expected);
});

test.each([
  [{ scanning: { eq: true } }, ['k-scan']],
  [{ judgement: { in: ['SCANNING', 'SAFE'] } }, ['k-scan']],
  [{ attackType: { eq: 'SCAM' } }, ['k-late', 'k-plain']],
  [{ attackType: { eq: null } }, ['k-scan']],
  [{ lastReportedTime: { gte: at(40) } }, ['k-late']],
  [{ messageId: { eq: null } }, ['k-scan']],
  [{ subject: { eq: null } }, ['k-late']],
])('campaign filters select the campaigns that the model selects: %j', async (filter, expected) => {
  expect(await idsOf('campaigns', 'campaignId', filter)).toEqual(expected);
});

describe('an oversized filter is refused', () => {
  const query = 'query($filter: CaseFilter) { cases(filter: $filter) { totalCount } }';

  test('if it has more than 100 comparisons', async () => {
    const or = Array.from({ length: 101 }, (_, n) => ({ caseId: { eq: `case-${n}` } }));
    const error = await graph.error(query, { filter: { or } });
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(/up to 100/) });
  });

  test('if it has more than 500 values', async () => {
    const values = Array.from({ length: 501 }, (_, n) => `case-${n}`);
    const error = await graph.error(query, { filter: { caseId: { in: values } } });
    expect(error).toMatchObject({
      code: 'BAD_USER_INPUT',
      message: expect.stringMatching(/caseId.in may list up to 500/),
    });
  });

  test('if it is nested too deeply', async () => {
    let filter: object = { open: { eq: true } };
    for (let depth = 0; depth < 200; depth += 1) filter = { not: filter };
    const error = await graph.error(query, { filter });
    expect(error).toMatchObject({ code: 'BAD_USER_INPUT', message: expect.stringMatching(/up to 20/) });
  });
});

describe('an error of an argument names its path', () => {
  const pathOf = async (query: string, variables: object = {}) => {
    const { errors } = await graph.ask(query, variables);
    const [error] = errors as readonly { extensions: { code: string; argumentPath?: unknown } }[];
    return [error?.extensions.code, error?.extensions.argumentPath];
  };
  const many = Array.from({ length: 501 }, (_, n) => `case-${n}`);

  test.each([
    ['{ cases(first: 0) { totalCount } }', {}, ['first']],
    ['{ cases(last: 101) { totalCount } }', {}, ['last']],
    ['{ cases(after: "x") { totalCount } }', {}, ['after']],
    ['{ cases(last: 1, before: "x") { totalCount } }', {}, ['before']],
    ['{ cases(maxAge: -1) { totalCount } }', {}, ['maxAge']],
    ['{ cases(asOf: "2999-01-01T00:00:00Z") { totalCount } }', {}, ['asOf']],
    ['{ cases(integrations: ["nobody"]) { totalCount } }', {}, ['integrations']],
    ['{ node(id: "x") { id } }', {}, ['id']],
    ['{ caseStatistics(timeZone: "+02:00") { asOf } }', {}, ['timeZone']],
    ['{ caseStatistics(top: 101) { asOf } }', {}, ['top']],
    ['{ caseStatistics(minCount: 0) { asOf } }', {}, ['minCount']],
    ['{ caseStatistics(groupBy: [AGE, AGE]) { asOf } }', {}, ['groupBy']],
    ['{ caseStatistics(from: "2026-03-02T00:00:00Z", to: "2026-03-01T00:00:00Z") { asOf } }', {}, ['from']],
    ['{ evidence(period: "x") { asOf } }', {}, ['period']],
    ['{ evidence(period: "2026-03", controls: ["x"]) { asOf } }', {}, ['controls']],
    ['{ evidence(period: "2000-01-01/2026-01-01", trend: DAY) { asOf } }', {}, ['trend']],
    ['{ population(period: "2026-03", control: "x") { totalCount } }', {}, ['control']],
    ['{ posture(controls: ["x"]) { asOf } }', {}, ['controls']],
    [
      'query($many: [String!]) { cases(filter: { and: [{}, { not: { caseId: { notIn: $many } } }] }) { totalCount } }',
      { many },
      ['filter', 'and', 1, 'not', 'caseId', 'notIn'],
    ],
    ['query($id: ID = "x") { node(id: $id) { id } }', { id: null }, ['id']],
    [
      'query($filter: CaseFilter) { cases(filter: $filter) { totalCount } }',
      { filter: { caseId: { eq: 5 } } },
      ['filter', 'caseId', 'eq'],
    ],
    ['query($first: Int) { cases(first: $first) { totalCount } }', { first: 'many' }, ['first']],
  ])('%s %j', async (query, variables, path) => {
    expect(await pathOf(query, variables)).toEqual(['BAD_USER_INPUT', path]);
  });
});
