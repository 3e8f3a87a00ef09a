import 'reflect-metadata';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { readRecord } from '../../../src/graphql/records/read-record.js';
import { createContextFactory } from '../../../src/graphql/request/services.js';
import type { TenantOptions } from '../../../src/simulator/options.js';
import { fixedAccounts } from '../../support/fixed-accounts.js';
import { createTenantWorld, heldOf, INTEGRATION, type World } from '../../sync/harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'live',
  from: '2026-03-01T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 400,
  cases: 100,
  campaigns: 60,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, nulls: 0 },
};

let world: World;
let counts: () => Record<string, number>;

beforeAll(async () => {
  world = await createTenantWorld({ now: NOW, tenant: TENANT });
  await world.poll('threats');
  const names = ['head', 'get', 'quarantined', 'record'] as const;
  const spies = names.map((name) => [name, vi.spyOn(world.store, name)] as const);
  counts = () => Object.fromEntries(spies.map(([name, spy]) => [name, spy.mock.calls.length]));
});
afterAll(() => world.close());
beforeEach(() => void vi.clearAllMocks());

function read(id: string, maxAge: number) {
  const { store, account, clock, sync } = world;
  const context = createContextFactory({
    ...{ store, clock, live: sync.live, accounts: fixedAccounts(account) },
    ...{ defaultMaxAgeMs: 300_000, log: pino({ level: 'silent' }) },
  });
  const key = { integration: INTEGRATION, kind: 'threat', id } as const;
  return readRecord(context().services, key, { maxAge });
}

async function someId(): Promise<string> {
  const [id = ''] = (await heldOf(world.store, 'threat')).keys();
  vi.clearAllMocks();
  return id;
}

test('a live read looks up the head once and reads the record twice', async () => {
  const id = await someId();
  world.clock.advance(1_000);
  const found = await read(id, 0);
  // that nothing changed is recorded with the next batch
  expect(counts()).toEqual({ head: 1, get: 2, quarantined: 1, record: 0 });
  expect(found?.revision.verifiedAt).toBe('2026-03-31T12:00:01.000Z');
  expect(found?.view.freshness).toMatchObject({ stale: false, live: true });
  const { seq, at } = await world.store.head();
  expect(found?.view).toMatchObject({ seq, asOf: at });
});

test('a record that is fresh enough is looked up once and read once', async () => {
  const id = await someId();
  expect(await read(id, 3_600)).not.toBeNull();
  expect(counts()).toEqual({ head: 1, get: 1, quarantined: 0, record: 0 });
});

test('a record that Abnormal does not know is not read from the history a second time', async () => {
  expect(await read('unknown', 0)).toBeNull();
  expect(counts()).toEqual({ head: 2, get: 1, quarantined: 1, record: 0 });
});
