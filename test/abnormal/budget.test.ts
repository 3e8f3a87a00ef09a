import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Budget, createBudget, WINDOW_MS } from '../../src/abnormal/budget.js';
import type { Priority } from '../../src/abnormal/client.js';
import { UpstreamError } from '../../src/abnormal/errors.js';
import { byResource, type Resource } from '../../src/resources/registry.js';
import { settled, VirtualTime } from './virtual-time.js';

const MINUTE = 60_000;

/** How long one request takes on its way to the upstream, there, and back. */
interface Trip {
  readonly there: number;
  readonly back: number;
}

/** An upstream and its callers in virtual time, with a record of when each request arrived. */
class World {
  readonly time = new VirtualTime();
  readonly budget: Budget;
  readonly arrivals: number[] = [];
  readonly waits: Record<Priority, number[]> = { interactive: [], poll: [], backfill: [] };
  readonly inFlight: Record<Resource, number> = byResource(() => 0);
  mostInFlight = 0;

  constructor(
    rpm: number,
    concurrency: number,
    private readonly trip: () => Trip,
  ) {
    this.budget = createBudget({ rpm, concurrency, clock: this.time.now, startTimer: this.time.startTimer });
  }

  async call(resource: Resource, priority: Priority): Promise<void> {
    const asked = this.time.now();
    const place = await this.budget.acquire(resource, priority);
    this.waits[priority].push(this.time.now() - asked);
    this.inFlight[resource] += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight[resource]);
    const { there, back } = this.trip();
    await this.pass(there);
    this.arrivals.push(this.time.now());
    await this.pass(back);
    place.answered();
    await this.pass(1);
    this.inFlight[resource] -= 1;
    place.release();
  }

  /** Workers that call again as soon as they have their answer. */
  saturate(resource: Resource, priority: Priority, workers: number): void {
    const work = async (): Promise<never> => {
      for (;;) await this.call(resource, priority);
    };
    for (let i = 0; i < workers; i += 1) void work();
  }

  pass(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.startTimer(resolve, ms));
  }

  arrivalsBetween(from: number, to: number): number {
    return this.arrivals.filter((at) => at >= from && at < to).length;
  }
}

/** The most that fall within any span of a minute. */
function busiestMinute(arrivals: readonly number[]): number {
  const sorted = [...arrivals].sort((a, b) => a - b);
  let first = 0;
  let most = 0;
  for (const [last, at] of sorted.entries()) {
    while (at - (sorted[first] ?? at) >= MINUTE) first += 1;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

const RESOURCES: readonly Resource[] = ['threats', 'cases', 'campaigns'];

describe('the request rate', () => {
  test('stays at the limit and never above it, for any mix of callers and any network delay', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(60, 300, 1_000),
        fc.constantFrom<Priority[]>(
          ['backfill'],
          ['poll'],
          ['interactive'],
          ['interactive', 'poll', 'backfill'],
        ),
        fc.integer({ min: 1, max: 700 }),
        async (seed, rpm, priorities, slowest) => {
          const random = randomFrom(seed);
          const world = new World(rpm, 8, () => ({ there: random() * slowest, back: random() * slowest }));
          const start = world.time.now();
          for (const priority of priorities) {
            for (const resource of RESOURCES) world.saturate(resource, priority, 8);
          }
          await world.time.advance(4 * MINUTE);
          expect(busiestMinute(world.arrivals)).toBeLessThanOrEqual(rpm);
          expect(world.arrivalsBetween(start + MINUTE, start + 4 * MINUTE)).toBeGreaterThanOrEqual(
            0.95 * 3 * rpm,
          );
        },
      ),
      { numRuns: 12 },
    );
  });

  test('stays within the limit for requests that hang and for a burst after a long pause', async () => {
    const random = randomFrom(7);
    const world = new World(300, 50, () => ({ there: random() * 20_000, back: random() * 10_000 }));
    world.saturate('threats', 'interactive', 50);
    world.saturate('cases', 'backfill', 50);
    await world.time.advance(5 * MINUTE);
    expect(busiestMinute(world.arrivals)).toBeLessThanOrEqual(300);
    const late = new World(300, 400, () => ({ there: 1, back: 1 }));
    await late.time.advance(60 * MINUTE);
    late.saturate('threats', 'interactive', 400);
    await late.time.advance(3 * MINUTE);
    expect(busiestMinute(late.arrivals)).toBe(300);
  });

  test('stays within the limit when the clock is set back by an hour', async () => {
    const { budget, time } = new World(2, 4, () => ({ there: 0, back: 0 }));
    for (const _ of [1, 2]) (await budget.acquire('threats', 'interactive')).release();
    time.set(time.now() - 60 * MINUTE);
    let isAdmitted = false;
    void budget.acquire('threats', 'interactive').then(() => {
      isAdmitted = true;
    });
    await time.advance(WINDOW_MS - 1);
    expect(isAdmitted).toBe(false);
    await time.advance(1);
    expect(isAdmitted).toBe(true);
  });

  test('follows the timers when the clock does not advance', async () => {
    const { budget, time } = new World(300, 4, () => ({ there: 0, back: 0 }));
    const frozen = createBudget({ rpm: 300, concurrency: 4, clock: () => 0, startTimer: time.startTimer });
    for (const paused of [budget, frozen]) {
      paused.pause(60_000);
      let isAdmitted = false;
      void paused.acquire('threats', 'poll').then(() => {
        isAdmitted = true;
      });
      await time.advance(59_999);
      expect(isAdmitted).toBe(false);
      await time.advance(1);
      expect(isAdmitted).toBe(true);
    }
  });
});

