import { afterEach, expect, test } from 'vitest';
import type { TenantOptions } from '../../../src/simulator/options.js';
import { HOUR } from '../../../src/values/instant.js';
import { createTenantWorld, heldOf, INTEGRATION, passOf, type World } from '../harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'parts',
  from: '2026-03-20T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  ...{ threats: 240, cases: 5, campaigns: 5 },
  shares: { missingThreats: 0, deletedThreats: 0 },
};

let world: World;
afterEach(() => world.close());

const start = () =>
  createTenantWorld({
    now: NOW,
    tenant: TENANT,
    settings: { collectParts: ['threatLinks'], chunkRecords: 20 },
  });

/** For each threat, newest first, whether its links are stored. */
async function stored(): Promise<boolean[]> {
  const { seq } = await world.store.head();
  const threats = [...(await heldOf(world.store, 'threat')).values()];
  const times = (at: (typeof threats)[number]) =>
    (at.record as unknown as { messages: { receivedTime: string }[] }).messages[0]?.receivedTime ?? '';
  threats.sort((a, b) => (times(a) < times(b) ? 1 : -1));
  const keys = threats.map(
    ({ key }) => ({ integration: INTEGRATION, kind: 'threatLinks', id: key.id }) as const,
  );
  return (await world.store.get(keys, seq)).map((part) => part !== null);
}

test('the links of all threats are stored after the first poll, so that asOf has them', async () => {
  world = await start();
  const pass = passOf(await world.poll('threats'), 'threats');
  expect(pass.status).toBe('SUCCEEDED');
  const all = await stored();
  expect(all.length).toBeGreaterThan(50);
  expect(all.every((isStored) => isStored)).toBe(true);
  expect(world.simulator.stats().byKind['threats.attachments']).toBeUndefined();
});

test('a poll reads them for five minutes at most, newest threats first, and the next one goes on', async () => {
  world = await start();
  await world
    .restart({ collectParts: [] })
    .poll({ resources: ['threats'], signal: new AbortController().signal });
  world.clock.perRequestMs = 10_000;
  const before = world.clock();
  await world.poll('threats');
  expect(world.clock() - before).toBeLessThan(10 * 60_000);
  const first = await stored();
  const count = first.filter((isStored) => isStored).length;
  expect(count).toBeGreaterThan(10);
  expect(count).toBeLessThan(first.length);
  expect(first.slice(0, 20).filter((isStored) => isStored).length).toBeGreaterThan(15);
  world.clock.advance(4 * HOUR);
  await world.poll('threats');
  expect((await stored()).filter((isStored) => isStored).length).toBeGreaterThan(count);
});

test('they are read again only for threats that changed', async () => {
  world = await start();
  world.clock.perRequestMs = 1000;
  await world.poll('threats');
  world.simulator.resetStats();
  world.clock.advance(HOUR);
  await world.poll('threats');
  const { 'threats.links': again = {}, 'threats.detail': details = {} } = world.simulator.stats().byKind;
  expect(again[200] ?? 0).toBeLessThanOrEqual(details[200] ?? 0);
});

test('links that Abnormal does not have say nothing of their threat', async () => {
  world = await start();
  world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: /links/ }] });
  for (let poll = 0; poll < 3; poll += 1) {
    await world.poll('threats');
    world.clock.advance(5 * HOUR);
  }
  const threats = await heldOf(world.store, 'threat');
  expect(threats.size).toBeGreaterThan(50);
  expect((await stored()).some((isStored) => isStored)).toBe(false);
});
