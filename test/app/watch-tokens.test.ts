import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { Playground, smallTenant } from '../support/app.js';

const NOW = Date.now();
const ISSUED = toInstant(NOW - 12 * DAY);
const EXPIRES = toInstant(NOW + 10 * DAY);

let ground: Playground;
let upstream: Simulator;

beforeEach(async () => {
  ground = new Playground();
  const tokens = [{ id: '1', name: 'siem', createdAt: ISSUED, expiresAt: EXPIRES }];
  upstream = await startSimulator({ ...smallTenant(), token: 'token-of-the-environment-01', tokens });
});
afterEach(async () => {
  await ground.clear();
  await upstream.close();
});

interface Shown {
  readonly integrations: readonly Record<'name' | 'tokenState' | 'expiresAt', string | null>[];
}

/** How the only integration's token stands, once it is known when it ends. */
async function tokenAt(url: string): Promise<unknown> {
  for (;;) {
    const { data } = await ground.ask(url, '{ integrations { name tokenState expiresAt } }');
    const [integration] = (data as Shown).integrations;
    if (integration?.expiresAt) return integration;
    await delay(50);
  }
}

function verdict(url: string, day: string): Promise<unknown> {
  const next = toInstant(Date.parse(day) + DAY).slice(0, 10);
  return ground.ask(
    url,
    `{ evidence(period: "${day.slice(0, 10)}/${next}", controls: ["token-rotation"]) { results { verdict } } }`,
  );
}

test('the graph and the evidence show what Abnormal reports about the environment’s token', async () => {
  const env = { ABNORMAL_TOKEN: upstream.token, ABNORMAL_BASE_URL: upstream.baseUrl };
  const { url } = await ground.start(env);
  expect(await tokenAt(url)).toEqual({ name: 'default', tokenState: 'EXPIRING', expiresAt: EXPIRES });
  await ground.collected(url);
  const judged = { data: { evidence: { results: [{ verdict: 'PASS' }] } } };
  expect(await verdict(url, toInstant(NOW - 2 * DAY))).toMatchObject(judged);
  // before it was made nothing is known of what was there
  const unknown = { data: { evidence: { results: [{ verdict: 'INSUFFICIENT_DATA' }] } } };
  expect(await verdict(url, toInstant(NOW - 15 * DAY))).toMatchObject(unknown);
  expect(upstream.stats().byKind.tokens).toEqual({ 200: 1 });
});
