import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type Budget, createBudget, type QueuePlace } from '../../src/abnormal/budget.js';
import type { AbnormalClient, CallOptions } from '../../src/abnormal/client.js';
import { createAbnormalClient } from '../../src/abnormal/rest-client.js';
import { CORE_RESOURCES, FILTER_KEYS, type Kind, type Resource } from '../../src/resources/registry.js';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/server.js';
import { createTenant } from '../../src/simulator/tenant.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { settled, VirtualTime } from './virtual-time.js';

const FROM = '2026-02-01T00:00:00.000Z';
const NOW = '2026-02-08T00:00:00.000Z';
const KINDS = { threats: 'threat', cases: 'case', campaigns: 'campaign' } as const;
const POLL: CallOptions = { priority: 'poll' };

let cleanUp: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of cleanUp) await close();
  cleanUp = [];
});

interface Setup {
  readonly simulator: Simulator;
  readonly client: AbnormalClient;
  readonly time: VirtualTime;
  /** Lets virtual time pass; the requests themselves take none of it. */
  readonly pass: (ms: number) => Promise<void>;
}

async function setUp(options: Omit<SimulatorOptions, 'clock'>, rpm: number): Promise<Setup> {
  const time = new VirtualTime(Date.parse(NOW));
  const { now: clock, startTimer } = time;
  const simulator = await startSimulator({ ...options, clock });
  const budget = new CountingBudget(createBudget({ rpm, concurrency: 4, clock, startTimer }));
  const client = createAbnormalClient({
    baseUrl: simulator.baseUrl,
    token: () => simulator.token,
    budget,
    timeoutMs: 3_600_000,
    clock,
    startTimer,
    log: pino({ level: 'silent' }),
  });
  cleanUp.push(async () => client.close(), simulator.close);
  return { simulator, client, time, pass: (ms) => time.advance(ms, () => budget.idle()) };
}

/** Knows when nothing is in flight. */
class CountingBudget implements Budget {
  private inFlight = 0;
  readonly pause: Budget['pause'];
  readonly snapshot: Budget['snapshot'];

  constructor(private readonly budget: Budget) {
    this.pause = (ms) => budget.pause(ms);
    this.snapshot = () => budget.snapshot();
  }

  async acquire(...args: Parameters<Budget['acquire']>): Promise<QueuePlace> {
    const place = await this.budget.acquire(...args);
    this.inFlight += 1;
    const release = () => {
      this.inFlight -= 1;
      place.release();
    };
    return { answered: place.answered, release };
  }

  async idle(): Promise<void> {
    do await settled();
    while (this.inFlight > 0);
  }
}

async function listed(
  client: AbnormalClient,
  resource: Resource,
): Promise<Map<string, Record<string, unknown>>> {
  const items = new Map<string, Record<string, unknown>>();
  for (let page: number | null = 1; page !== null; ) {
    const read = await client.list(resource, FILTER_KEYS[resource][0], { from: FROM, to: NOW }, page, POLL);
    for (const { id, item } of read.items) items.set(id, item);
    page = read.nextPage;
  }
  return items;
}

test('everything that a simulated tenant contains is read, payload for payload', async () => {
  const shares = { withoutMessages: 0 };
  const tenant = createTenant({
    seed: 5,
    from: FROM,
    to: NOW,
    threats: 250,
    cases: 60,
    campaigns: 40,
    shares,
  });
  const { client } = await setUp({ tenant }, 1e9);
  const read = new Map<string, string>();
  for (const resource of CORE_RESOURCES) {
    const kind = KINDS[resource];
    for (const [id, item] of await listed(client, resource)) {
      const detail = await client
        .detail(kind, id, kind === 'case' ? item : null, POLL)
        .catch((error: { code?: string }) => (error.code === 'NOT_FOUND' ? null : Promise.reject(error)));
      if (detail) read.set(`${kind} ${id}`, canonicalJson(detail.payload));
    }
  }
  const truth = new Map<string, string>();
  for (const { kind, id, payload } of tenant.truth(NOW)) {
    if (isListed(kind)) truth.set(`${kind} ${id}`, canonicalJson(payload));
  }
  expect(read.size).toBeGreaterThan(340);
  expect(Object.fromEntries(read)).toEqual(Object.fromEntries(truth));
});

function isListed(kind: Kind): boolean {
  return kind === 'threat' || kind === 'case' || kind === 'campaign';
}

test('a simulator that counts requests measures nearly the allowed rate, and never more', async () => {
  const tenant = createTenant({ seed: 6, from: FROM, to: NOW, threats: 50, cases: 20, campaigns: 10 });
  const limits = { rpm: 300, concurrency: 4 };
  const { client, simulator, time, pass } = await setUp({ tenant, limits }, 300);
  const end = time.now() + 4 * 60_000;
  const work = async (resource: Resource, options: CallOptions) => {
    const window = { from: FROM, to: NOW };
    while (time.now() < end) await client.list(resource, FILTER_KEYS[resource][0], window, 1, options);
  };
  const workers = CORE_RESOURCES.flatMap((resource) => {
    const backfill = Array.from({ length: 8 }, () => work(resource, { priority: 'backfill' }));
    return [...backfill, work(resource, POLL), work(resource, { priority: 'interactive' })];
  });
  await pass(4 * 60_000);
  const { requests, byStatus, maxPerMinute, maxConcurrency } = simulator.stats();
  expect(Object.keys(byStatus)).toEqual(['200']);
  expect(maxPerMinute).toBeLessThanOrEqual(300);
  expect(requests).toBeGreaterThanOrEqual(0.95 * 4 * 300);
  for (const resource of CORE_RESOURCES) expect(maxConcurrency[resource]).toBeLessThanOrEqual(4);
  await pass(60_000);
  await Promise.all(workers);
});
