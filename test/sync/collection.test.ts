import { afterEach, describe, expect, test } from 'vitest';
import type { LedgerEntry } from '../../src/model/ledger.js';
import { streamsOf } from '../../src/model/stream.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import type { Progress } from '../../src/sync/sync.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, faultsOf, heldOf, INTEGRATION, passOf, truthOf, type World } from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'collection',
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 600,
  cases: 120,
  campaigns: 120,
  shares: { missingThreats: 0, deletedThreats: 0 },
};
const SIGNAL = new AbortController().signal;
const EARLIEST = '2020-01-01T00:00:00.000Z';

let world: World;
afterEach(() => world.close());

async function ledgerOf(
  { store }: World,
  resource: 'threats' | 'cases' | 'campaigns',
): Promise<LedgerEntry[]> {
  const { seq } = await store.head();
  const [stream] = streamsOf(INTEGRATION, resource);
  return stream ? store.ledger(stream, EARLIEST, '2030-01-01T00:00:00.000Z', seq) : [];
}

describe('the first collection', () => {
  test('begins with the latest day and goes back thirty days', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const report = await world.poll();
    const entries = await ledgerOf(world, 'threats');
    expect(entries[0]?.to).toBe(NOW);
    expect(entries[0] && entries[0].from >= shift(NOW, -DAY)).toBe(true);
    entries.forEach((entry, i) => {
      if (i > 0) expect(entry.to).toBe(entries[i - 1]?.from);
    });
    expect(entries.at(-1)?.from).toBe(shift(NOW, -30 * DAY));
    for (const { status, streams } of report.passes) {
      expect(status).toBe('SUCCEEDED');
      for (const { coverage, lastSuccessAt } of streams) {
        expect(coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
        expect(coverage.contiguousFrom).toBe(shift(NOW, -30 * DAY));
        expect(lastSuccessAt).toBe(NOW);
      }
    }
  });

  test('contains everything of the tenant, and nothing older', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll();
    for (const kind of ['threat', 'case', 'campaign'] as const) {
      expect(await faultsOf(world, kind, NOW, shift(NOW, -30 * DAY))).toEqual([]);
      const held = await heldOf(world.store, kind);
      expect(held.size).toBeGreaterThan(0);
      expect(held.size).toBeLessThan(truthOf(world.tenant, kind, NOW).size);
    }
  });

  test('begins at the configured date', async () => {
    const from = '2026-03-29T06:30:00.000Z';
    world = await createTenantWorld({ now: NOW, tenant: TENANT, settings: { backfillFrom: from } });
    await world.poll('threats');
    expect((await ledgerOf(world, 'threats')).at(-1)?.from).toBe(from);
  });

  test('extends further back if the setting is moved back, and does not shrink if it is moved forward', async () => {
    world = await createTenantWorld({
      now: NOW,
      tenant: TENANT,
      settings: { backfillFrom: '2026-03-20T00:00:00.000Z' },
    });
    await world.poll('cases');
    const earlier = world.restart({ backfillFrom: '2026-03-10T00:00:00.000Z' });
    const report = await earlier.poll({ resources: ['cases'], signal: SIGNAL });
    expect(passOf(report, 'cases').streams[0]?.coverage.contiguousFrom).toBe('2026-03-10T00:00:00.000Z');
    const later = world.restart({ backfillFrom: '2026-03-25T00:00:00.000Z' });
    const again = await later.poll({ resources: ['cases'], signal: SIGNAL });
    expect(passOf(again, 'cases').streams[0]?.coverage.from).toBe('2026-03-10T00:00:00.000Z');
  });

  test('costs at most 1.05 requests per new threat in dense periods, for both streams together', async () => {
    world = await createTenantWorld({
      now: NOW,
      tenant: {
        ...TENANT,
        from: '2026-03-29T00:00:00.000Z',
        to: '2026-04-10T00:00:00.000Z',
        threats: 12_000,
        shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
      },
      settings: { backfillFrom: '2026-03-29T00:00:00.000Z' },
    });
    const { counts, callsPerNew } = passOf(await world.poll('threats'), 'threats');
    expect(counts.added).toBeGreaterThan(1500);
    expect(callsPerNew).toBeLessThanOrEqual(1.05);
    const threats = world.simulator.stats().byKind;
    const asked = Object.values({ ...threats['threats.list'] }).concat(
      Object.values({ ...threats['threats.detail'] }),
    );
    expect(counts.listCalls + counts.detailCalls).toBe(asked.reduce((sum, n) => sum + n, 0));
  });
});

