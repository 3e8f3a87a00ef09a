import { afterAll, beforeAll, expect, test } from 'vitest';
import { observationOf, sampleDetection360Report } from '../support/records.js';
import { Graph, minutesAfterStart } from './harness.js';

let graph: Graph;

const report = (id: string, changes: Parameters<typeof sampleDetection360Report>[1]) =>
  observationOf('detection360Report', id, sampleDetection360Report(id, changes));
let before: string;

beforeAll(async () => {
  graph = await Graph.start(undefined, { redact: ['names', 'addresses', 'texts'], asksCallers: false });
  const first = await graph.observe(
    report('1', { submissionTime: minutesAfterStart(1) }),
    report('2', { submissionTime: minutesAfterStart(2), inquiryTypeRaw: 'FALSE_POSITIVE' }),
    report('3', { submissionTime: null, inquiryTypeRaw: 'Something new' }),
  );
  before = first.at;
  await graph.observe(
    report('1', {
      ...{ submissionTime: minutesAfterStart(1), statusRaw: 'RESOLVED', analysis: 'It was contained.' },
      rootCauses: [{ name: 'New sender', description: 'Not seen before' }],
    }),
  );
});
afterAll(() => graph.close());

const FIELDS =
  'reportId submissionTime inquiryType inquiryTypeRaw status statusRaw submittedByName submittedByAddress messageIds analysis rootCauses { name description }';

test('a report has its fields, its versions and its global id', async () => {
  const { detection360Report: found } = await graph.data<{ detection360Report: Record<string, unknown> }>(
    `{ detection360Report(reportId: "1") { id ${FIELDS} revisions(first: 5) { totalCount } } }`,
  );
  expect(found).toMatchObject({
    ...{ reportId: '1', inquiryType: 'MISSED_ATTACK', status: 'RESOLVED', statusRaw: 'RESOLVED' },
    ...{ submittedByName: 'Sam', submittedByAddress: 'sam@customer.example' },
    ...{ messageIds: ['-2718281828459045235'], analysis: 'It was contained.' },
    rootCauses: [{ name: 'New sender', description: 'Not seen before' }],
    revisions: { totalCount: 2 },
  });
  const again = await graph.data(`{ node(id: "${found.id}") { ... on Detection360Report { reportId } } }`);
  expect(again).toEqual({ node: { reportId: '1' } });
});

test('with asOf a report is as it was recorded then', async () => {
  expect(
    await graph.data(
      `{ detection360Report(reportId: "1", asOf: "${before}") { status analysis } detection360Reports(asOf: "${before}", filter: { open: { eq: true } }) { totalCount } }`,
    ),
  ).toEqual({
    detection360Report: { status: 'UNREVIEWED', analysis: null },
    detection360Reports: { totalCount: 3 },
  });
});

test.each([
  ['open: { eq: true }', ['2', '3']],
  ['inquiryType: { eq: MISSED_ATTACK }', ['1']],
  ['inquiryType: { in: [FALSE_POSITIVE, OTHER] }', ['2', '3']],
  ['status: { eq: RESOLVED }', ['1']],
  ['messageIds: { eq: "-2718281828459045235" }', ['2', '1', '3']],
  ['submittedByAddress: { contains: "SAM" }, submissionTime: { ne: null }', ['2', '1']],
])('the filter %s finds reports, newest first', async (filter, ids) => {
  const { detection360Reports: list } = await graph.data<{
    detection360Reports: { nodes: { reportId: string }[] };
  }>(`{ detection360Reports(filter: { ${filter} }) { nodes { reportId } } }`);
  expect(list.nodes.map(({ reportId }) => reportId)).toEqual(ids);
});

test('the statistics count reports by type and measure how long they were open', async () => {
  const window = `from: "${minutesAfterStart(-60)}", to: "${minutesAfterStart(600)}"`;
  const { detection360ReportStatistics: found } = await graph.data<Record<string, unknown>>(
    `{ detection360ReportStatistics(${window}, groupBy: [INQUIRY_TYPE]) { untimed total { count distinct(of: SUBMITTED_BY) duration(of: SUBMITTED_TO_RESOLVED) { count pending } } groups { keys { value } count } } }`,
  );
  expect(found).toMatchObject({
    untimed: 1,
    total: { count: 2, distinct: 1, duration: { count: 1, pending: 1 } },
    groups: [
      { keys: [{ value: 'FALSE_POSITIVE' }], count: 1 },
      { keys: [{ value: 'MISSED_ATTACK' }], count: 1 },
    ],
  });
});

test('changes, coverage, drift and the quarantine name the resource', async () => {
  const { changes } = await graph.data<{ changes: { nodes: { kind: string }[] } }>(
    `{ changes(since: "2026-01-01T00:00:00Z", kinds: [DETECTION360_REPORT]) { nodes { kind recordId } } coverage(resource: DETECTION360_REPORTS) { complete gaps { reason } } quarantine(kinds: [DETECTION360_REPORT]) { totalCount } }`,
  );
  expect(changes.nodes).toHaveLength(4);
});
