import { Agent } from 'node:http';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { HOSTILE_KINDS, hostileRequests } from '../support/hostile-requests.js';
import { type Outcome, sendAll, sendHostile } from '../support/send-hostile.js';
import { buildService, type Service, Workplace } from '../support/service.js';

const KEY = 'reader-0123456789-0123456789-0123';
const MIB = 1024 * 1024;
const ROUNDS = 6;

const workplace = new Workplace();
let service: Service;
let url = '';

beforeAll(async () => {
  await buildService(inject('desk'));
  const env = { PORT: '0', API_KEYS: `someone:reader:${KEY}`, RATE_LIMIT: 'off' };
  // with the heap that `npm start` gives it
  service = workplace.run(['serve'], {
    ...env,
    NODE_OPTIONS: '--max-old-space-size=256 --max-semi-space-size=16',
  });
  url = await service.url();
});
afterAll(() => workplace.clear());

test('every hostile request gets a response or a refusal, and the gateway stays within its memory limit', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  const headers = { 'x-api-key': KEY };
  const requests = hostileRequests(ROUNDS * HOSTILE_KINDS.length, 1);
  const outcomes = await sendAll(requests, 4, (each) => sendHostile(url, each, headers, agent, 60_000));
  agent.destroy();
  const of = (outcome: Outcome['outcome']) => outcomes.filter((each) => each.outcome === outcome);
  expect(outcomes.length).toBe(requests.length);
  expect(of('NO_ANSWER')).toEqual([]);
  // only a body that is longer than it may be is cut off while it is being sent
  expect([...new Set(of('CUT').map(({ kind }) => kind))].filter((kind) => kind !== 'a large body')).toEqual(
    [],
  );
  // none of it is the gateway's own fault, or looks like it
  const faults = outcomes.filter(
    ({ status, codes }) => status >= 500 || codes.includes('INTERNAL_SERVER_ERROR'),
  );
  expect(faults).toEqual([]);
  expect(service.output).not.toContain('failed unexpectedly');
  expect(of('ANSWERED').length).toBeGreaterThan(0);

  const health = await fetch(`${url}/healthz`);
  expect(health.status).toBe(200);
  const answer = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ cases(first: 1) { totalCount } }' }),
  });
  expect(await answer.json()).toMatchObject({ data: { cases: { totalCount: expect.any(Number) } } });
  if (process.platform === 'linux') expect(service.peakMemory() / MIB).toBeLessThan(600);
}, 300_000);
