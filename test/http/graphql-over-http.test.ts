import { auditServer } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Playground } from '../support/app.js';

const ground = new Playground();
let url: string;

beforeAll(async () => {
  ({ url } = await ground.start());
});
afterAll(() => ground.clear());

test('every audit of GraphQL over HTTP passes: 13 of 13 MUST, 23 of 23 SHOULD', async () => {
  const results = await auditServer({ url: `${url}/graphql`, fetchFn: fetch });
  const failed = results.filter(({ status }) => status === 'error' || status === 'warn');
  expect(failed.map((result) => `${result.name}: ${'reason' in result ? result.reason : ''}`)).toEqual([]);
  const count = (level: string) =>
    results.filter(({ name, status }) => status === 'ok' && name.startsWith(level)).length;
  expect([count('MUST'), count('SHOULD')]).toEqual([13, 23]);
});

describe('an invalid query', () => {
  test.each([
    ['is not GraphQL', '{ cases('],
    ['asks for what there is not', '{ cases { nothing } }'],
    ['asks for too many', '{ cases(first: 1000) { totalCount } }'],
    ['gives a time that is none', '{ cases(asOf: "yesterday") { totalCount } }'],
  ])('that %s gets an error with the reason', async (_what, query) => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      body: JSON.stringify({ query }),
    });
    const { errors } = (await answer.json()) as {
      errors: { message: string; extensions: { code: string } }[];
    };
    expect(errors[0]?.extensions.code).toMatch(/^(BAD_USER_INPUT|GRAPHQL_(PARSE|VALIDATION)_FAILED)$/);
    expect(errors[0]?.message.length).toBeGreaterThan(10);
  });

  test('with several operations in one request is refused', async () => {
    const answer = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([{ query: '{ __typename }' }, { query: '{ __typename }' }]),
    });
    expect(answer.status).toBe(400);
  });
});
