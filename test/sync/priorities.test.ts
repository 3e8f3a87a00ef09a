import { afterEach, describe, expect, test } from 'vitest';
import type { Priority, UpstreamObserver } from '../../src/abnormal/client.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DEFAULT_SYNC_SETTINGS } from '../../src/sync/context.js';
import { DAY, HOUR, type Instant, MINUTE, shift, toInstant, toMillis } from '../../src/values/instant.js';
import { createTenantWorld, faultsOf, INTEGRATION, type World } from './harness.js';

/*
 * One budget for all: a backfill that takes whatever it is given, with queries and polls beside it. The clock moves
 * on whenever the budget has somebody wait.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const FROM = '2026-01-01T00:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'priorities',
  from: FROM,
  to: '2026-04-30T00:00:00.000Z',
  threats: 1200,
  cases: 60,
  campaigns: 40,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
afterEach(() => world.close());

interface Admission {
  readonly priority: Priority;
  readonly ms: number;
}

/** Notes who was let through, in what order and after how long. */
function noting(admissions: Admission[]) {
  const observer: UpstreamObserver = {
    waited: (priority, ms) => void admissions.push({ priority, ms }),
    ended: () => {},
    misread: () => {},
  };
  return { upstream: () => observer, sync: { recorded: () => {} } };
}

function backfill() {
  const { signal } = new AbortController();
  return world.sync.backfill({ from: FROM, resources: ['threats'], signal });
}

describe('during a backfill that uses all available capacity', () => {
  test('a query waits at most for the requests in flight, and the rate limit is respected', async () => {
    const admissions: Admission[] = [];
    const reads: Promise<number>[] = [];
    let requests = 0;
    world = await createTenantWorld({
      ...{ now: NOW, tenant: TENANT, rpm: 300, counters: noting(admissions) },
      settings: { backfillFrom: FROM },
      simulator: {
        onRequest: () => {
          requests += 1;
          if (requests > 200 && requests % 40 === 0) reads.push(readOne(requests / 40));
        },
      },
    });
    /** How many others were let through between the asking and the reading of one threat. */
    async function readOne(n: number): Promise<number> {
      const before = admissions.length;
      const id = world.tenant.idOf('threat', 1_100 - n * 7);
      await world.sync.live.record({ integration: INTEGRATION, kind: 'threat', id }, 0);
      const place = admissions.findIndex(({ priority }, i) => i >= before && priority === 'interactive');
      return place - before;
    }
    await backfill();
    const passed = await Promise.all(reads);
    expect(passed.length).toBeGreaterThan(10);
    // those that were let through before the question had reached the budget
    expect(Math.max(...passed)).toBeLessThanOrEqual(4);
    const waits = admissions.filter(({ priority }) => priority === 'interactive').map(({ ms }) => ms);
    // at this rate a request goes out each 200 ms, and four are in flight
    expect(Math.max(...waits)).toBeLessThanOrEqual(1000);
    const { maxPerMinute, maxConcurrency } = world.simulator.stats();
    expect(maxPerMinute).toBeLessThanOrEqual(300);
    expect(maxPerMinute).toBeGreaterThanOrEqual(0.95 * 300);
    expect(maxConcurrency.threats).toBeLessThanOrEqual(4);
  });

  test('new records are read in each interval, for the backfilled resource and the others', async () => {
    const read: Record<string, Instant[]> = { threats: [], cases: [] };
    world = await createTenantWorld({
      ...{ now: NOW, tenant: TENANT, rpm: 5 },
      settings: {
        intervals: { ...DEFAULT_SYNC_SETTINGS.intervals, threats: HOUR, cases: HOUR, campaigns: DAY },
        backfillFrom: FROM,
      },
    });
    await world.poll('cases');
    const begin = world.clock();
    let isDone = false;
    const filling = backfill().then(() => {
      isDone = true;
    });
    const { signal } = new AbortController();
    while (!isDone) {
      // the poll of one that is backfilled joins the backfill, whose own rounds read what is new
      await world.sync.poll({ resources: ['cases'], signal });
      const due = world.clock() + HOUR;
      while (!isDone && world.clock() < due) await new Promise((resolve) => setImmediate(resolve));
      for (const { resource, lastSuccessAt } of await world.store.streams()) {
        if (lastSuccessAt !== null) read[resource]?.push(lastSuccessAt);
      }
    }
    await filling;
    const took = world.clock() - begin;
    expect(took).toBeGreaterThan(4 * HOUR);
    for (const resource of ['threats', 'cases']) {
      const times = [...new Set(read[resource])].sort();
      const pauses = times.slice(1).map((time, i) => toMillis(time) - toMillis(times[i] ?? time));
      expect(pauses.length, resource).toBeGreaterThanOrEqual(3);
      expect(Math.max(...pauses), resource).toBeLessThanOrEqual(HOUR + 15 * MINUTE);
    }
    await world.poll();
    const settled = shift(toInstant(world.clock()), -HOUR);
    expect(await faultsOf(world, 'threat', settled, FROM)).toEqual([]);
  });
});
