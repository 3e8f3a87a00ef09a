import { afterEach, describe, expect, test } from 'vitest';
import { coverageOf, stillMissing } from '../../src/model/ledger.js';
import { streamsOf } from '../../src/model/stream.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import { isOpenCase } from '../../src/resources/case/case.js';
import type { FilterKey, Resource } from '../../src/resources/registry.js';
import type { FaultRule } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, type Instant, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import {
  createTenantWorld,
  heldOf,
  historyOf,
  INTEGRATION,
  passOf,
  type World,
  type WorldOptions,
} from './harness.js';

/*
 * What Abnormal lists and the gateway cannot read is named, record by record, and requested again; what it said in
 * error is corrected.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -30 * DAY);
const TENANT: TenantOptions = {
  seed: 'missing',
  from: '2026-03-05T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 150,
  cases: 60,
  campaigns: 40,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
afterEach(() => world.close());

async function start(options: Partial<WorldOptions> = {}): Promise<void> {
  world = await createTenantWorld({ now: NOW, tenant: TENANT, ...options });
}

function detailsFail(kind: 'notFound' | 'undecodable' | 'serverError', ...ids: string[]): void {
  const rules: FaultRule[] = ids.map((id) => ({ fault: { kind }, match: new RegExp(`/${id}(\\?|$)`) }));
  world.simulator.setFaults({ rules });
}

/** What coverage says of a stream since its beginning. */
async function coverageNow(resource: Resource, filterKey: FilterKey, from: Instant = SINCE) {
  const stream = { integration: INTEGRATION, resource, filterKey };
  const { seq } = await world.store.head();
  const to = shift(toInstant(world.clock()), -15 * MINUTE);
  const { gaps, missing } = coverageOf(await world.store.ledger(stream, from, to, seq), from, to);
  return { gaps, missing: await stillMissing(world.store, stream, missing, seq) };
}

/** Threats that were received about three days ago. */
function someThreats(count: number): string[] {
  const threats = [...world.tenant.truth(shift(NOW, -3 * DAY), SINCE)].filter(
    ({ kind }) => kind === 'threat',
  );
  return threats.slice(-count).map(({ id }) => id);
}

async function pollLater(resource: Resource, ms = 4 * HOUR) {
  world.clock.advance(ms);
  return passOf(await world.poll(resource), resource);
}

describe('a listed record whose detail cannot be read', () => {
  test.each([
    ['notFound', 'NOT_FOUND'],
    ['undecodable', 'UNDECODABLE'],
    ['serverError', 'FAILED'],
  ] as const)('is named in coverage and does not make a gap (%s)', async (fault, code) => {
    await start();
    const ids = someThreats(2);
    detailsFail(fault, ...ids);
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.status).toBe('PARTIAL');
    expect(pass.streams[0]?.coverage).toMatchObject({ missingRecords: { [code]: 2 } });
    const { gaps, missing } = await coverageNow('threats', 'receivedTime');
    expect(gaps).toEqual([]);
    expect(missing).toMatchObject([...ids].sort().map((id) => ({ id, code, since: NOW })));
    // it is as long ago as it is, and no longer named once it reads
    if (fault === 'notFound') return;
    await pollLater('threats');
    expect((await coverageNow('threats', 'receivedTime')).missing).toMatchObject(
      [...ids].sort().map((id) => ({ id, code, since: NOW })),
    );
    world.simulator.setFaults(null);
    expect((await pollLater('threats')).status).toBe('SUCCEEDED');
    for (const { filterKey } of streamsOf(INTEGRATION, 'threats'))
      expect(await coverageNow('threats', filterKey)).toEqual({ gaps: [], missing: [] });
  });

  test('costs one list and one detail request per poll, however many others its window has', async () => {
    await start();
    const [id = ''] = someThreats(1);
    detailsFail('undecodable', id);
    await world.poll('threats');
    const { counts } = await pollLater('threats');
    expect(counts.detailCalls - counts.added - counts.changed - counts.unchanged).toBeLessThanOrEqual(1);
    expect(counts.listCalls).toBeLessThanOrEqual(6);
  });

  test('is gone after 404 in two runs, stays gone from poll to poll, and is read once it exists', async () => {
    await start();
    const [id = ''] = someThreats(1);
    detailsFail('notFound', id);
    await world.poll('threats');
    for (let polls = 0; polls < 5; polls += 1) {
      expect((await pollLater('threats')).status).toBe('SUCCEEDED');
      const { gaps, missing } = await coverageNow('threats', 'receivedTime');
      expect(gaps).toEqual([]);
      expect(missing).toMatchObject([{ id, code: 'GONE', since: NOW }]);
    }
    const key = { integration: INTEGRATION, kind: 'threat', id } as const;
    expect(await world.store.quarantined([key])).toMatchObject([{ code: 'GONE', firstSeenAt: NOW }]);
    world.simulator.setFaults(null);
    await pollLater('threats', DAY);
    expect((await heldOf(world.store, 'threat')).has(id)).toBe(true);
    expect(await coverageNow('threats', 'receivedTime')).toEqual({ gaps: [], missing: [] });
    expect(await world.store.quarantined([key])).toEqual([null]);
  });

  test('is requested less and less often once it is gone', async () => {
    await start();
    const [id = ''] = someThreats(1);
    detailsFail('notFound', id);
    for (let polls = 0; polls < 60; polls += 1) {
      await world.poll('threats');
      world.clock.advance(4 * HOUR);
    }
    const [entry] = await world.store.quarantined([{ integration: INTEGRATION, kind: 'threat', id }]);
    expect(entry?.tries).toBeGreaterThan(5);
    expect(entry?.tries).toBeLessThan(25);
    expect((await coverageNow('threats', 'receivedTime', shift(NOW, -20 * DAY))).missing).toMatchObject([
      { id, code: 'GONE' },
    ]);
  }, 60_000);

  test('does not make a gap on a fresh start with records that were always missing', async () => {
    await start({ tenant: { ...TENANT, shares: { missingThreats: 0.1 } } });
    await world.poll();
    for (const resource of ['threats', 'cases', 'campaigns'] as const)
      for (const { filterKey } of streamsOf(INTEGRATION, resource))
        expect((await coverageNow(resource, filterKey)).gaps).toEqual([]);
    const { missing } = await coverageNow('threats', 'receivedTime');
    expect(missing.length).toBeGreaterThan(2);
    const held = await heldOf(world.store, 'threat');
    for (const { id, code } of missing) {
      expect(code).toBe('NOT_FOUND');
      expect(held.has(id)).toBe(false);
    }
  });
});

