import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { createCounters } from '../../src/metrics/counters.js';
import { createScrape, type Scrape } from '../../src/metrics/scrape.js';
import type { GapReason } from '../../src/model/ledger.js';
import type { StreamState, StreamStatus } from '../../src/model/stream.js';
import { type IntegrationStatus, integrationHealth } from '../../src/model/stream.js';
import { KIND_OF, type Resource } from '../../src/resources/registry.js';
import type { Fault } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import {
  createTenantWorld,
  faultsOf,
  INTEGRATION,
  passOf,
  type World,
  type WorldOptions,
} from './harness.js';

/*
 * What each answer of Abnormal leads to, over a real HTTP upstream: the state of the stream and of the integration,
 * what a person is told, what is logged, what is measured; and that it heals without a restart.
 */

const NOW = '2026-03-31T12:00:00.000Z';
const SINCE = shift(NOW, -30 * DAY);
const TENANT: TenantOptions = {
  seed: 'failures',
  from: '2026-02-15T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 300,
  cases: 60,
  campaigns: 60,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly status?: string;
  readonly resource?: string;
}

const [INFO, WARN, ERROR] = [30, 40, 50];
let world: World;
let scrape: Scrape;
let lines: Line[] = [];
afterEach(() => world.close());

async function start(options: Partial<WorldOptions> = {}): Promise<void> {
  lines = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const counters = createCounters();
  world = await createTenantWorld({ now: NOW, tenant: TENANT, log, counters, ...options });
  const budgets = () => new Map([[INTEGRATION, world.budget]]);
  scrape = createScrape({ counters, store: world.store, clock: world.clock, budgets, log });
}

