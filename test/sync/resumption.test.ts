import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RunRecord } from '../../src/model/run.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { batchOf } from '../support/records.js';
import { createTenantWorld, faultsOf, heldOf, passOf, type World } from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -30 * DAY);
const TENANT: TenantOptions = {
  seed: 'resumption',
  from: '2026-02-15T00:00:00.000Z',
  to: '2026-05-30T00:00:00.000Z',
  threats: 300,
  cases: 60,
  campaigns: 40,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
afterEach(() => world.close());

async function expectWhole(since = SINCE): Promise<void> {
  const settled = shift(toInstant(world.clock()), -15 * MINUTE);
  for (const kind of ['threat', 'case', 'campaign'] as const) {
    expect(await faultsOf(world, kind, settled, since)).toEqual([]);
  }
}

function runs(): Promise<RunRecord[]> {
  return world.store.runs({ integrations: null, before: null, limit: 1000 });
}

describe('a poll that is stopped', () => {
  test('repeatedly loses nothing and fetches nothing twice', async () => {
    let budget = 0;
    let stop = new AbortController();
    world = await createTenantWorld({
      now: NOW,
      tenant: { ...TENANT, to: '2026-03-30T00:00:00.000Z' },
      simulator: {
        onRequest: () => {
          budget -= 1;
          if (budget === 0) stop.abort();
        },
      },
    });
    // no two stops after the same number of requests, and the first before anything was had
    for (let i = 0; i < 25; i += 1) {
      budget = 1 + ((i * 7919) % 53);
      stop = new AbortController();
      const report = await world.poll(undefined, stop.signal);
      if (report.passes.every(({ status }) => status === 'SUCCEEDED')) break;
      expect(report.passes.some(({ status }) => status === 'INTERRUPTED')).toBe(true);
    }
    stop = new AbortController();
    const last = await world.poll(undefined, stop.signal);
    expect(last.passes.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
    await expectWhole();
    const held = await Promise.all(
      (['threat', 'case', 'campaign'] as const).map((kind) => heldOf(world.store, kind)),
    );
    const records = held.reduce((sum, map) => sum + map.size, 0);
    const details = (await runs()).reduce((sum, run) => sum + run.counts.detailCalls, 0);
    // each stop may cost the few that were on their way
    expect(details).toBeLessThanOrEqual(records + 25 * 3 * 8);
  });

  test('marks its own run as interrupted', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const stop = new AbortController();
    world.sync.poll({ resources: ['cases'], signal: stop.signal });
    const poll = world.poll('threats', stop.signal);
    stop.abort();
    expect(passOf(await poll, 'threats').status).toBe('INTERRUPTED');
    expect((await runs()).every(({ status, endedAt }) => status === 'INTERRUPTED' && endedAt !== null)).toBe(
      true,
    );
  });
});

describe('a RUNNING run of a killed process', () => {
  test('is marked at the next poll, and a run that continues is not', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('campaigns');
    const [run] = await runs();
    if (!run) throw new Error('a poll has a run');
    const left: RunRecord = { ...run, id: 'left', status: 'RUNNING', endedAt: null };
    await world.store.record(batchOf('left/1', { now: NOW, run: left }));
    world.clock.advance(HOUR);
    const going = world.poll('threats');
    await world.poll('cases');
    expect(await world.store.run('left')).toMatchObject({
      status: 'INTERRUPTED',
      endedAt: shift(NOW, HOUR),
      counts: run.counts,
    });
    expect(passOf(await going, 'threats').status).toBe('SUCCEEDED');
    expect((await runs()).map(({ status }) => status).sort()).toEqual([
      'INTERRUPTED',
      ...Array(3).fill('SUCCEEDED'),
    ]);
  });
});

describe('overlapping polls', () => {
  test('are one poll', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [a, b] = await Promise.all([world.poll(), world.poll()]);
    expect(a.passes.map(({ runId }) => runId)).toEqual(b.passes.map(({ runId }) => runId));
    expect(await runs()).toHaveLength(3);
    const next = await world.poll();
    expect(next.passes[0]?.runId).not.toBe(a.passes[0]?.runId);
  });

  test('end for a caller that stops waiting, and continue for the others', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const first = world.poll('threats');
    const impatient = new AbortController();
    const second = world.poll('threats', impatient.signal);
    impatient.abort(new Error('gone'));
    await expect(second).rejects.toThrow('gone');
    expect(passOf(await first, 'threats').status).toBe('SUCCEEDED');
  });

  test('include a backfill, which waits for the current poll and then goes further back', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const from = '2026-02-15T00:00:00.000Z';
    const { signal } = new AbortController();
    const [, backfill] = await Promise.all([
      world.poll('threats'),
      world.sync.backfill({ from, resources: ['threats'], signal }),
    ]);
    expect(passOf(backfill, 'threats').streams[0]?.coverage.contiguousFrom).toBe(from);
    expect(await faultsOf(world, 'threat', shift(NOW, -15 * MINUTE), from)).toEqual([]);
  });
});

describe('a wrong clock', () => {
  test.each([
    ['six hours ahead', 6 * HOUR],
    ['five days ahead', 5 * DAY],
    ['six hours behind', -6 * HOUR],
    ['forty days behind', -40 * DAY],
  ])(
    'by %s during a poll is repaired: windows that were wrongly complete are read again',
    async (_, skewMs) => {
      world = await createTenantWorld({ now: NOW, tenant: TENANT });
      await world.poll();
      world.clock.advance(4 * HOUR);
      world.clock.skewMs = skewMs;
      await world.poll();
      world.clock.skewMs = 0;
      for (let i = 0; i < 7; i += 1) {
        world.clock.advance(DAY + HOUR);
        await world.poll();
        await expectWhole();
      }
    },
  );

  test('during the first poll does not lose anything that was marked as collected', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    world.clock.skewMs = 2 * DAY;
    await world.poll();
    world.clock.skewMs = 0;
    world.clock.advance(HOUR);
    await world.poll();
    world.clock.advance(2 * DAY);
    const report = await world.poll();
    // thirty days before what it took for now
    await expectWhole(shift(SINCE, 2 * DAY));
    for (const { streams } of report.passes) {
      for (const { coverage } of streams) expect(coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    }
  });
});

test('closing the sync stops all work and waits for it', async () => {
  world = await createTenantWorld({ now: NOW, tenant: TENANT });
  const poll = world.poll();
  await vi.waitFor(() => expect(world.simulator.stats().requests).toBeGreaterThan(2), {
    timeout: 200_000,
    interval: 1,
  });
  await world.sync.close();
  const { seq } = await world.store.head();
  expect((await poll).passes.map(({ status }) => status)).toContain('INTERRUPTED');
  expect((await world.store.head()).seq).toBe(seq);
  expect((await runs()).every(({ status }) => status !== 'RUNNING')).toBe(true);
});

test('live reads at the beginning of a backfill do not change how far back it goes', async () => {
  world = await createTenantWorld({ now: NOW, tenant: TENANT });
  await world.poll('threats');
  const { signal } = new AbortController();
  const from = '2026-02-20T00:00:00.000Z';
  for (let i = 0; i < 5; i += 1) {
    world.clock.advance(MINUTE);
    const wanted = shift(from, -i * DAY);
    const lists = [0, 0, 0].map(() => world.sync.live.list('threats', null, 0));
    await Promise.all([...lists, world.sync.backfill({ from: wanted, resources: ['threats'], signal })]);
    const states = await world.store.streams();
    expect(states.map(({ collectFrom }) => collectFrom)).toEqual([wanted, wanted]);
  }
});
