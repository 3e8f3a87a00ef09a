import { ApolloServer } from '@apollo/server';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { defaultLimits, fresh, Graph } from '../graphql/harness.js';
import { observeThreat, sampleThreat } from '../support/records.js';

/*
 * A stored response that is sent before the GraphQL server receives the request is the response that the server would
 * give: each request is sent to two gateways, of which one leaves every request to the server.
 */

const QUERY = 'query Newest { threats(first: 1) { totalCount nodes { subject } } }';
const FORMS = [
  { query: QUERY },
  { query: QUERY, variables: {} },
  { query: QUERY, variables: null, operationName: null, extensions: null },
  { query: QUERY, operationName: 'Newest' },
  { query: QUERY, other: 1 },
  { query: QUERY, operationName: 'Other' },
  { query: QUERY, operationName: 1 },
  { query: QUERY, operationName: ['Newest'] },
  { query: QUERY, variables: [] },
  { query: QUERY, variables: '{}' },
  { query: QUERY, extensions: {} },
  { query: QUERY, extensions: 7 },
  { query: QUERY, extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } } },
  { query: [QUERY] },
  [{ query: QUERY }],
];
const ACCEPTED = [
  '*/*',
  'application/json',
  'application/json, text/plain, */*',
  'application/json;q=0.5, application/graphql-response+json',
  'application/graphql-response+json',
  'application/graphql-response+json,application/json;q=0.9',
  'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed',
  'application/graphql-response+json;q=0.1, application/json',
  'multipart/mixed;deferSpec=20220824, application/json',
  'application/*',
  'text/html',
  'image/png',
  '',
];

let graphs: Graph[] = [];

beforeAll(async () => {
  for (const sendsStored of [true, false]) {
    const graph = await Graph.start(undefined, { limits: defaultLimits, sendsStored });
    await graph.observe(observeThreat(sampleThreat('t1')));
    graph.live.onList = async () => fresh(graph.instant);
    for (let round = 0; round < 3; round += 1) await graph.data(QUERY);
    graphs.push(graph);
  }
});
afterAll(async () => {
  for (const graph of graphs) await graph.close();
  graphs = [];
});

async function answersOf(body: string, headers: Record<string, string>) {
  return Promise.all(
    graphs.map(async (graph) => {
      const response = await graph.post(body, headers);
      // what is different in every response
      const { date, 'x-request-id': _, ...others } = Object.fromEntries(response.headers);
      return { status: response.status, headers: others, text: await response.text() };
    }),
  );
}

test.each(ACCEPTED)('is what the server gives to a caller that accepts “%s”', async (accept) => {
  for (const form of FORMS) {
    const body = JSON.stringify(form);
    const [stored, served] = await answersOf(body, { accept });
    expect(stored, body).toEqual(served);
  }
});

test.each(['application/json; charset=utf-8', 'application/graphql-response+json', 'text/plain'])(
  'is what the server gives to a request of the type “%s”',
  async (type) => {
    const [stored, served] = await answersOf(JSON.stringify({ query: QUERY }), { 'content-type': type });
    expect(stored).toEqual(served);
  },
);

test('is counted as a request, with the time that it took', async () => {
  const outcomes: string[] = [];
  const graph = await Graph.start(undefined, {
    limits: (schema) => ({
      ...defaultLimits(schema),
      observer: { began: () => (outcome) => outcomes.push(outcome) },
    }),
  });
  try {
    graph.live.onList = async () => fresh(graph.instant);
    await graph.observe(observeThreat(sampleThreat('t1')));
    for (let round = 0; round < 3; round += 1) await graph.data(QUERY);
    // the first two are counted by the server
    expect(outcomes).toEqual(['OK']);
  } finally {
    await graph.close();
  }
});

test('does not take the steps of the server', async () => {
  const served = vi.spyOn(ApolloServer.prototype, 'executeHTTPGraphQLRequest');
  try {
    await graphs[0]?.data(QUERY);
    expect(served).not.toHaveBeenCalled();
    await graphs[1]?.data(QUERY);
    expect(served).toHaveBeenCalledOnce();
  } finally {
    served.mockRestore();
  }
});