describe('request priorities', () => {
  test('an interactive call waits at most one round trip under a saturating backfill', async () => {
    const random = randomFrom(3);
    const world = new World(300, 4, () => ({ there: 100 + random() * 200, back: 100 + random() * 200 }));
    for (const resource of RESOURCES) world.saturate(resource, 'backfill', 10);
    for (let i = 0; i < 150; i += 1) {
      await world.time.advance(random() * 4_000);
      void world.call(RESOURCES[i % 3] ?? 'threats', 'interactive');
    }
    await world.time.advance(10_000);
    expect(world.waits.interactive).toHaveLength(150);
    expect(Math.max(...world.waits.interactive)).toBeLessThanOrEqual(600);
    expect(busiestMinute(world.arrivals)).toBeLessThanOrEqual(300);
  });

  test('a poll request is sent before backfill requests', async () => {
    const world = new World(300, 4, () => ({ there: 50, back: 50 }));
    world.saturate('threats', 'backfill', 20);
    await world.time.advance(2 * MINUTE);
    for (let i = 0; i < 40; i += 1) {
      await world.time.advance(2_000);
      void world.call('threats', 'poll');
    }
    await world.time.advance(5_000);
    expect(world.waits.poll).toHaveLength(40);
    expect(Math.max(...world.waits.poll)).toBeLessThanOrEqual(2_500);
  });

  test('polls and the backfill still get their share under saturating interactive load', async () => {
    const world = new World(300, 4, () => ({ there: 50, back: 50 }));
    world.saturate('threats', 'interactive', 30);
    world.saturate('threats', 'poll', 30);
    world.saturate('threats', 'backfill', 30);
    await world.time.advance(6 * MINUTE);
    const { interactive, poll, backfill } = world.waits;
    expect(interactive.length).toBeGreaterThan(poll.length);
    expect(poll.length).toBeGreaterThan(backfill.length);
    expect(poll.length).toBeGreaterThan(6 * 300 * 0.1);
    expect(backfill.length).toBeGreaterThan(6 * 300 * 0.03);
  });

  test('one stuck resource does not block the others', async () => {
    const world = new World(300, 4, () => ({ there: 50, back: 50 }));
    const stuck = await Promise.all([1, 2, 3, 4].map(() => world.budget.acquire('cases', 'poll')));
    world.saturate('cases', 'poll', 10);
    void world.call('threats', 'backfill');
    await world.time.advance(1_000);
    expect(world.arrivals).toHaveLength(1);
    for (const place of stuck) place.release();
    await world.time.advance(1_000);
    expect(world.arrivals.length).toBeGreaterThan(1);
  });
});

