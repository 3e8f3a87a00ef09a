import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { openStore } from '../../src/history/open-store.js';
import { startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { DAY, toInstant } from '../../src/values/instant.js';
import { historyFaults } from '../support/history-faults.js';
import { testMongo } from '../support/mongo.js';
import { buildService, type Service, Workplace } from '../support/service.js';
import { compareWithTruth } from '../support/truth.js';

// scripts/proof/kills.ts does this a hundred times over

const mongo = await testMongo();
const TOKEN = 'tok-kills-5e0c4a917d';
const DAYS = 6;

let place: Workplace;

beforeAll(async () => {
  await buildService(inject('desk'));
  place = new Workplace();
});
afterAll(() => place.clear());

/** Kills a collection after each of so many requests, then lets one finish. */
async function killAndFinish(history: string, killAfter: readonly number[]): Promise<string[]> {
  const now = Date.now();
  const from = toInstant(Math.floor(now / DAY) * DAY - DAYS * DAY);
  const tenant = createTenant({
    seed: 11,
    from,
    to: toInstant(now),
    threats: 700,
    cases: 60,
    campaigns: 40,
    shares: { missingThreats: 0.01 },
  });
  let requests = 0;
  let onCount: { at: number; kill: () => void } | null = null;
  const simulator = await startSimulator({
    tenant,
    // it stands: what is true does not move while it is compared
    clock: () => now,
    token: TOKEN,
    onRequest: () => {
      requests += 1;
      if (requests === onCount?.at) onCount.kill();
    },
  });
  const env = {
    ABNORMAL_TOKEN: TOKEN,
    ABNORMAL_BASE_URL: simulator.baseUrl,
    HISTORY: history,
    BACKFILL_FROM: from,
    UPSTREAM_RPM: '1000000',
    LOG_LEVEL: 'error',
  };
  const poll = () => place.run(['poll', '--once'], env);
  const faults: string[] = [];
  try {
    await (await openStore(history, 'write')).close();
    for (const after of killAfter) {
      const run: Service = poll();
      requests = 0;
      onCount = { at: after, kill: () => void run.end('SIGKILL') };
      faults.push(...((await run.exit) === 'SIGKILL' ? [] : [`not killed: ${run.output}`]));
      faults.push(...(await look(history, historyFaults)));
    }
    onCount = null;
    for (const run of [poll(), null]) {
      const code = await (run ?? poll()).exit;
      if (code !== 0) faults.push(`a run that nobody killed ended with ${code}`);
    }
    const at = toInstant(now);
    const compared = await look(history, (store) =>
      compareWithTruth(store, tenant, { integration: 'default', at, isStill: true }),
    );
    expect(compared.records.threat).toBeGreaterThan(600);
    return [...faults, ...(await look(history, historyFaults)), ...compared.faults, ...compared.behind];
  } finally {
    await simulator.close();
  }
}

async function look<T>(
  history: string,
  see: (store: Awaited<ReturnType<typeof openStore>>) => Promise<T>,
): Promise<T> {
  const store = await openStore(history, 'read');
  try {
    return await see(store);
  } finally {
    await store.close();
  }
}

test('a repeatedly killed collection leaves only whole batches, and completes: SQLite', async () => {
  const history = `sqlite:${place.folder}/kills.db`;
  expect(await killAndFinish(history, [1, 40, 90, 130, 170, 7])).toEqual([]);
}, 600_000);

test.skipIf(mongo === null)(
  'a repeatedly killed collection leaves only whole batches, and completes: MongoDB',
  async () => {
    const url = mongo?.freshUrl() ?? '';
    expect(await killAndFinish(url, [1, 60, 120, 170])).toEqual([]);
    await mongo?.drop(url);
  },
  600_000,
);
