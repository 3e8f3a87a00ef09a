import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { bearer, GuardedGateway, type Problem } from '../support/guarded-gateway.js';
import { randomOf } from '../support/hostile-requests.js';
import { randomJson } from '../support/random-json.js';
import { inputPlaces, rootOperations } from '../support/schema-inputs.js';

/*
 * Random JSON as the variables of an operation for each root field of the schema. `FUZZ_RUNS` sets how many requests
 * are sent, `FUZZ_SEED` which.
 */

const RUNS = Number(process.env.FUZZ_RUNS ?? 300);
const SEED = Number(process.env.FUZZ_SEED ?? 1);

let gateway: GuardedGateway;
let admin: Record<string, string>;
beforeAll(async () => {
  gateway = await GuardedGateway.open();
  admin = bearer((await gateway.key('admin')).text);
  await gateway.start();
});
afterAll(() => gateway.close());

test('no variables of any operation cause an internal error, and each wrong one is named', async () => {
  const random = randomOf(SEED);
  const { any, like } = randomJson(random);
  const schema = buildGatewaySchema();
  const roots = rootOperations(schema);
  // arguments of fields below the root, and the fields of input objects, one by one
  const places = inputPlaces(schema, { period: '"2026-Q1"', wait: '0' }).map(({ type, operation }) => ({
    text: operation('$v', `$v: ${type}`),
    types: new Map([['v', type]]),
  }));
  expect(roots.length).toBeGreaterThan(25);
  expect(places.length).toBeGreaterThan(200);
  const codes = new Map<string, number>();
  for (let run = 0; run < RUNS; run += 1) {
    const operations = random() < 0.3 ? places : roots;
    const { text, types } = operations[Math.floor(random() * operations.length)] as (typeof roots)[number];
    const isWild = random() < 0.15;
    const entries = [...types].map(([name, type]) => [name, isWild ? any() : like(type)] as const);
    const variables = Object.fromEntries(entries.filter(() => random() < 0.9));
    const headers = { ...admin, 'content-type': 'application/json' };
    const body = JSON.stringify({ query: text, variables: random() < 0.02 ? any() : variables });
    const response = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body });
    const answer = await response.text();
    expect(response.status, `${body} ${answer}`).toBeLessThan(500);
    const { errors = [] } = JSON.parse(answer) as Problem;
    const found = errors.length === 0 ? ['NONE'] : errors.map(({ extensions }) => extensions.code);
    for (const code of new Set(found)) codes.set(code, (codes.get(code) ?? 0) + 1);
    expect(found, `run ${run}: ${body} ${answer.slice(0, 500)}`).not.toContain('INTERNAL_SERVER_ERROR');
    expect(found, `run ${run}: ${body} ${answer.slice(0, 500)}`).not.toContain('GRAPHQL_VALIDATION_FAILED');
    const unnamed = errors.filter(({ extensions: { code, argumentPath } }) => {
      return code === 'BAD_USER_INPUT' && !(Array.isArray(argumentPath) && argumentPath.length > 0);
    });
    expect(unnamed, `run ${run}: ${body}`).toEqual([]);
  }
  // both happen, or the values are not what they are meant to be
  expect(codes.get('NONE')).toBeGreaterThan(RUNS / 20);
  expect(codes.get('BAD_USER_INPUT')).toBeGreaterThan(RUNS / 10);
}, 600_000);