test('the number of requests in flight for one resource is bounded', async () => {
  const world = new World(6_000, 4, () => ({ there: 300, back: 300 }));
  for (const resource of RESOURCES) world.saturate(resource, 'interactive', 20);
  await world.time.advance(20_000);
  expect(world.mostInFlight).toBe(4);
  expect(world.inFlight).toMatchObject({ threats: 4, cases: 4, campaigns: 4 });
});

describe('a pause', () => {
  test('stops all requests until it is over, and the snapshot names its end', async () => {
    const world = new World(300, 4, () => ({ there: 10, back: 10 }));
    world.budget.pause(60_000);
    world.budget.pause(5_000);
    for (const priority of ['interactive', 'poll', 'backfill'] as const) void world.call('cases', priority);
    await world.time.advance(59_999);
    expect(world.arrivals).toHaveLength(0);
    expect(world.budget.snapshot()).toEqual({
      limit: 300,
      used: 0,
      resetsAt: new Date(world.time.now() + 1).toISOString(),
      waiting: { interactive: 1, poll: 1, backfill: 1 },
    });
    await world.time.advance(1_000);
    expect(world.arrivals).toHaveLength(3);
    expect(world.budget.snapshot()).toMatchObject({ used: 3, resetsAt: null });
  });
});

test('the snapshot names the time when the rate allows the next request', async () => {
  const world = new World(3, 10, () => ({ there: 0, back: 0 }));
  const start = world.time.now();
  for (let i = 0; i < 4; i += 1) void world.call('threats', 'interactive');
  await world.time.advance(10_000);
  const { used, resetsAt, waiting } = world.budget.snapshot();
  expect({ used, waiting: waiting.interactive }).toEqual({ used: 3, waiting: 1 });
  expect(Date.parse(resetsAt ?? '') - start).toBe(WINDOW_MS);
  await world.time.advance(WINDOW_MS - 10_000);
  expect(world.arrivals).toHaveLength(4);
});

describe('cancellation', () => {
  test('ends the wait and leaves nothing behind', async () => {
    const world = new World(300, 1, () => ({ there: 10, back: 10 }));
    const held = await world.budget.acquire('threats', 'poll');
    const controller = new AbortController();
    const cancelled = world.budget
      .acquire('threats', 'poll', controller.signal)
      .catch((error: unknown) => error);
    const next = world.budget.acquire('threats', 'poll');
    controller.abort(new Error('enough'));
    const error = await cancelled;
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: 'CANCELLED' });
    expect(world.budget.snapshot().waiting.poll).toBe(1);
    held.release();
    await settled();
    (await next).release();
    expect(world.budget.snapshot()).toMatchObject({ used: 2, waiting: { poll: 0 } });
  });

  test('before the wait began sends no request', async () => {
    const { budget } = new World(300, 1, () => ({ there: 10, back: 10 }));
    await expect(budget.acquire('threats', 'poll', AbortSignal.abort())).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    expect(budget.snapshot().used).toBe(0);
  });
});

test('a slot that is released twice counts once', async () => {
  const { budget } = new World(300, 2, () => ({ there: 10, back: 10 }));
  const first = await budget.acquire('threats', 'poll');
  await budget.acquire('threats', 'poll');
  first.release();
  first.release();
  await budget.acquire('threats', 'poll');
  void budget.acquire('threats', 'poll');
  await settled();
  expect(budget.snapshot()).toMatchObject({ used: 3, waiting: { poll: 1 } });
});

/** mulberry32: the same numbers from the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
