import { afterEach, beforeEach, expect, test } from 'vitest';
import { HOUR, MINUTE, toInstant } from '../../src/values/instant.js';
import { observeThreat, sampleMessage, sampleThreat } from '../support/records.js';
import { fresh, Graph } from './harness.js';

let graph: Graph;
let begin: number;

beforeEach(async () => {
  graph = await Graph.start();
  begin = graph.now;
  for (let n = 0; n < 10; n += 1) {
    const messages = [sampleMessage(`${n}`, { receivedTime: toInstant(begin - n * 10 * MINUTE) })];
    await graph.observe(observeThreat(sampleThreat(`t${n}`, { messages })));
  }
  graph.live.onList = async () => fresh(graph.instant);
});
afterEach(() => graph.close());

interface Page {
  readonly threats: {
    readonly nodes: readonly { readonly threatId: string }[];
    readonly pageInfo: { readonly endCursor: string };
  };
}

const QUERY = `query($last: ISO8601Duration, $first: Int, $after: String, $asOf: DateTime) {
  threats(filter: { receivedTime: { last: $last } }, first: $first, after: $after, asOf: $asOf) {
    nodes { threatId } pageInfo { endCursor }
  }
}`;

async function idsOf(variables: object): Promise<string[]> {
  const { threats } = await graph.data<Page>(QUERY, variables);
  return threats.nodes.map(({ threatId }) => threatId);
}

test.each([
  ['PT1M', 1],
  ['PT10M', 2],
  ['PT30M', 4],
  ['PT1H5M', 7],
  ['PT600S', 2],
  ['P1D', 10],
  ['P2W', 10],
  ['P1DT1H', 10],
])('%s selects what is at most that old', async (last, count) => {
  expect(await idsOf({ last })).toHaveLength(count);
});

test('the window moves with the clock, to the second, although the variables are the same', async () => {
  const variables = { last: 'PT10M' };
  for (let round = 0; round < 4; round += 1) expect(await idsOf(variables)).toEqual(['t0', 't1']);
  graph.now = begin + 999;
  expect(await idsOf(variables)).toEqual(['t0', 't1']);
  graph.now = begin + 1_000;
  expect(await idsOf(variables)).toEqual(['t0']);
  graph.now = begin + 10 * MINUTE;
  expect(await idsOf(variables)).toEqual(['t0']);
  graph.now += 1_000;
  expect(await idsOf(variables)).toEqual([]);
});

test('all pages of a list show the window of the first page', async () => {
  const variables = { last: 'PT30M', first: 2 };
  const first = await graph.data<Page>(QUERY, variables);
  graph.now += 2 * HOUR;
  expect(await idsOf({ ...variables, after: first.threats.pageInfo.endCursor })).toEqual(['t2', 't3']);
  expect(await idsOf(variables)).toEqual([]);
});

test('a cursor belongs to one duration', async () => {
  const { threats } = await graph.data<Page>(QUERY, { last: 'PT30M', first: 2 });
  const { endCursor: after } = threats.pageInfo;
  const { code } = await graph.error(QUERY, { last: 'PT31M', first: 2, after });
  expect(code).toBe('BAD_USER_INPUT');
});

test('with asOf, the window ends at that instant', async () => {
  const { threats } = await graph.data<Page>(QUERY, { last: 'PT10M' });
  expect(threats.nodes).toHaveLength(2);
  const asOf = graph.instant;
  graph.now += 3 * HOUR;
  expect(await idsOf({ last: 'PT10M' })).toEqual([]);
  expect(await idsOf({ last: 'PT10M', asOf })).toEqual(['t0', 't1']);
});

test.each(['', 'P', 'PT', 'P1Y', 'P1M', '-P1D', 'P1.5D', 'P0D', 'PT0S', '1D', 'P1D ', 'P1H', 'P9999999999D'])(
  '%j is refused as a duration',
  async (last) => {
    const { errors } = await graph.ask(QUERY, { last });
    expect(errors[0]?.message).toContain(
      'Pass weeks, days, hours, minutes and seconds, such as P1D or PT12H.',
    );
  },
);

test('the longest duration reaches back to the first record', async () => {
  expect(await idsOf({ last: 'P999999999W' })).toHaveLength(10);
});
