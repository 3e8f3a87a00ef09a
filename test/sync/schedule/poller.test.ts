import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { pause, type Sleep } from '../../../src/async/waiting.js';
import { HistoryError } from '../../../src/history/errors.js';
import type { RunRecord } from '../../../src/model/run.js';
import { CORE_RESOURCES, type Resource } from '../../../src/resources/registry.js';
import type { TenantOptions } from '../../../src/simulator/options.js';
import {
  createLeadership,
  createPoller,
  type Poller,
  type PollerOptions,
} from '../../../src/sync/schedule/poller.js';
import { DAY, HOUR, MINUTE } from '../../../src/values/instant.js';
import { fixedAccounts } from '../../support/fixed-accounts.js';
import { createTenantWorld, INTEGRATION, type World } from '../harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'poller',
  from: '2026-03-25T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 200,
  cases: 60,
  campaigns: 40,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
const stops: AbortController[] = [];
const ended: Promise<void>[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.all(ended.splice(0));
  await world.close();
});

/** Timers that end when the world's clock has got there; it is moved by `pass`. */
interface Timers {
  readonly sleep: Sleep;
  /** Moves the clock to the next timer, and on and on until so much time has passed. */
  pass(ms: number): Promise<void>;
}

function createTimers(): Timers {
  const pending = new Set<{ at: number; end: () => void }>();
  const sleep: Sleep = (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = {
        at: world.clock() + ms,
        end: () => {
          pending.delete(timer);
          signal.removeEventListener('abort', timer.end);
          resolve();
        },
      };
      pending.add(timer);
      signal.addEventListener('abort', timer.end, { once: true });
    });
  async function pass(ms: number): Promise<void> {
    const until = world.clock() + ms;
    // between the end of a poll and the timer for the next nothing shows: only what stays idle is at rest
    for (let rests = 0; rests < 4; ) {
      await idle();
      const next = [...pending].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > until) {
        rests += 1;
        await delay(25);
        continue;
      }
      rests = 0;
      world.clock.advance(Math.max(0, next.at - world.clock()));
      next.end();
    }
    world.clock.advance(until - world.clock());
  }
  return { sleep, pass };
}

/** Waits until no poll and no reconciliation is under way. */
async function idle(): Promise<void> {
  // between a timer and the poll that follows it are a few turns of the event loop
  for (let turn = 0; turn < 10; turn += 1) await setImmediate();
  await vi.waitFor(async () => {
    expect(pollers.some((poller) => poller.status().polls.some(({ isPolling }) => isPolling))).toBe(false);
    // those under way are among the newest
    const newest = await world.store.runs({ integrations: null, before: null, limit: 10 });
    expect(newest.some(({ status }) => status === 'RUNNING')).toBe(false);
    expect(pollers.some((poller) => poller.status().isReconciling)).toBe(false);
  }, 200_000);
}

const pollers: Poller[] = [];

function start(timers: Timers, over: Partial<PollerOptions> = {}): { poller: Poller; stop: AbortController } {
  const poller = createPoller({
    sync: world.sync,
    store: world.store,
    accounts: fixedAccounts(world.account),
    intervals: world.settings.intervals,
    resources: world.settings.collect,
    holder: 'one',
    clock: world.clock,
    log: pino({ level: 'silent' }),
    sleep: timers.sleep,
    // its renewals are the longest steps by which the clock is moved
    leaseMs: 10 * MINUTE,
    ...over,
  });
  const stop = new AbortController();
  pollers.push(poller);
  stops.push(stop);
  ended.push(poller.run(stop.signal));
  return { poller, stop };
}

async function reconciled(): Promise<RunRecord[]> {
  const runs = await world.store.runs({
    ...{ integrations: null, before: null, limit: 1000, trigger: 'RECONCILE' },
  });
  return runs.reverse();
}

async function runsOf(resource?: Resource): Promise<RunRecord[]> {
  const runs = await world.store.runs({ integrations: null, before: null, limit: 1000 });
  return runs.filter((run) => run.trigger === 'POLL' && (!resource || run.resource === resource)).reverse();
}

