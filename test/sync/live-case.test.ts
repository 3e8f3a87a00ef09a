import { afterEach, expect, test } from 'vitest';
import type { TenantVersion } from '../../src/simulator/tenant.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { DAY, type Instant, shift, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, historyOf, INTEGRATION, type World } from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';

let world: World;
afterEach(() => world.close());

/** A case that is modified soon, with that version. */
function nextChange(): { id: string; version: TenantVersion } {
  const { tenant } = world;
  for (let index = 0; index < tenant.count('case'); index += 1) {
    const versions = tenant.versions('case', index);
    const next = versions.findIndex(({ visibleFrom }) => visibleFrom > NOW);
    const version = versions[next];
    const isSoon = version && version.visibleFrom < shift(NOW, DAY);
    if (next > 0 && isSoon) return { id: tenant.idOf('case', index), version };
  }
  throw new Error('no case changes');
}

test('a live read never replaces what a poll recorded meanwhile with an outdated list item', async () => {
  world = await createTenantWorld({
    now: NOW,
    tenant: {
      seed: 'live-case',
      ...{ from: shift(NOW, -5 * DAY), to: shift(NOW, DAY) },
      ...{ threats: 10, cases: 60, campaigns: 0 },
    },
    settings: { backfillFrom: shift(NOW, -5 * DAY) },
  });
  await world.poll('cases');
  world.clock.advance(1000);
  const { id, version } = nextChange();
  const { store } = world;
  const received = store.received.bind(store);
  let isFirst = true;
  // once the live read has the list item that is held, the case changes and a poll records it
  store.received = async (key, seqFrom) => {
    const text = await received(key, seqFrom);
    if (isFirst && key.id === id) {
      isFirst = false;
      world.clock.set(later(version.visibleFrom));
      await world.poll('cases');
    }
    return text;
  };
  const key = { integration: INTEGRATION, kind: 'case', id } as const;
  await world.sync.live.record(key, 0);
  const last = (await historyOf(store, key)).at(-1);
  expect(last?.received).toBe(canonicalJson(version.payload));
  expect(isFirst).toBe(false);
  expect(toInstant(world.clock()) > version.visibleFrom).toBe(true);
});

function later(instant: Instant): Instant {
  return shift(instant, 1000);
}
