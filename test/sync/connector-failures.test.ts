import { afterEach, describe, expect, test } from 'vitest';
import type { StreamState } from '../../src/model/stream.js';
import { CORE_RESOURCES, type Resource } from '../../src/resources/registry.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import {
  createTenantWorld,
  faultsOf,
  heldOf,
  historyOf,
  passOf,
  type World,
  type WorldOptions,
} from './harness.js';

/*
 * What connectors to this API are known to get wrong, each as a user met it. Beside these: one bad id stops nothing,
 * and what is not licensed stops nothing else (failures.test.ts); a rejected token is told (states.test.ts); a
 * gateway that did not run for a week catches up (collection.test.ts).
 */

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -30 * DAY);
const TENANT: TenantOptions = {
  seed: 'connectors',
  from: '2026-02-15T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 400,
  cases: 120,
  campaigns: 80,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
afterEach(() => world.close());

async function start(options: Partial<WorldOptions> = {}): Promise<void> {
  world = await createTenantWorld({ now: NOW, tenant: TENANT, ...options });
}

async function stateOf(resource: Resource): Promise<StreamState> {
  const state = (await world.store.streams()).find((each) => each.resource === resource);
  if (!state) throw new Error(`${resource} was never tried`);
  return state;
}

/** Versions that never were, apart: open cases are read again by their details alone while their lists fail. */
async function expectWhole(): Promise<void> {
  const settled = shift(toInstant(world.clock()), -15 * MINUTE);
  for (const kind of ['threat', 'case', 'campaign'] as const) {
    const faults = await faultsOf(world, kind, settled, SINCE);
    expect(faults.filter((fault) => !fault.includes('never was'))).toEqual([]);
  }
}

describe('an outage of Abnormal', () => {
  test.each([
    ['of an hour', HOUR],
    ['of a week', 7 * DAY],
  ])('(%s) during regular polls is caught up completely, without clamping', async (_, length) => {
    await start();
    await world.poll();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'reset' } }] });
    const end = world.clock() + length;
    while (world.clock() < end) {
      world.clock.advance(Math.min(12 * HOUR, length));
      await world.poll();
    }
    for (const resource of CORE_RESOURCES) {
      expect(await stateOf(resource)).toMatchObject({ status: 'UNAVAILABLE', lastSuccessAt: NOW });
    }
    world.simulator.setFaults(null);
    world.clock.advance(5 * MINUTE);
    const report = await world.poll();
    for (const pass of report.passes) {
      expect(pass.status).toBe('SUCCEEDED');
      for (const { coverage } of pass.streams)
        expect(coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    }
    await expectWhole();
  });
});

describe('a quota that other clients have used up', () => {
  test('is shared between the resources, and none starves', async () => {
    const order: Resource[] = [];
    await start({
      rpm: 30,
      simulator: { onRequest: ({ resource }) => void (resource && order.push(resource)) },
    });
    await world.poll();
    // each of them has its first day before any has its month
    const first = (resource: Resource) => order.indexOf(resource);
    for (const resource of CORE_RESOURCES) expect(first(resource)).toBeLessThan(12);
    const half = new Set(order.slice(0, Math.floor(order.length / 3)));
    expect([...half].sort()).toEqual([...CORE_RESOURCES].sort());
    await expectWhole();
  });

  test('does not move any stream past what was not read', async () => {
    await start();
    await world.poll();
    // the third of three gets nothing but refusals, for a day of polls
    world.simulator.setFaults({ rules: [{ fault: { kind: 'rateLimited' }, match: /^\/abusecampaigns/ }] });
    for (let poll = 0; poll < 6; poll += 1) {
      world.clock.advance(4 * HOUR);
      const report = await world.poll();
      expect(passOf(report, 'threats').status).toBe('SUCCEEDED');
      expect(passOf(report, 'cases').status).toBe('SUCCEEDED');
      expect(passOf(report, 'campaigns').status).toBe('FAILED');
    }
    expect(await stateOf('campaigns')).toMatchObject({
      status: 'UNAVAILABLE',
      lastSuccessAt: NOW,
      message: expect.stringMatching(/429.*share its limit/s),
    });
    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    const { streams } = passOf(await world.poll(), 'campaigns');
    expect(streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    await expectWhole();
  });

  test('keeps windows open if their details could not be read', async () => {
    await start();
    await world.poll();
    world.clock.advance(DAY);
    const details = /^\/(threats|cases|abusecampaigns)\/[^?]+/;
    world.simulator.setFaults({ rules: [{ fault: { kind: 'rateLimited' }, match: details }] });
    const report = await world.poll();
    for (const { counts } of report.passes) expect(counts.added).toBe(0);
    for (const resource of ['threats', 'cases'] as const) {
      expect(passOf(report, resource).status).not.toBe('SUCCEEDED');
    }
    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    await world.poll();
    await expectWhole();
  });
});

describe('a record that is listed again', () => {
  test('gets a new version only if it has changed', async () => {
    await start();
    await world.poll();
    const before = new Map<string, number>();
    const kinds = ['threat', 'case', 'campaign'] as const;
    for (const kind of kinds) {
      for (const [id, { seqFrom }] of await heldOf(world.store, kind)) before.set(`${kind} ${id}`, seqFrom);
    }
    const { seq } = await world.store.head();
    for (let poll = 0; poll < 12; poll += 1) {
      world.clock.advance(4 * HOUR);
      await world.poll();
    }
    const changed = { threat: 0, case: 0, campaign: 0 };
    for (const kind of kinds) {
      for (const [id, { key }] of await heldOf(world.store, kind)) {
        if (!before.has(`${kind} ${id}`)) continue;
        const texts = (await historyOf(world.store, key)).map(({ received }) => received);
        // no version is like the one before it
        expect(texts.filter((text, i) => i > 0 && text === texts[i - 1])).toEqual([]);
        const versions = world.tenant.versionsOf(kind, id);
        const settled = shift(toInstant(world.clock()), -15 * MINUTE);
        const isNewer = versions.some((each) => each.visibleFrom > NOW && each.visibleFrom <= settled);
        if (isNewer) expect(texts.length, `${kind} ${id}`).toBeGreaterThan(1);
        if (isNewer) changed[kind] += 1;
      }
    }
    for (const kind of kinds) expect(changed[kind], kind).toBeGreaterThan(0);
    const news = await world.store.changes({
      ...{ afterSeq: seq, toSeq: (await world.store.head()).seq, kinds, integrations: null },
      ...{ after: null, limit: 10_000 },
    });
    expect(news.filter(({ key }) => before.has(`${key.kind} ${key.id}`)).length).toBeGreaterThanOrEqual(
      changed.threat + changed.case + changed.campaign,
    );
    await expectWhole();
  });
});