describe('the poller', () => {
  test('polls at once, then waits one interval after the end of each poll', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    world.clock.perRequestMs = 1000;
    const timers = createTimers();
    const { poller } = start(timers);
    await timers.pass(26 * HOUR);
    const threats = await runsOf('threats');
    expect(threats[0]?.startedAt).toBe(NOW);
    expect(threats.length).toBeGreaterThanOrEqual(6);
    threats.slice(1).forEach((run, i) => {
      const ended = threats[i]?.endedAt ?? '';
      expect(Date.parse(run.startedAt) - Date.parse(ended)).toBeGreaterThanOrEqual(4 * HOUR);
      expect(Date.parse(run.startedAt) - Date.parse(ended)).toBeLessThan(4 * HOUR + 10 * MINUTE);
    });
    expect(await runsOf('campaigns')).toHaveLength(2);
    const status = poller.status();
    expect(status.isLeading).toBe(true);
    expect(status.polls).toHaveLength(3);
    for (const poll of status.polls) expect(poll).toMatchObject({ lastStatus: 'SUCCEEDED', lastError: null });
  });

  test('stops during a poll and releases the lease', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    const { poller, stop } = start(timers);
    await vi.waitFor(() => expect(world.simulator.stats().requests).toBeGreaterThan(5), 200_000);
    stop.abort();
    await Promise.all(ended.splice(0));
    expect(poller.status().isLeading).toBe(false);
    expect((await runsOf('threats')).map(({ status }) => status)).toEqual(['INTERRUPTED']);
    expect(await world.store.acquireLease('poll', 'somebody', 1000)).toBe(true);
  });

  test('lets only one process poll, and takes over from a process that is gone', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    const one = start(timers, { leaseMs: MINUTE });
    await idle();
    const two = start(timers, { sync: world.restart(), holder: 'two', leaseMs: MINUTE });
    await timers.pass(3 * HOUR);
    expect([one.poller.status().isLeading, two.poller.status().isLeading]).toEqual([true, false]);
    expect(await runsOf('threats')).toHaveLength(1);
    one.stop.abort();
    await ended[0];
    await timers.pass(5 * MINUTE);
    expect([one.poller.status().isLeading, two.poller.status().isLeading]).toEqual([false, true]);
    expect(await runsOf('threats')).toHaveLength(2);
  });

  test('stops polling when its lease is lost', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    const { poller } = start(timers, { leaseMs: MINUTE });
    await idle();
    // as if this process had been suspended for longer than its lease lasted
    await world.store.releaseLease('poll', 'one');
    expect(await world.store.acquireLease('poll', 'other', HOUR)).toBe(true);
    await timers.pass(MINUTE);
    await vi.waitFor(() => expect(poller.status().isLeading).toBe(false), 200_000);
    await timers.pass(2 * HOUR);
    await vi.waitFor(() => expect(poller.status().isLeading).toBe(true), 200_000);
  });

  test('retries sooner if Abnormal is unreachable, with growing delays', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'serverError' } }] });
    start(timers, { resources: ['cases'], leaseMs: 20_000 });
    await timers.pass(100 * MINUTE);
    const begun = (await runsOf('cases')).map(
      ({ startedAt }) => (Date.parse(startedAt) - Date.parse(NOW)) / MINUTE,
    );
    expect(begun.map(Math.round)).toEqual([0, 5, 15, 35, 75]);
  });

  test('continues after a failure of the history', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    let failures = 2;
    const sync = {
      poll: (...args: Parameters<World['sync']['poll']>) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Error('the disk is full')) : world.sync.poll(...args);
      },
      reconcile: world.sync.reconcile,
    };
    const { poller } = start(timers, { sync, resources: ['cases'] });
    const first = { lastError: 'the disk is full', isPolling: false };
    await vi.waitFor(() => expect(poller.status().polls[0]).toMatchObject(first), 200_000);
    await timers.pass(20 * MINUTE);
    expect(poller.status().polls[0]).toMatchObject({ lastError: null, lastStatus: 'SUCCEEDED' });
  });

  test('polls again within seconds after an outage of the history', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    const at: number[] = [];
    const sync = {
      poll: (...args: Parameters<World['sync']['poll']>) => {
        at.push((world.clock() - Date.parse(NOW)) / 1000);
        const isOver = at.length > 6;
        return isOver
          ? world.sync.poll(...args)
          : Promise.reject(new HistoryError('UNAVAILABLE', 'it is away'));
      },
      reconcile: world.sync.reconcile,
    };
    // so that the lease needs no timer within the minute
    const { poller } = start(timers, { sync, resources: ['cases'], leaseMs: DAY });
    await vi.waitFor(() => expect(at).toHaveLength(1), 200_000);
    await timers.pass(MINUTE);
    expect(at).toEqual([0, 1, 3, 7, 15, 23, 31]);
    expect(poller.status().polls[0]).toMatchObject({ lastError: null, lastStatus: 'SUCCEEDED' });
  });

  test('stops polling before it does anything else when it was suspended for longer than its lease', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const asked: boolean[] = [];
    const store = {
      acquireLease: async (...lease: Parameters<World['store']['acquireLease']>) => {
        const isHeld = await world.store.acquireLease(...lease);
        asked.push(isHeld);
        return isHeld;
      },
      releaseLease: world.store.releaseLease.bind(world.store),
    };
    const log = pino({ level: 'silent' });
    const leadership = createLeadership({ store, holder: 'one', leaseMs: 600, log, sleep: pause });
    const stop = new AbortController();
    let askedBefore = 0;
    const lost = new Promise<void>((resolve) => {
      const running = leadership.run(stop.signal, async (term) => {
        askedBefore = asked.length;
        // as a suspended process, this one does nothing for a while
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
        await new Promise<void>((ended) => term.addEventListener('abort', () => ended()));
        resolve();
        stop.abort();
      });
      ended.push(running);
    });
    await lost;
    expect(asked).toHaveLength(askedBefore);
    await Promise.all(ended.splice(0));
    expect(leadership.isLeading()).toBe(false);
  });
});

