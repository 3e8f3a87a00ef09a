import 'reflect-metadata';
import { afterEach, expect, test } from 'vitest';
import { createLog } from '../../src/log.js';
import { Playground } from '../support/app.js';

const KEY = 'a-key-that-is-long-enough-to-be-one-0123456789';
const lines: Record<string, unknown>[] = [];
const log = createLog({
  ...{ level: 'info', pretty: false, secrets: [] },
  destination: { write: (line) => lines.push(JSON.parse(line)) },
});

let playground: Playground;
afterEach(async () => {
  await playground.clear();
  lines.length = 0;
});

const answered = () => lines.filter(({ msg }) => msg === 'answered');

async function gateway(env: Readonly<Record<string, string>>) {
  playground = new Playground();
  const options = { ...playground.options, log };
  const { url } = await playground.start(
    { API_KEYS: `dashboard:reader:${KEY}`, RECONCILE_EVERY: 'off', ...env },
    options,
  );
  const ask = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}`, ...headers },
      body: JSON.stringify(body),
    });
  const query = 'query Sent($to: String!) { threats(filter: { fromAddresses: { eq: $to } }) { totalCount } }';
  const sent = { query, variables: { to: 'pat@customer.example' } };
  // nothing may be recorded between two requests
  for (const resource of ['threats', 'cases', 'campaigns'])
    await expect
      .poll(() => lines.some((line) => line.msg === 'run ended' && line.resource === resource))
      .toBe(true);
  return { url, ask, sent };
}

test('each request is one line: who, which operation, its cost, and whether a stored response was sent', async () => {
  const { url, ask, sent } = await gateway({ ACCESS_LOG: 'on' });
  for (let times = 0; times < 3; times += 1) expect((await ask(sent)).status).toBe(200);
  await ask({ query: '{ cases(first: 1) { nodes { caseId } } }' });
  await ask(sent, { authorization: 'Bearer wrong' });
  await fetch(`${url}/healthz?token=secret`);
  await expect.poll(() => answered().length).toBe(6);
  const caller = { kind: 'API_KEY', id: expect.any(String) };
  const base = { method: 'POST', path: '/graphql', status: 200, ms: expect.any(Number), caller };
  expect(answered()).toMatchObject([
    { ...base, operation: 'Sent', cost: expect.any(Number), cache: 'MISS' },
    { ...base, operation: 'Sent', cost: expect.any(Number), cache: 'MISS' },
    { ...base, operation: 'Sent', cost: null, cache: 'HIT' },
    { ...base, operation: null, cost: expect.any(Number), cache: 'MISS' },
    { path: '/graphql', status: 401, caller: null },
    { method: 'GET', path: '/healthz', status: 200, caller: null },
  ]);
  expect(JSON.stringify(answered())).not.toMatch(/customer\.example|fromAddresses|secret|wrong/);
});

test('without ACCESS_LOG there is no line at the level info', async () => {
  const { ask, sent } = await gateway({});
  expect((await ask(sent)).status).toBe(200);
  expect(answered()).toEqual([]);
});
