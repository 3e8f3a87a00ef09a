import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ListedKind, RecordKey } from '../../src/resources/registry.js';
import type { FaultRule } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift } from '../../src/values/instant.js';
import { batchOf, sampleRun } from '../support/records.js';
import { createTenantWorld, heldOf, historyOf, INTEGRATION, passOf, truthOf, type World } from './harness.js';

/*
 * A tombstone that was wrong: Abnormal answered 404 twice though the record was there all along, or has it again.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'tombstones',
  ...{ from: '2026-03-20T00:00:00.000Z', to: '2026-04-30T00:00:00.000Z' },
  ...{ threats: 80, cases: 40, campaigns: 30 },
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
beforeEach(async () => {
  world = await createTenantWorld({ now: NOW, tenant: TENANT });
});
afterEach(() => world.close());

type Key = RecordKey & { readonly kind: ListedKind };
const keyOf = (kind: ListedKind, id: string): Key => ({ integration: INTEGRATION, kind, id });

async function current(key: Key) {
  const [revision] = await world.store.get([key], (await world.store.head()).seq);
  return revision ?? null;
}

/** Whether each version was a tombstone, oldest first. */
async function deletions(key: Key): Promise<boolean[]> {
  return (await historyOf(world.store, key)).map(({ revision }) => revision.deleted);
}

function faults(...rules: (readonly [string, 'notFound' | 'undecodable'])[]): void {
  const asRule = ([id, kind]: (typeof rules)[number]): FaultRule => ({
    fault: { kind },
    match: new RegExp(`/${id}(\\?|$)`),
  });
  world.simulator.setFaults({ rules: rules.map(asRule) });
}

/** Two threats of one day, of which the first gets a tombstone while the second holds their window open. */
async function buryOne(): Promise<{ key: Key; other: string }> {
  const then = shift(NOW, -2 * DAY);
  const ids = [...truthOf(world.tenant, 'threat', then).keys()];
  const [other = '', id = ''] = ids.slice(-2);
  const key = keyOf('threat', id);
  // so long ago that what lists say of it is news
  world.clock.set(then);
  await world.sync.live.record(key, 0);
  world.clock.set(NOW);
  faults([id, 'notFound'], [other, 'undecodable']);
  for (const expected of [[false], [false, true]]) {
    world.clock.advance(4 * HOUR);
    await world.poll('threats');
    expect(await deletions(key)).toEqual(expected);
  }
  return { key, other };
}

describe('a record that has a tombstone', () => {
  test('gets a new version when it is listed and found again', async () => {
    const { key, other } = await buryOne();
    faults([other, 'undecodable']);
    world.clock.advance(4 * HOUR);
    const { counts } = passOf(await world.poll('threats'), 'threats');
    expect(counts.added).toBeGreaterThanOrEqual(1);
    expect(await deletions(key)).toEqual([false, true, false]);
    expect((await heldOf(world.store, 'threat')).has(key.id)).toBe(true);
  });

  test('keeps the tombstone while it is listed and not found, for one call per pass', async () => {
    const { key, other } = await buryOne();
    for (let polls = 0; polls < 2; polls += 1) {
      world.simulator.resetStats();
      world.clock.advance(4 * HOUR);
      const pass = passOf(await world.poll('threats'), 'threats');
      expect(pass.counts.quarantined).toBe(1);
      expect(world.simulator.stats().byKind['threats.detail']?.[404]).toBe(1);
      expect(await deletions(key)).toEqual([false, true]);
      expect(await world.store.quarantined([key])).toMatchObject([{ code: 'GONE' }]);
    }
    // and its window is whole once what held it open reads
    faults([key.id, 'notFound']);
    world.clock.advance(4 * HOUR);
    expect(passOf(await world.poll('threats'), 'threats').status).toBe('SUCCEEDED');
    expect(other).not.toBe(key.id);
  });

  test.each(['threat', 'case', 'campaign'] as const)(
    'gets a new version when it is requested and found (%s)',
    async (kind) => {
      const resource = `${kind}s` as const;
      await world.poll(resource);
      const [id = ''] = [...(await heldOf(world.store, kind)).keys()];
      const key = keyOf(kind, id);
      const before = (await historyOf(world.store, key)).at(-1)?.received;
      await world.store.record(batchOf('burial', { now: NOW, run: sampleRun('burial'), tombstones: [key] }));
      expect(await current(key)).toMatchObject({ deleted: true });

      world.clock.advance(MINUTE);
      expect(await world.sync.live.record(key, 0)).toMatchObject({ stale: false, live: true });
      expect(await current(key)).toMatchObject({ deleted: false });
      expect(await deletions(key)).toEqual([false, true, false]);
      // a case has its list item still
      expect((await historyOf(world.store, key)).at(-1)?.received).toBe(before);
      const [run] = await world.store.runs({ integrations: null, before: null, limit: 1, trigger: 'LIVE' });
      expect(run?.counts).toMatchObject({ added: 1, changed: 0 });
    },
  );

  test('is requested from Abnormal no more often than maxAge allows while it is not found', async () => {
    const { key } = await buryOne();
    world.clock.advance(HOUR);
    world.simulator.resetStats();
    const at = world.clock();
    for (let asked = 0; asked < 3; asked += 1) {
      expect(await world.sync.live.record(key, 5 * MINUTE)).toMatchObject({ stale: false });
      world.clock.advance(MINUTE);
    }
    expect(world.simulator.stats().requests).toBe(1);
    world.clock.set(new Date(at + 6 * MINUTE).toISOString());
    faults();
    expect(await world.sync.live.record(key, 5 * MINUTE)).toMatchObject({ stale: false, live: true });
    expect(await deletions(key)).toEqual([false, true, false]);
  });
});
