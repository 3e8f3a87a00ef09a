import { type GraphQLInputType, getNamedType, isListType, isNonNullType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { bearer, GuardedGateway, type Problem } from '../support/guarded-gateway.js';
import { inputPlaces } from '../support/schema-inputs.js';

/*
 * Instants and periods at the ends of the calendar, for every argument and every input field that takes one, and for
 * reports over HTTP: an answer, or an error that says what is accepted.
 */

const INSTANTS = [
  ...['0000-01-01T00:00:00Z', '0000-01-01T00:00:00+14:00', '0000-02-29T00:00Z', '0001-01-01T00:00:00Z'],
  ...[
    '1899-12-31T23:59:59Z',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '9999-12-31T23:59:59-14:00',
  ],
];

const PERIODS = [
  ...['0000-Q1', '0000-01', '0000-W01', '0000-W53', '0000-01-01', '0001-01-01', '1999-12', '2000-Q1'],
  ...['9998-Q4', '9999-Q4', '9999-12', '9999-W52', '9999-12-30', '9999-12-31', '2000-01-01/9999-12-31'],
  ...['0000-01-01/0000-01-02', '0000-01-01T00:00:00+23:59/9999-12-31T23:59:59.999-23:59'],
];

let gateway: GuardedGateway;
let admin: Record<string, string>;
beforeAll(async () => {
  gateway = await GuardedGateway.open();
  admin = bearer((await gateway.key('admin')).text);
  await gateway.start();
});
afterAll(() => gateway.close());

async function codeOf(query: string, variables: object): Promise<string> {
  const headers = { ...admin, 'content-type': 'application/json' };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body });
  const { errors = [] } = (await response.json()) as Problem;
  return errors[0]?.extensions.code ?? 'NONE';
}

const listOf = (type: GraphQLInputType) => isListType(isNonNullType(type) ? type.ofType : type);

test('every instant argument accepts every instant', async () => {
  const sensible = { period: '"2026-Q1"', wait: '0' };
  const places = inputPlaces(buildGatewaySchema(), sensible, 'PER_ARGUMENT').filter(
    ({ type }) => getNamedType(type).name === 'DateTime',
  );
  const names = places.map(({ name }) => name);
  expect(names).toEqual(
    expect.arrayContaining([
      ...['Query.changes(since)', 'Query.changes(until)', 'Query.coverage(from)', 'Query.case(asOf)'],
      ...['Query.evidence(asOf)', 'Mutation.reconcileNow(from)', 'Mutation.reconcileNow(to)'],
    ]),
  );
  expect(names.filter((name) => name.includes('filter.')).length).toBeGreaterThan(20);
  for (const { name, type, operation } of places) {
    const query = operation('$at', `$at: ${type}`);
    for (const at of INSTANTS) {
      const code = await codeOf(query, { at: listOf(type) ? [at] : at });
      expect
        .soft(['NONE', 'BAD_USER_INPUT', 'NOT_COLLECTED', 'NOT_POSSIBLE'], `${name} ${at}`)
        .toContain(code);
    }
  }
});

test('evidence of any period is returned or refused with the bounds', async () => {
  const query =
    'query($period: String!, $trend: Trend) { evidence(period: $period, trend: $trend) { __typename } }';
  for (const period of PERIODS) {
    for (const trend of [null, 'DAY', 'WEEK', 'MONTH']) {
      const code = await codeOf(query, { period, trend });
      const isAllowed = period === '2000-Q1';
      expect.soft(code, `${period} ${trend}`).toBe(isAllowed ? 'NONE' : 'BAD_USER_INPUT');
    }
  }
});

test('a report over HTTP of any period is returned or refused with 400', async () => {
  for (const period of PERIODS) {
    for (const search of ['', '?trend=day', '?trend=month&format=html', '?format=csv', '?asOf=0000-01-01']) {
      const response = await fetch(`${gateway.url}/reports/${encodeURIComponent(period)}${search}`, {
        headers: admin,
      });
      const text = await response.text();
      expect.soft([200, 400], `${period}${search} ${text.slice(0, 200)}`).toContain(response.status);
      if (response.status === 400) expect.soft(text).toContain('BAD_USER_INPUT');
    }
  }
  const response = await fetch(`${gateway.url}/reports/0000-Q1?trend=day`, { headers: admin });
  expect((await response.json()) as Problem).toMatchObject({
    errors: [{ message: expect.stringContaining('A period must be between 2000-01-01 and ') }],
  });
});
