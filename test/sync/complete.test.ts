import { afterEach, describe, expect, test } from 'vitest';
import type { FaultPlan } from '../../src/simulator/faults.js';
import { HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, faultsOf, passOf, type World } from './harness.js';

const KINDS = ['threat', 'case', 'campaign'] as const;
const SIGNAL = new AbortController().signal;

let world: World | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

/** Everything that passes by itself, at a rate that retries do not always outlast. */
const SPRINKLED: FaultPlan = {
  seed: 7,
  rules: [
    { fault: { kind: 'rateLimited' }, probability: 0.01 },
    { fault: { kind: 'serverError' }, probability: 0.02 },
    { fault: { kind: 'reset' }, probability: 0.005 },
    { fault: { kind: 'truncated' }, probability: 0.005 },
    { fault: { kind: 'cutJson' }, probability: 0.003 },
    { fault: { kind: 'missingKey' }, match: /filter=/, probability: 0.01 },
    { fault: { kind: 'hang' }, probability: 0.01, times: 3 },
  ],
};

describe('a changing tenant that is read with faults', () => {
  test('is stored completely, with every visible version, after a backfill and some polls', async () => {
    world = await createTenantWorld({
      now: '2026-03-20T12:00:00.000Z',
      tenant: {
        seed: 'complete',
        from: '2026-01-15T00:00:00.000Z',
        to: '2026-03-25T00:00:00.000Z',
        threats: 1500,
        cases: 150,
        campaigns: 100,
      },
      simulator: { faults: SPRINKLED },
    });
    const { sync, clock } = world;
    clock.perRequestMs = 200;
    const since = '2026-01-15T00:00:00.000Z';
    await sync.backfill({ from: since, signal: SIGNAL });
    let last = await world.poll();
    for (let polls = 0; polls < 3; polls += 1) {
      clock.advance(25 * HOUR);
      last = await world.poll();
    }
    world.simulator.setFaults(null);
    clock.advance(25 * HOUR);
    last = await world.poll();
    clock.advance(25 * HOUR);
    const startedAt = toInstant(clock());
    last = await world.poll();
    for (const kind of KINDS) {
      expect.soft(await faultsOf(world, kind, shift(startedAt, -15 * MINUTE), since)).toEqual([]);
    }
    for (const { streams } of last.passes) {
      for (const { coverage } of streams) {
        expect(coverage.missingMs).toEqual({ PROVISIONAL: expect.any(Number) });
        expect(coverage.from <= since).toBe(true);
      }
    }
    expect(passOf(last, 'threats').counts.added).toBeGreaterThan(0);
  });
});