describe('the poller’s reconciliation', () => {
  test('begins after the first complete poll, and repeats a day after its start', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    world.clock.perRequestMs = 1000;
    const timers = createTimers();
    const { stop } = start(timers, { reconcileEveryMs: DAY });
    await timers.pass(30 * HOUR);
    const runs = await reconciled();
    expect(runs.map(({ resource }) => resource)).toEqual([...CORE_RESOURCES, ...CORE_RESOURCES]);
    expect(runs.map(({ reconciliation }) => reconciliation?.verdict)).toEqual(Array(6).fill('MATCH'));
    expect(runs.every(({ parameters }) => parameters.scheduled === true)).toBe(true);
    const polls = await Promise.all(CORE_RESOURCES.map(runsOf));
    for (const [first] of polls)
      expect(first?.endedAt && first.endedAt <= (runs[0]?.startedAt ?? '')).toBe(true);
    const apart = Date.parse(runs[3]?.startedAt ?? '') - Date.parse(runs[0]?.startedAt ?? '');
    expect(apart).toBeGreaterThanOrEqual(DAY);
    expect(apart).toBeLessThan(DAY + 30 * MINUTE);
    stop.abort();
    await Promise.all(ended.splice(0));

    // a restart does not bring it forward, and one that somebody asked for does not put it off
    await world.sync.reconcile({
      from: NOW,
      to: NOW,
      resources: ['cases'],
      signal: new AbortController().signal,
    });
    start(timers, { reconcileEveryMs: DAY });
    await timers.pass(12 * HOUR);
    expect(await reconciled()).toHaveLength(6);
    await timers.pass(8 * HOUR);
    expect(await reconciled()).toHaveLength(9);
  });

  test('opens windows with missing records, and the next poll reads them', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    const lost = world.tenant.idOf('threat', 20);
    world.simulator.setFaults({
      rules: [
        {
          fault: { kind: 'unlisted', ids: [lost] },
          match: /^\/threats\?/,
          until: '2026-03-31T14:00:00.000Z',
        },
      ],
    });
    start(timers, { reconcileEveryMs: DAY, resources: ['threats'] });
    await timers.pass(HOUR);
    const [found] = await reconciled();
    expect(found?.reconciliation).toMatchObject({ verdict: 'SHORT', missing: { ids: [lost] } });
    const key = { integration: INTEGRATION, kind: 'threat', id: lost } as const;
    const isHeld = async () => (await world.store.get([key], (await world.store.head()).seq))[0] !== null;
    expect(await isHeld()).toBe(false);
    await timers.pass(5 * HOUR);
    expect(await isHeld()).toBe(true);
  });

  test('does not run when it is off', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    start(timers, { reconcileEveryMs: 0 });
    await timers.pass(2 * HOUR);
    expect(await reconciled()).toEqual([]);
    expect(world.simulator.stats().byKind['threats.export']).toBeUndefined();
  });

  test('is retried when the history fails', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const timers = createTimers();
    let failures = 1;
    const sync = {
      poll: world.sync.poll,
      reconcile: (...args: Parameters<World['sync']['reconcile']>) => {
        failures -= 1;
        return failures >= 0 ? Promise.reject(new Error('the disk is full')) : world.sync.reconcile(...args);
      },
    };
    start(timers, { sync, reconcileEveryMs: DAY });
    await timers.pass(3 * HOUR);
    // those that began in one millisecond come in no particular order
    expect((await reconciled()).map(({ resource }) => resource).sort()).toEqual([...CORE_RESOURCES].sort());
  });
});
