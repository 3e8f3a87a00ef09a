import { ApolloServerErrorCode } from '@apollo/server/errors';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../../src/graphql/base/errors.js';
import { HistoryError } from '../../../src/history/errors.js';
import { Graph, type GraphError } from '../harness.js';

/*
 * What callers are told when something is wrong, and how answers leave the house.
 */

let graph: Graph;
beforeEach(async () => {
  graph = await Graph.start();
});
afterEach(() => graph.close());

describe('an internal error', () => {
  const secret = 'SELECT * FROM secrets failed at /srv/app/file.js';

  test('is shown only as a reference, and logged with it', async () => {
    graph.live.onList = async () => {
      throw new Error(secret);
    };
    const response = await graph.post(JSON.stringify({ query: '{ cases { asOf } integrations { name } }' }));
    const text = await response.text();
    expect(text).not.toContain('secrets');
    expect(text).not.toContain('stack');
    const { data, errors } = JSON.parse(text) as { data: object; errors: GraphError[] };
    expect(data).toEqual({ cases: null, integrations: [{ name: 'default' }] });
    expect(errors).toMatchObject([{ path: ['cases'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
    const reference = /reference ([0-9a-f-]{36})/.exec(errors[0]?.message ?? '')?.[1];
    const logged = graph.logged.map(
      (line) => JSON.parse(line) as { reference?: string; err?: { message: string } },
    );
    expect(logged.find((line) => line.reference === reference)?.err?.message).toBe(secret);
  });

  test('has the same form in a compiled query', async () => {
    graph.live.onList = async () => {
      throw new TypeError(secret);
    };
    for (let round = 0; round < 4; round += 1) {
      expect(await graph.error('{ cases { asOf } }')).toMatchObject({
        code: 'INTERNAL_SERVER_ERROR',
        message: expect.not.stringContaining('secrets'),
      });
    }
  });

  test('of the history says that the history cannot be read', async () => {
    graph.live.onList = async () => {
      throw new HistoryError('UNAVAILABLE', 'The history cannot be reached: is it running?');
    };
    expect(await graph.error('{ cases { asOf } }')).toEqual({
      code: 'HISTORY_UNAVAILABLE',
      message: 'The history cannot be reached: is it running?',
    });
  });
});

describe('an invalid request', () => {
  test.each([
    ['does not parse', { query: '{ cases(' }, 'GRAPHQL_PARSE_FAILED'],
    ['asks for what there is not', { query: '{ cases { nothing } }' }, 'GRAPHQL_VALIDATION_FAILED'],
    [
      'has a wrong variable',
      { query: 'query($n: Int) { cases(first: $n) { asOf } }', variables: { n: 'x' } },
      'BAD_USER_INPUT',
    ],
    ['lacks a variable', { query: 'query($id: ID!) { node(id: $id) { id } }' }, 'BAD_USER_INPUT'],
    [
      'names no operation of it',
      { query: 'query A { __typename }', operationName: 'B' },
      'OPERATION_RESOLUTION_FAILURE',
    ],
    ['has no query', { variables: {} }, 'BAD_REQUEST'],
  ])('that %s gets status 400', async (_what, body, code) => {
    // twice, since what comes again may be compiled
    for (let round = 0; round < 3; round += 1) {
      const response = await graph.post(JSON.stringify(body));
      const { errors } = (await response.json()) as { errors: GraphError[] };
      expect([response.status, errors[0]?.extensions.code]).toEqual([400, code]);
      expect(JSON.stringify(errors)).not.toContain('stacktrace');
    }
  });

  test('from a form or a page of another site is refused', async () => {
    const response = await fetch(`${graph.url}/graphql?query=${encodeURIComponent('{ __typename }')}`);
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('Cross-Site Request Forgery');
  });
});

test('no response may be stored by a shared cache', async () => {
  for (const query of ['{ __typename }', '{ cases { asOf } }', '{ nothing }']) {
    const response = await graph.post(JSON.stringify({ query }));
    expect(response.headers.get('cache-control')).toBe('no-store');
  }
});

test('a browser gets Apollo Sandbox', async () => {
  const response = await fetch(`${graph.url}/graphql`, { headers: { accept: 'text/html' } });
  expect(response.headers.get('content-type')).toContain('text/html');
  expect(await response.text()).toContain('embeddable-sandbox');
});

test('the codes of the GraphQL server are in the list', () => {
  // it is sent only if automatic persisted queries are supported
  const { PERSISTED_QUERY_NOT_FOUND: _, ...sent } = ApolloServerErrorCode;
  expect(Object.keys(ERROR_CODES)).toEqual(expect.arrayContaining(Object.values(sent)));
});