describe('a stored record that was marked as deleted in error', () => {
  test('is restored by the polls even if no window lists it again', async () => {
    await start();
    await world.poll('cases');
    const open = [...(await heldOf(world.store, 'case')).values()].find(({ record }) =>
      isOpenCase(record as CaseRecord),
    );
    const key = { integration: INTEGRATION, kind: 'case', id: open?.key.id ?? '' } as const;
    const deletions = async () => (await historyOf(world.store, key)).map(({ revision }) => revision.deleted);
    detailsFail('notFound', key.id);
    await pollLater('cases');
    await pollLater('cases');
    expect((await deletions()).at(-1)).toBe(true);
    expect(await world.store.quarantined([key])).toMatchObject([{ code: 'GONE' }]);
    // the poll after finds it still gone, and the one after that has it again
    await pollLater('cases');
    expect((await deletions()).at(-1)).toBe(true);
    world.simulator.setFaults(null);
    await pollLater('cases');
    expect((await deletions()).at(-1)).toBe(false);
    expect(await world.store.quarantined([key])).toEqual([null]);
  });
});

describe('a window that Abnormal once refused', () => {
  test('as out of retention is requested again once a day, and collected when it is available', async () => {
    await start({ simulator: { retentionDays: 20 } });
    await world.poll('threats');
    const lists = async (ms: number) => (await pollLater('threats', ms)).counts.listCalls;
    expect(await lists(4 * HOUR)).toBeLessThanOrEqual(2);
    const again = await pollLater('threats', DAY);
    expect(again.counts.listCalls).toBeGreaterThan(2);
    expect(again.counts.listCalls).toBeLessThan(40);
    expect(again.status).toBe('SUCCEEDED');
    expect(await lists(4 * HOUR)).toBeLessThanOrEqual(2);
  });
});

describe('a poll with a waiting caller', () => {
  test('reads unsettled and quarantined records again unless they were confirmed within maxAge', async () => {
    await start();
    await world.poll('cases');
    const quarantined = [...(await heldOf(world.store, 'case')).keys()][0] ?? '';
    detailsFail('undecodable', quarantined);
    world.clock.advance(MINUTE);
    await world.sync.live.record({ integration: INTEGRATION, kind: 'case', id: quarantined }, 0);
    world.clock.advance(10 * MINUTE);
    const { signal } = new AbortController();
    const poll = async (maxAgeMs?: number) =>
      passOf(await world.sync.poll({ resources: ['cases'], signal, maxAgeMs }), 'cases');
    expect((await poll()).reread).toBeNull();
    const open = [...(await heldOf(world.store, 'case')).values()].filter(({ record }) =>
      isOpenCase(record as CaseRecord),
    );
    expect((await poll(5 * MINUTE)).reread?.detailCalls).toBeGreaterThanOrEqual(open.length - 5);
    const [entry] = await world.store.quarantined([
      { integration: INTEGRATION, kind: 'case', id: quarantined },
    ]);
    expect(entry?.tries).toBe(2);
    // all of them were confirmed just now
    expect((await poll(5 * MINUTE)).reread).toBeNull();
  });

  test('does not join a scheduled poll that is already running', async () => {
    await start();
    await world.poll('cases');
    world.clock.advance(10 * MINUTE);
    const { signal } = new AbortController();
    const timer = world.sync.poll({ resources: ['cases'], signal });
    const asked = world.sync.poll({ resources: ['cases'], signal, maxAgeMs: 5 * MINUTE });
    expect(passOf(await timer, 'cases').reread).toBeNull();
    expect(passOf(await asked, 'cases').reread?.detailCalls).toBeGreaterThan(0);
  });
});