/** The value of the series of that name with those labels; 0 where there is none. */
async function measured(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
  const text = await scrape.text();
  const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  const matching = text
    .split('\n')
    .filter((line) => line.startsWith(`abnormal_gateway_${name}{`))
    .filter((line) => wanted.every((pair) => line.includes(pair)));
  return matching.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function streamsOf(resource: Resource): Promise<StreamState[]> {
  return (await world.store.streams()).filter((state) => state.resource === resource);
}

/** Lines that tell a change of state of a resource. */
function changesOf(resource: Resource): Line[] {
  return lines.filter((line) => line.resource === resource && line.status !== undefined && 'was' in line);
}

interface Row {
  readonly answer: string;
  readonly fault: Fault;
  /** Paths and queries that are answered so; all, unless given. */
  readonly match?: RegExp;
  readonly resource: Resource;
  readonly stream: StreamStatus;
  readonly integration: IntegrationStatus;
  /** What happened, why it may have, and what to do. */
  readonly message: readonly RegExp[];
  readonly level: number;
  readonly outcome: string;
  readonly gap: GapReason;
  /** What is kept of an answer that is no list. */
  readonly kept?: RegExp;
}

const ROWS: readonly Row[] = [
  {
    answer: '401',
    fault: { kind: 'unauthorized' },
    resource: 'threats',
    stream: 'TOKEN_REJECTED',
    integration: 'TOKEN_REJECTED',
    message: [/rejects the token/, /expired, was revoked/, /Create one in the Abnormal portal/],
    level: ERROR,
    outcome: 'TOKEN_REJECTED',
    gap: 'FAILED',
  },
  {
    answer: '402',
    fault: { kind: 'notLicensed', status: 402 },
    match: /^\/cases/,
    resource: 'cases',
    stream: 'NOT_LICENSED',
    integration: 'LIMITED',
    message: [/licence of .* does not include cases/, /no licence for the feature/, /after it is licensed/],
    level: ERROR,
    outcome: 'NOT_LICENSED',
    gap: 'NOT_LICENSED',
  },
  {
    answer: '403 naming the licence',
    fault: { kind: 'notLicensed', status: 403 },
    match: /^\/cases/,
    resource: 'cases',
    stream: 'NOT_LICENSED',
    integration: 'LIMITED',
    message: [/licence of .* does not include cases/, /Account Takeover/, /Other resources are not affected/],
    level: ERROR,
    outcome: 'NOT_LICENSED',
    gap: 'NOT_LICENSED',
  },
  {
    answer: '403 for the address',
    fault: { kind: 'forbidden' },
    resource: 'campaigns',
    stream: 'FORBIDDEN',
    integration: 'FORBIDDEN',
    message: [
      /refuses access to campaigns/,
      /on the allowlist, or the REST API is not enabled/,
      /Both are set in/,
    ],
    level: ERROR,
    outcome: 'FORBIDDEN',
    gap: 'FAILED',
  },
  {
    answer: '404 on a list whose filter is bad',
    fault: { kind: 'status', status: 404, body: '{"message":"Invalid filter"}' },
    match: /^\/cases\?filter/,
    resource: 'cases',
    stream: 'UNAVAILABLE',
    integration: 'LIMITED',
    message: [/404/, /no longer accepts this filter key or its format/, /newer version of the gateway/],
    level: WARN,
    outcome: 'NOT_FOUND',
    gap: 'FAILED',
  },
  {
    answer: '404 on a list that does not exist, by neither of its paths',
    fault: { kind: 'notFound' },
    match: /^\/(abusecampaigns|abuse-mailbox)/,
    resource: 'campaigns',
    stream: 'NOT_ENABLED',
    integration: 'LIMITED',
    message: [
      /\/abusecampaigns and \/abuse-mailbox\/campaigns returned 404/,
      /add-on is not enabled/,
      /after it is enabled/,
    ],
    level: ERROR,
    outcome: 'NOT_FOUND',
    gap: 'NOT_LICENSED',
  },
  ...(
    [
      ['200 without its key', { kind: 'missingKey' }, /\{"pageNumber":1\}/, 'MISREAD'],
      ['200 that is not JSON', { kind: 'wrongContent' }, /Please sign in/, 'BAD_BODY'],
      ['200 whose JSON stops half-way', { kind: 'cutJson' }, /\{"cases":\[/, 'BAD_BODY'],
      ['200 that is cut off', { kind: 'truncated' }, /\{"cases":\[/, 'BAD_BODY'],
    ] as const
  ).map(([answer, fault, kept, outcome]): Row => {
    return {
      ...{ answer, fault, kept, match: /^\/cases\?/, resource: 'cases', level: WARN },
      ...{ stream: 'UNAVAILABLE', integration: 'LIMITED', outcome, gap: 'FAILED' },
      message: [/cannot be read/, /proxy or a login page/, /The body is kept/],
    };
  }),
  {
    answer: '200 that is too large',
    fault: { kind: 'huge', bytes: 700_000 },
    match: /^\/cases\?/,
    resource: 'cases',
    stream: 'UNAVAILABLE',
    integration: 'LIMITED',
    message: [/larger than 600000 bytes/, /cut off to protect the gateway/, /no data were taken from it/],
    level: WARN,
    outcome: 'TOO_LARGE',
    gap: 'FAILED',
  },
  {
    answer: '500',
    fault: { kind: 'serverError' },
    match: /^\/threats/,
    resource: 'threats',
    stream: 'UNAVAILABLE',
    integration: 'LIMITED',
    message: [/500/, /on Abnormal's side/, /the next poll retries/],
    level: WARN,
    outcome: 'SERVER_ERROR',
    gap: 'FAILED',
  },
  {
    answer: '302',
    fault: { kind: 'redirect', location: 'http://127.0.0.1:9/' },
    match: /^\/threats/,
    resource: 'threats',
    stream: 'UNAVAILABLE',
    integration: 'LIMITED',
    message: [/redirect to http:\/\/127\.0\.0\.1:9/, /does not follow redirects/, /Check the base URL/],
    level: WARN,
    outcome: 'REDIRECTED',
    gap: 'FAILED',
  },
];

describe('a list with the response', () => {
  test.each(ROWS)('$answer gets the documented state', async (row) => {
    const { resource } = row;
    await start({ maxBodyBytes: 600_000 });
    await world.poll();
    expect(integrationHealth(await world.store.streams())).toEqual({ status: 'OK', message: null });
    expect(lines.filter(({ level }) => level >= WARN)).toEqual([]);

    world.simulator.setFaults({ rules: [{ fault: row.fault, ...(row.match ? { match: row.match } : {}) }] });
    for (let poll = 0; poll < 3; poll += 1) {
      world.clock.advance(4 * HOUR);
      await world.poll();
    }
    await expectBroken(row);

    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    const report = await world.poll();
    expect(passOf(report, resource).status).toBe('SUCCEEDED');
    await expectHealed(row);
  });
});

async function expectBroken(row: Row): Promise<void> {
  const { resource } = row;
  const streams = await streamsOf(resource);
  expect(streams.map(({ status }) => status)).toEqual(streams.map(() => row.stream));
  const health = integrationHealth(await world.store.streams());
  expect(health.status).toBe(row.integration);
  // three polls, one line
  expect(changesOf(resource)).toMatchObject([{ level: row.level, status: row.stream, was: 'OK' }]);
  for (const part of row.message) {
    for (const said of [streams[0]?.message, health.message, changesOf(resource)[0]?.msg]) {
      expect(said).toMatch(part);
    }
  }
  const labels = { integration: INTEGRATION, resource };
  const counted =
    row.outcome === 'MISREAD'
      ? await measured('upstream_misread_total', labels)
      : await measured('upstream_requests_total', { ...labels, outcome: row.outcome });
  expect(counted).toBeGreaterThan(0);
  expect(await measured('stream_status', { ...labels, status: row.stream })).toBe(streams.length);
  expect(await measured('integration_status', { status: row.integration })).toBe(1);
  expect(await measured('gaps', { ...labels, reason: row.gap })).toBeGreaterThan(0);
  expect(await measured('longest_gap_seconds', { ...labels, reason: row.gap })).toBeGreaterThanOrEqual(
    (8 * HOUR) / 1000,
  );
  if (!row.kept) return;
  const runs = await world.store.runs({ integrations: null, before: null, limit: 20 });
  const errors = runs.filter((each) => each.resource === resource).flatMap((each) => each.errors);
  expect(errors.join('\n')).toMatch(row.kept);
}

async function expectHealed({ resource, stream }: Row): Promise<void> {
  const streams = await streamsOf(resource);
  for (const state of streams) expect(state).toMatchObject({ status: 'OK', message: null });
  expect(integrationHealth(await world.store.streams())).toEqual({ status: 'OK', message: null });
  expect(changesOf(resource)).toMatchObject([
    { status: stream },
    { level: INFO, status: 'OK', was: stream, msg: `Abnormal can be read again: ${resource} of default` },
  ]);
  const labels = { integration: INTEGRATION, resource };
  expect(await measured('stream_status', { ...labels, status: 'OK' })).toBe(streams.length);
  expect(await measured('stream_status', { ...labels, status: stream })).toBe(0);
  for (const reason of ['FAILED', 'NOT_LICENSED']) {
    expect(await measured('gaps', { ...labels, reason })).toBe(0);
  }
  const settled = shift(toInstant(world.clock()), -15 * MINUTE);
  const faults = await faultsOf(world, KIND_OF[resource], settled, SINCE);
  // while their list was broken, open cases were read again by their details alone, beside the item held
  expect(faults.filter((fault) => resource !== 'cases' || !fault.includes('never was'))).toEqual([]);
}

test('a 404 on one of the campaign paths is not a failure: the other path is found and remembered', async () => {
  await start({ simulator: { campaignsPath: '/abuse-mailbox/campaigns' } });
  await world.poll('campaigns');
  expect(await streamsOf('campaigns')).toMatchObject([{ status: 'OK', message: null }]);
  expect(lines.filter(({ level }) => level >= WARN)).toEqual([]);
  const missed = () => measured('upstream_requests_total', { resource: 'campaigns', outcome: 'NOT_FOUND' });
  expect(await missed()).toBe(1);
  world.clock.advance(25 * HOUR);
  await world.poll('campaigns');
  expect(await missed()).toBe(1);
});

test('a 404 for a detail quarantines the record, creates a tombstone the second time, and a new version when it is back', async () => {
  await start();
  await world.poll('campaigns');
  const id = await someScanning();
  world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: new RegExp(id) }] });
  for (let poll = 0; poll < 3; poll += 1) {
    world.clock.advance(25 * HOUR);
    await world.poll('campaigns');
  }
  const key = { integration: INTEGRATION, kind: 'campaign', id } as const;
  const current = async () => {
    const [revision] = await world.store.get([key], (await world.store.head()).seq);
    return revision;
  };
  expect(await current()).toMatchObject({ deleted: true });
  expect(await streamsOf('campaigns')).toMatchObject([{ status: 'OK', message: null }]);
  expect(lines.filter(({ msg }) => msg === 'record quarantined')).toMatchObject([{ level: WARN }]);
  expect(await measured('records_total', { resource: 'campaigns', outcome: 'deleted' })).toBe(1);

  world.simulator.setFaults(null);
  await world.sync.live.record(key, 0);
  expect(await current()).toMatchObject({ deleted: false });
  expect(await world.store.countRevisions(key, (await world.store.head()).seq)).toBeGreaterThanOrEqual(3);
});

/** A held campaign that is still being judged, so that it is read again. */
async function someScanning(): Promise<string> {
  const { seq } = await world.store.head();
  const page = await world.store.page({
    ...{ kind: 'campaign', integrations: null, filter: null, seq, orderBy: 'id' },
    ...{ descending: false, after: null, limit: 500 },
  });
  const found = page.items.find(
    ({ revision: { record } }) => 'judgementStatusRaw' in record && record.judgementStatusRaw === 'Scanning',
  );
  if (!found) throw new Error('no campaign is being judged');
  return found.revision.key.id;
}

test('a 400 about retention marks the window as lost, with that reason, and is not repeated', async () => {
  await start({ simulator: { retentionDays: 20 } });
  await world.poll('threats');
  const labels = { integration: INTEGRATION, resource: 'threats' };
  expect((await streamsOf('threats')).map(({ status }) => status)).toEqual(['OK', 'OK']);
  expect(integrationHealth(await world.store.streams()).status).toBe('OK');
  const lost = () => lines.filter(({ msg }) => msg === 'window not read');
  expect(lost()).toMatchObject([
    {
      level: WARN,
      code: 'OUT_OF_RETENTION',
      reason: expect.stringMatching(/older than Abnormal's retention/),
    },
    { level: WARN, code: 'OUT_OF_RETENTION' },
  ]);
  expect(await measured('gaps', { ...labels, reason: 'OUT_OF_RETENTION' })).toBe(2);
  expect(await measured('windows_total', { ...labels, status: 'OUT_OF_RETENTION' })).toBeGreaterThan(0);
  world.clock.advance(4 * HOUR);
  expect(passOf(await world.poll('threats'), 'threats').status).toBe('SUCCEEDED');
  expect(lost()).toHaveLength(2);
});
