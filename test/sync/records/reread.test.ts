import { afterEach, describe, expect, test } from 'vitest';
import type { CampaignRecord } from '../../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../../src/resources/case/case.js';
import { isOpenCase } from '../../../src/resources/case/case.js';
import type { TenantOptions } from '../../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../../src/values/instant.js';
import { createTenantWorld, heldOf, INTEGRATION, passOf, truthOf, type World } from '../harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
/** Nothing arrives any more at `NOW`; what is there still changes. */
const TENANT: TenantOptions = {
  seed: 'reread',
  from: '2026-03-11T00:00:00.000Z',
  to: '2026-03-31T11:00:00.000Z',
  threats: 300,
  cases: 120,
  campaigns: 400,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
afterEach(() => world.close());

const scanning = async () =>
  [...(await heldOf(world.store, 'campaign')).values()].filter(
    ({ record }) => (record as CampaignRecord).judgementStatusRaw === 'Scanning',
  );

describe('records that may change without being listed', () => {
  test('include a campaign without a judgement, until it is judged', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('campaigns');
    expect((await scanning()).length).toBeGreaterThan(0);
    for (let i = 0; i < 4; i += 1) {
      world.clock.advance(25 * HOUR);
      const pass = passOf(await world.poll('campaigns'), 'campaigns');
      const truth = truthOf(world.tenant, 'campaign', toInstant(world.clock()));
      const still = [...truth.values()].filter((text) => text.includes('"judgementStatus":"Scanning"'));
      expect(await scanning()).toHaveLength(still.length);
      expect(pass.counts.listCalls).toBe(1);
    }
  });

  test('are read at most once per interval, however often polls run', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('cases');
    const open = [...(await heldOf(world.store, 'case')).values()].filter(({ record }) =>
      isOpenCase(record as CaseRecord),
    );
    expect(open.length).toBeGreaterThan(5);
    world.clock.advance(HOUR);
    expect(passOf(await world.poll('cases'), 'cases').reread).toBeNull();
    world.clock.advance(3 * HOUR);
    expect(passOf(await world.poll('cases'), 'cases').reread?.detailCalls).toBeGreaterThan(0);
    world.clock.advance(HOUR);
    expect(passOf(await world.poll('cases'), 'cases').reread).toBeNull();
  });

  test('have a run of their own', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('cases');
    world.clock.advance(4 * HOUR);
    const pass = passOf(await world.poll('cases'), 'cases');
    const runs = await world.store.runs({ integrations: null, before: null, limit: 10 });
    const reread = runs.find(({ trigger }) => trigger === 'REREAD');
    expect(reread).toMatchObject({ status: 'SUCCEEDED', resource: 'cases', counts: pass.reread });
    expect(reread?.counts.calls).toBe(reread?.counts.detailCalls);
    expect(pass.counts.detailCalls).toBeLessThan(reread?.counts.detailCalls ?? 0);
  });

  test('are left alone once they lie further back than the horizon', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT, settings: { rereadHorizonMs: 5 * DAY } });
    await world.poll('cases');
    world.clock.advance(4 * HOUR);
    const since = shift(toInstant(world.clock()), -5 * DAY);
    const open = [...(await heldOf(world.store, 'case')).values()].map(({ record }) => record as CaseRecord);
    const due = open.filter((record) => isOpenCase(record) && (record.lastModifiedTime ?? '') >= since);
    const pass = passOf(await world.poll('cases'), 'cases');
    expect(due.length).toBeGreaterThan(0);
    expect(due.length).toBeLessThan(open.filter(isOpenCase).length);
    // a few were listed anew and are not read twice
    expect(pass.reread?.detailCalls).toBeLessThanOrEqual(due.length);
    expect((pass.reread?.detailCalls ?? 0) + pass.counts.listed).toBeGreaterThanOrEqual(due.length);
  });

  test('include a case, which keeps its list item and gets no new version if nothing changed', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('cases');
    world.clock.advance(4 * HOUR);
    const before = await heldOf(world.store, 'case');
    const report = passOf(await world.poll('cases'), 'cases');
    const now = toInstant(world.clock());
    const then = truthOf(world.tenant, 'case', NOW);
    const truth = truthOf(world.tenant, 'case', now);
    expect(report.reread?.unchanged).toBeGreaterThan(0);
    for (const [id, { seqFrom }] of await heldOf(world.store, 'case')) {
      if (truth.get(id) === then.get(id)) expect(seqFrom).toBe(before.get(id)?.seqFrom);
    }
  });
});

describe('quarantined records', () => {
  test('that no window lists again are retried once per interval', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('threats');
    const [id = ''] = [...truthOf(world.tenant, 'threat', shift(NOW, -10 * DAY)).keys()];
    const key = { integration: INTEGRATION, kind: 'threat', id } as const;
    world.simulator.setFaults({ rules: [{ fault: { kind: 'undecodable' }, match: new RegExp(id) }] });
    world.clock.advance(10 * MINUTE);
    await world.sync.live.record(key, 0);
    const tries = async () => (await world.store.quarantined([key]))[0]?.tries ?? 0;
    expect(await tries()).toBe(1);
    await world.poll('threats');
    expect(await tries()).toBe(1);
    world.clock.advance(4 * HOUR);
    await world.poll('threats');
    expect(await tries()).toBe(2);
    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    await world.poll('threats');
    expect(await tries()).toBe(0);
  });
});
