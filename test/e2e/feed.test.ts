import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeAll, expect, inject, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { isCollected, RUNS, type Runs } from '../support/collected.js';
import { FeedReader } from '../support/feed.js';
import { buildService, Workplace } from '../support/service.js';

const TOKEN = 'tok-feed-7b1f2c';

let simulator: Simulator;
let place: Workplace;
let env: Record<string, string>;

beforeAll(async () => {
  await buildService(inject('desk'));
  return async () => {
    await simulator?.close();
  };
});
afterEach(() => place.clear());

async function start(history: string): Promise<void> {
  place = new Workplace();
  const now = Date.now();
  const from = toInstant(now - 6 * DAY);
  const shares = { missingThreats: 0, deletedThreats: 0, lateArrivals: 0 };
  const tenant = createTenant({
    seed: 12,
    from,
    to: toInstant(now),
    threats: 150,
    cases: 20,
    campaigns: 10,
    shares,
  });
  simulator = await startSimulator({ tenant, clock: () => now, token: TOKEN });
  env = {
    ...{ ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: simulator.baseUrl, HISTORY: history, BACKFILL_FROM: from },
    ...{ UPSTREAM_RPM: '1000000', LOG_LEVEL: 'error', PORT: '0', RECONCILE_EVERY: 'off', RATE_LIMIT: 'off' },
  };
}

const serve = () => place.run(['serve'], env);

/** All changes, as one walk through the list finds them, once the collection has ended. */
async function everything(url: string): Promise<string[]> {
  const keys: string[] = [];
  let after: string | null = null;
  for (;;) {
    const query = `query($after: String) { changes(start: BEGINNING, after: $after, first: 100) { nodes { recordId observedFrom } tail { cursor caughtUp } } ${RUNS} }`;
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { after } }),
    });
    const { data } = (await response.json()) as {
      data: {
        changes: {
          nodes: { recordId: string; observedFrom: string }[];
          tail: { cursor: string; caughtUp: boolean };
        };
        runs: Runs;
      };
    };
    keys.push(...data.changes.nodes.map((node) => `${node.observedFrom} ${node.recordId}`));
    after = data.changes.tail.cursor;
    if (data.changes.tail.caughtUp && isCollected(data.runs) && data.changes.nodes.length === 0) return keys;
    if (data.changes.tail.caughtUp) await delay(200);
  }
}

test('a follower of a gateway that is killed between two events misses nothing', async () => {
  await start('sqlite:./history.db');
  const seen: string[] = [];
  let cursor: string | null = null;
  for (const pages of [1, 3]) {
    const service = serve();
    const reader: FeedReader = new FeedReader(await service.url(), {
      start: 'BEGINNING',
      after: cursor,
      first: 20,
    });
    await reader.until(() => reader.keys.length >= 20 * pages);
    await service.end('SIGKILL');
    await reader.toEnd();
    seen.push(...reader.keys);
    cursor = reader.cursor;
  }
  const service = serve();
  const url = await service.url();
  const all = await everything(url);
  const reader = new FeedReader(url, { after: cursor, first: 100 });
  await reader.until(({ tail }) => tail.caughtUp);
  reader.close();
  expect([...seen, ...reader.keys]).toEqual(all);
  expect(all.length).toBeGreaterThan(150);
}, 180_000);
