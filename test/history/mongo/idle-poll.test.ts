import 'reflect-metadata';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCommand } from '../../../src/cli/run-command.js';
import { type Simulator, startSimulator } from '../../../src/simulator/server.js';
import { createTenant } from '../../../src/simulator/tenant.js';
import { DAY, MINUTE, toInstant } from '../../../src/values/instant.js';
import { testMongo } from '../../support/mongo.js';
import { MeasuredMongo } from '../../support/mongo-costs.js';

const mongo = await testMongo();

const START = Date.parse('2026-03-01T12:00:00Z');
const TOKEN = 'token-of-a-test-0001';

describe.skipIf(!mongo)('the command poll --once on a history in MongoDB', () => {
  let now = START;
  let url: string;
  let measured: MeasuredMongo;
  let upstream: Simulator;

  beforeAll(async () => {
    url = mongo?.freshUrl() ?? '';
    measured = await MeasuredMongo.open(url);
    const tenant = createTenant({
      ...{ seed: 5, from: toInstant(START - 10 * DAY), to: toInstant(START - DAY) },
      ...{ threats: 40, cases: 20, campaigns: 20 },
    });
    upstream = await startSimulator({ tenant, clock: () => now, token: TOKEN });
    for (let polls = 0; polls < 3; polls += 1) {
      expect(await poll()).toBe(0);
      now += MINUTE;
    }
  }, 120_000);
  afterAll(async () => {
    await measured?.close();
    await upstream?.close();
    await mongo?.drop(url);
  });

  function poll(): Promise<number> {
    const nowhere = { write: () => {} };
    const env = { HISTORY: measured.proxy.url, ABNORMAL_TOKEN: TOKEN, ABNORMAL_BASE_URL: upstream.baseUrl };
    return runCommand({
      arguments: ['poll', '--once'],
      env: { ...env, UPSTREAM_RPM: '100000', LOG_LEVEL: 'silent' },
      terminal: { out: nowhere, err: nowhere, in: Readable.from([]) },
      ...{ stop: new AbortController().signal, clock: () => now },
    });
  }

  it('takes no more commands, batches and bytes than before when there is nothing new', async () => {
    const before = await measured.store.head();
    const cost = await measured.cost(poll);
    const batches = (await measured.store.head()).seq - before.seq;
    expect(cost.result).toBe(0);
    // of six resources; what their passes read in one turn of the event loop depends on when Abnormal answers
    expect(batches).toBe(1);
    expect(cost.commands.length, cost.commands.join(', ')).toBeLessThanOrEqual(54);
    expect(cost.oplogBytes).toBeLessThanOrEqual(11_200);
  });
});
