import 'reflect-metadata';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { DEFAULT_COST_LIMITS, DEFAULT_QUERY_LIMITS } from '../../../src/values/access.js';
import { observeCase, sampleCase } from '../../support/records.js';
import { fresh, Graph, type GraphOptions, keyOf } from '../harness.js';

/** How often this project's own code reads or walks through the text of an operation; the server's is not counted. */
const counts = vi.hoisted(() => ({ parse: 0, visit: 0, analyse: 0 }));

vi.mock('graphql', async (importOriginal) => {
  const actual = await importOriginal<typeof import('graphql')>();
  return {
    ...actual,
    parse: (...given: Parameters<typeof actual.parse>) => {
      counts.parse += 1;
      return actual.parse(...given);
    },
    visit: (...given: Parameters<typeof actual.visit>) => {
      counts.visit += 1;
      return actual.visit(...given);
    },
  };
});

vi.mock('../../../src/graphql/operation/analyse-operation.js', async (importOriginal) => {
  const actual = await importOriginal<typeof import('../../../src/graphql/operation/analyse-operation.js')>();
  return {
    ...actual,
    analyseOperation: (...given: Parameters<typeof actual.analyseOperation>) => {
      counts.analyse += 1;
      return actual.analyseOperation(...given);
    },
    analyseValid: (...given: Parameters<typeof actual.analyseValid>) => {
      counts.analyse += 1;
      return actual.analyseValid(...given);
    },
  };
});

const { OperationLimiter } = await import('../../../src/graphql/operation/pipeline.js');

const limits: GraphOptions['limits'] = (schema) => ({
  limiter: new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS),
  ...{ persisted: null, timeoutMs: 10_000 },
});

const QUERY = `query Cases($first: Int = 5, $id: String) {
  cases(first: $first, filter: { caseId: { eq: $id } }) { ...Page }
}
fragment Page on CaseConnection { totalCount edges { cursor node { caseId threats { totalCount } } } }`;

let graph: Graph;

beforeAll(async () => {
  graph = await Graph.start(undefined, { limits, redact: ['subject'], asksCallers: true });
  graph.live.onList = async () => fresh(graph.instant);
  await graph.observe(observeCase(sampleCase('c1')));
});
afterAll(() => graph.close());
beforeEach(() => void Object.assign(counts, { parse: 0, visit: 0, analyse: 0 }));

async function ask(query: string, variables: object, role: 'reader' | 'operator' | 'admin') {
  const response = await graph.post(JSON.stringify({ query, variables }), keyOf(role));
  return (await response.json()) as { data?: unknown; errors?: { extensions: { code: string } }[] };
}

test('an operation is parsed once and walked once, however often it is sent, by any caller', async () => {
  for (const role of ['reader', 'operator', 'admin', 'reader'] as const) {
    // sent often enough to be compiled, with variables whose response is not stored yet
    for (const first of [1, 2, 3, 4]) {
      const { data, errors } = await ask(QUERY, { first, id: 'c1' }, role);
      expect(errors).toBeUndefined();
      expect(data).toMatchObject({ cases: { totalCount: 1 } });
    }
  }
  expect(counts).toEqual({ parse: 1, visit: 0, analyse: 1 });
});

test('an operation beyond the role is refused by the same analysis', async () => {
  for (const role of ['reader', 'operator'] as const) {
    const { errors = [] } = await ask('{ apiKeys { name } }', {}, role);
    expect(errors.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN']);
  }
  expect(counts).toEqual({ parse: 1, visit: 0, analyse: 1 });
});

test('each of two operations of a document is analysed once, and the text is parsed once', async () => {
  const query = 'query A { cases { totalCount } } query B { threats { totalCount } }';
  for (const operationName of ['A', 'B', 'A', 'B']) {
    const response = await graph.post(JSON.stringify({ query, operationName }), keyOf('admin'));
    expect(response.status).toBe(200);
  }
  expect(counts).toEqual({ parse: 1, visit: 0, analyse: 2 });
});
