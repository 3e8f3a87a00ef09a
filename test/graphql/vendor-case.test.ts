import { afterAll, beforeAll, expect, test } from 'vitest';
import { observationOf, observeThreat, sampleThreat, sampleVendorCase } from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

let graph: Graph;
let first: string;

const vendorCase = (id: string, changes: Parameters<typeof sampleVendorCase>[1]) =>
  observationOf('vendorCase', id, sampleVendorCase(id, changes));

beforeAll(async () => {
  graph = await Graph.start();
  ({ at: first } = await graph.observe(
    observeThreat(sampleThreat('t1')),
    vendorCase('1', { threatIds: ['t1', 'gone'], lastModifiedTime: minutesAfterStart(1) }),
    vendorCase('2', { threatIds: [], vendorDomain: 'other.example', lastModifiedTime: minutesAfterStart(2) }),
  ));
  await graph.observe(
    observeThreat(sampleThreat('t2')),
    vendorCase('2', {
      ...{ threatIds: ['t2', 't1'], vendorDomain: 'other.example' },
      lastModifiedTime: minutesAfterStart(3),
    }),
  );
});
afterAll(() => graph.close());

const ids = (list: { nodes: { vendorCaseId: string }[] }) =>
  list.nodes.map(({ vendorCaseId }) => vendorCaseId);

test('a vendor case has its messages, its stored threats and the ids of the others', async () => {
  const { vendorCase: found } = await graph.data(
    `{ vendorCase(vendorCaseId: "1") { vendorDomain firstObservedTime insights { highlight description } timeline { time senderAddress recipientAddress subject markedAsRaw threatId } threatIds threats(first: 5) { totalCount nodes { threatId } } missingThreatIds } }`,
  );
  expect(found).toMatchObject({
    vendorDomain: 'vendor.example',
    insights: [{ highlight: 'Vendor compromise' }],
    timeline: [{ senderAddress: 'billing@vendor.example', markedAsRaw: 'Malicious', threatId: 't1' }],
    ...{ threats: { totalCount: 1, nodes: [{ threatId: 't1' }] }, missingThreatIds: ['gone'] },
  });
});

test('a threat has the vendor cases that name it, now and with asOf', async () => {
  const edges =
    '{ vendorCases(first: 5) { totalCount nodes { vendorCaseId threats(first: 5) { nodes { threatId } } } coverage { complete } } }';
  type Edges = { vendorCases: { nodes: { vendorCaseId: string }[] } };
  const { now, then } = await graph.data<{ now: Edges; then: Edges }>(
    `{ now: threat(threatId: "t1") ${edges} then: threat(threatId: "t1", asOf: "${first}") ${edges} }`,
  );
  expect(ids(now.vendorCases)).toEqual(['1', '2']);
  expect(ids(then.vendorCases)).toEqual(['1']);
  expect(now).toMatchObject({
    vendorCases: { nodes: [{}, { threats: { nodes: [{ threatId: 't2' }, { threatId: 't1' }] } }] },
  });
});

test.each([
  ['vendorDomain: { eq: "other.example" }', ['2']],
  ['threatIds: { eq: "t1" }', ['2', '1']],
  ['senderAddress: { startsWith: "BILLING" }, markedAsRaw: { eq: "Malicious" }', ['2', '1']],
  ['recipientAddress: { eq: "nobody@customer.example" }', []],
])('the filter %s finds vendor cases, last modified first', async (filter, wanted) => {
  const { vendorCases } = await graph.data<{ vendorCases: { nodes: { vendorCaseId: string }[] } }>(
    `{ vendorCases(filter: { ${filter} }) { nodes { vendorCaseId } } }`,
  );
  expect(ids(vendorCases)).toEqual(wanted);
});

test('the statistics count vendor cases by domain, with the time until the last change', async () => {
  const window = `from: "2026-02-01T00:00:00Z", to: "${minutesAfterStart(600)}"`;
  const { vendorCaseStatistics: found } = await graph.data(
    `{ vendorCaseStatistics(${window}, groupBy: [VENDOR_DOMAIN]) { total { count distinct(of: RECIPIENT_ADDRESS) duration(of: OBSERVED_TO_MODIFIED) { count } } groups { keys { value } count } } }`,
  );
  expect(found).toMatchObject({ total: { count: 2, distinct: 1, duration: { count: 2 } } });
});