describe('windows of the smallest width', () => {
  test('are read page by page, and no record is lost while rows move between pages', async () => {
    world = await createTenantWorld({
      now: NOW,
      tenant: { ...TENANT, from: '2026-03-28T00:00:00.000Z', to: '2026-04-02T00:00:00.000Z' },
      settings: { minWindowMs: 2 * DAY, firstWindowMs: 2 * DAY, backfillFrom: '2026-03-28T00:00:00.000Z' },
    });
    // enough for threats to be remediated between one page and the next
    world.clock.perRequestMs = 10_000;
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.counts.listCalls).toBeGreaterThan(pass.counts.windows * 2);
    world.clock.advance(HOUR);
    await world.poll('threats');
    const settled = shift(toInstant(world.clock()), -HOUR);
    expect(await faultsOf(world, 'threat', settled, '2026-03-28T00:00:00.000Z')).toEqual([]);
  });
});

describe('a later poll', () => {
  test('without anything new costs one request per stream', async () => {
    const still = {
      ...TENANT,
      threats: 200,
      to: '2026-03-30T00:00:00.000Z',
      shares: { ...TENANT.shares, undoneRelists: 0 },
    };
    world = await createTenantWorld({
      now: '2026-05-20T00:00:00.000Z',
      tenant: still,
      settings: { backfillFrom: '2026-01-01T00:00:00.000Z' },
    });
    await world.poll();
    world.clock.advance(25 * HOUR);
    await world.poll();
    world.clock.advance(25 * HOUR);
    const report = await world.poll();
    for (const { counts, streams, resource } of report.passes) {
      expect([resource, counts.calls]).toEqual([resource, streams.length]);
    }
  });

  test('reads new records, and reads provisional windows again', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll();
    for (let i = 0; i < 6; i += 1) {
      world.clock.advance(4 * HOUR);
      await world.poll();
    }
    const now = toInstant(world.clock());
    for (const kind of ['threat', 'case', 'campaign'] as const) {
      expect(await faultsOf(world, kind, shift(now, -15 * MINUTE), shift(NOW, -30 * DAY))).toEqual([]);
    }
  });

  test('catches up after a week without polls', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll();
    world.clock.advance(7 * DAY);
    const report = await world.poll();
    const now = toInstant(world.clock());
    for (const kind of ['threat', 'case', 'campaign'] as const) {
      expect(await faultsOf(world, kind, shift(now, -15 * MINUTE), shift(NOW, -30 * DAY))).toEqual([]);
    }
    for (const { streams } of report.passes) {
      for (const { coverage } of streams) expect(coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    }
  });
});

describe('a backfill', () => {
  test('goes back as far as requested and remembers it', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('campaigns');
    const from = '2026-01-01T00:00:00.000Z';
    const report = await world.sync.backfill({ from, resources: ['campaigns'], signal: SIGNAL });
    expect(passOf(report, 'campaigns').streams[0]?.coverage.contiguousFrom).toBe(from);
    expect(await faultsOf(world, 'campaign', NOW, from)).toEqual([]);
    const later = passOf(await world.poll('campaigns'), 'campaigns');
    expect(later.streams[0]?.coverage.from).toBe(from);
    expect((await world.store.run(passOf(report, 'campaigns').runId))?.trigger).toBe('BACKFILL');
  });

  test('reads nothing twice', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const backfill = () =>
      world.sync.backfill({ from: '2026-01-01T00:00:00.000Z', resources: ['threats'], signal: SIGNAL });
    await backfill();
    const again = passOf(await backfill(), 'threats');
    expect(again.counts.added).toBe(0);
    expect(again.counts.listCalls).toBeLessThanOrEqual(4);
  });
});

describe('the progress callback', () => {
  test('reports each window and what is left, and ends with nothing left', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    world.clock.perRequestMs = 200;
    const seen: Progress[] = [];
    await world.sync.poll({
      resources: ['cases'],
      signal: SIGNAL,
      onProgress: (progress) => seen.push(progress),
    });
    expect(seen[0]).toMatchObject({ phase: 'DELTA', resource: 'cases', filterKey: 'lastModifiedTime' });
    expect(seen.some(({ phase, etaMs }) => phase === 'GAPS' && etaMs !== null && etaMs > 0)).toBe(true);
    const remaining = seen.map(({ remainingMs }) => remainingMs);
    expect(remaining).toEqual([...remaining].sort((a, b) => b - a));
    expect(remaining.at(-1)).toBe(0);
  });
});
