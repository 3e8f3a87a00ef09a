import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { testMongo } from '../support/mongo.js';
import { buildService } from '../support/service.js';
import { TwoGateways } from '../support/two-gateways.js';

// scripts/proof/two-gateways.ts does this ten times over, with longer pauses

/** It takes two minutes of suspended processes, which say nothing on a machine that is busy: asked for by name. */
const mongo = process.env.REPLICAS ? await testMongo() : null;

describe.skipIf(!mongo)('two gateways on one MongoDB', () => {
  let url: string;
  let both: TwoGateways;

  beforeAll(async () => {
    await buildService(inject('desk'));
    url = mongo?.freshUrl() ?? '';
    both = await TwoGateways.start(url);
  });
  afterAll(async () => {
    await both?.clear();
    await mongo?.drop(url);
  });

  it('take turns, whichever is suspended, killed or cut off, and record everything once', async () => {
    await both.round(32_000, 6_000);
    const { faults, requests, longestTakeoverMs, longestReturnMs } = await both.finish();
    expect(faults).toEqual([]);
    expect(requests.one).toBeGreaterThan(10);
    expect(requests.two).toBeGreaterThan(10);
    // 25 s and a few seconds on a machine that does nothing else; these are for what hangs
    expect(longestTakeoverMs).toBeLessThan(90_000);
    expect(longestReturnMs).toBeLessThan(90_000);
  }, 900_000);
});
