import { afterEach, describe, expect, test } from 'vitest';
import type { QuarantineEntry } from '../../src/model/ledger.js';
import type { StreamState } from '../../src/model/stream.js';
import type { Fault, FaultRule } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import {
  createTenantWorld,
  faultsOf,
  heldOf,
  INTEGRATION,
  passOf,
  type World,
  type WorldOptions,
} from './harness.js';

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

let world: World;
afterEach(() => world.close());

async function start(rules: readonly FaultRule[], options: Partial<WorldOptions> = {}): Promise<void> {
  world = await createTenantWorld({ now: NOW, tenant: TENANT, ...options });
  world.simulator.setFaults({ rules });
}

async function statesOf(resource: string): Promise<StreamState[]> {
  return (await world.store.streams()).filter((state) => state.resource === resource);
}

async function quarantineOf(): Promise<QuarantineEntry[]> {
  const kinds = ['threat', 'case', 'campaign'] as const;
  return world.store.quarantine({ integrations: null, kinds, after: null, limit: 100 });
}

async function expectWhole(kind: 'threat' | 'case' | 'campaign'): Promise<void> {
  const settled = shift(toInstant(world.clock()), -15 * MINUTE);
  expect(await faultsOf(world, kind, settled, SINCE)).toEqual([]);
}

/** Whether a list is asked for of which `instant` is a part. */
function asksFor(path: string, instant: string): boolean {
  const bounds = /gte (\S+) lte ([^\s&]+)/.exec(decodeURIComponent(path.replaceAll('+', ' ')));
  const [, from = '', to = ''] = bounds ?? [];
  return (
    bounds !== null &&
    path.startsWith('/threats') &&
    toInstant(Date.parse(from)) <= instant &&
    instant <= toInstant(Date.parse(to))
  );
}

/** A threat that was received two days ago, or so, by its index. */
function someThreat(nth = 0): string {
  const threats = [...world.tenant.truth(shift(NOW, -2 * DAY), SINCE)].filter(
    ({ kind }) => kind === 'threat',
  );
  const threat = threats.at(-1 - nth);
  if (!threat) throw new Error('the tenant has too few threats');
  return threat.id;
}

describe('a refusal of a whole resource', () => {
  test.each<[string, Fault, StreamState['status'], RegExp]>([
    [
      'is not licensed',
      { kind: 'notLicensed' },
      'NOT_LICENSED',
      /does not include cases.*Other resources are not affected/s,
    ],
    [
      'is not licensed, by 403',
      { kind: 'notLicensed', status: 403 },
      'NOT_LICENSED',
      /The licence of .* does not include cases/,
    ],
    ['is forbidden', { kind: 'forbidden' }, 'FORBIDDEN', /on the allowlist.*not enabled/s],
  ])(
    'that %s costs one request per poll, stops no other resource, and ends by itself',
    async (_, fault, status, message) => {
      await start([{ fault, match: /^\/cases/ }]);
      const report = await world.poll();
      expect(passOf(report, 'cases')).toMatchObject({ status: 'FAILED', counts: { calls: 1, added: 0 } });
      expect((await statesOf('cases'))[0]).toMatchObject({ status, lastSuccessAt: null });
      expect((await statesOf('cases'))[0]?.message).toMatch(message);
      expect(passOf(report, 'threats').status).toBe('SUCCEEDED');
      await expectWhole('threat');
      world.clock.advance(4 * HOUR);
      expect(passOf(await world.poll('cases'), 'cases').counts.calls).toBe(1);
      world.simulator.setFaults(null);
      world.clock.advance(4 * HOUR);
      expect(passOf(await world.poll('cases'), 'cases').status).toBe('SUCCEEDED');
      expect((await statesOf('cases'))[0]).toMatchObject({ status: 'OK', message: null });
      await expectWhole('case');
    },
  );

  test('for a missing licence is a gap with that reason, all the way back', async () => {
    await start([{ fault: { kind: 'notLicensed' }, match: /^\/cases/ }]);
    const { streams } = passOf(await world.poll('cases'), 'cases');
    expect(streams[0]?.coverage.missingMs).toEqual({ NOT_LICENSED: 30 * DAY });
  });

  test('for an endpoint that does not exist means not enabled', async () => {
    await start([], { simulator: { campaignsPath: 'none' } });
    const report = await world.poll();
    expect((await statesOf('campaigns'))[0]).toMatchObject({ status: 'NOT_ENABLED' });
    expect((await statesOf('campaigns'))[0]?.message).toMatch(/add-on/);
    expect(passOf(report, 'campaigns').streams[0]?.coverage.missingMs).toEqual({ NOT_LICENSED: 30 * DAY });
    expect(passOf(report, 'cases').status).toBe('SUCCEEDED');
  });

  test('for a revoked token ends when the token is renewed', async () => {
    await start([]);
    await world.poll();
    world.token.value = 'revoked';
    world.clock.advance(4 * HOUR);
    const report = await world.poll();
    for (const pass of report.passes) expect(pass).toMatchObject({ status: 'FAILED', counts: { calls: 1 } });
    const [state] = await statesOf('threats');
    expect(state).toMatchObject({ status: 'TOKEN_REJECTED', lastSuccessAt: NOW });
    expect(state?.message).toMatch(/has expired, was revoked.*Create one in the Abnormal portal/s);
    expect(state?.message).not.toContain(world.simulator.token);
    world.token.value = world.simulator.token;
    world.clock.advance(3 * DAY);
    await world.poll();
    for (const kind of ['threat', 'case', 'campaign'] as const) await expectWhole(kind);
  });

  test('for a token revoked during a pass ends the pass', async () => {
    await start([]);
    world.simulator.setFaults({
      rules: [{ fault: { kind: 'unauthorized' }, from: toInstant(world.clock() + 60_000) }],
    });
    world.clock.perRequestMs = 1_000;
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.status).toBe('PARTIAL');
    expect(pass.counts.added).toBeGreaterThan(0);
    expect(pass.counts.quarantined).toBe(0);
    world.simulator.setFaults(null);
    world.clock.advance(HOUR);
    expect(passOf(await world.poll('threats'), 'threats').status).toBe('SUCCEEDED');
    await expectWhole('threat');
  });
});

describe('one bad record', () => {
  test('that cannot be decoded is quarantined with its body, and the others are read', async () => {
    await start([]);
    const id = someThreat();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'undecodable' }, match: new RegExp(id) }] });
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass).toMatchObject({ status: 'PARTIAL', counts: { quarantined: 1 } });
    expect(pass.streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    expect(pass.streams[0]?.coverage.missingRecords).toEqual({ UNDECODABLE: 1 });
    const [entry] = await quarantineOf();
    expect(entry).toMatchObject({
      key: { id, kind: 'threat' },
      code: 'UNDECODABLE',
      tries: 1,
      firstSeenAt: NOW,
    });
    expect(entry?.body).toContain(id);
    expect([...(await heldOf(world.store, 'threat')).keys()]).not.toContain(id);

    world.clock.advance(4 * HOUR);
    const again = passOf(await world.poll('threats'), 'threats');
    expect(await quarantineOf()).toMatchObject([{ tries: 2, firstSeenAt: NOW }]);
    // the windows it is in are listed again, and nothing but it is fetched from them
    expect(again.counts.detailCalls - again.counts.added).toBeLessThanOrEqual(5);

    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    await world.poll('threats');
    expect(await quarantineOf()).toEqual([]);
    await expectWhole('threat');
  });

  test('in the newest window does not cause the others in it to be fetched again', async () => {
    await start([]);
    const threats = [...world.tenant.truth(shift(NOW, -HOUR), SINCE)].filter(({ kind }) => kind === 'threat');
    const id = threats.at(-1)?.id ?? '';
    world.simulator.setFaults({ rules: [{ fault: { kind: 'undecodable' }, match: new RegExp(id) }] });
    await world.poll('threats');
    world.clock.advance(30 * MINUTE);
    const { counts } = passOf(await world.poll('threats'), 'threats');
    expect(counts.listed - counts.added).toBeGreaterThan(3);
    expect(counts.detailCalls - counts.added).toBeLessThanOrEqual(2);
  });

  test('that alone is refused does not stop the resource', async () => {
    await start([]);
    const id = someThreat();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'forbidden' }, match: new RegExp(id) }] });
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass).toMatchObject({ status: 'PARTIAL', counts: { quarantined: 1 } });
    expect(await quarantineOf()).toMatchObject([{ key: { id }, code: 'FAILED' }]);
    expect((await statesOf('threats'))[0]?.status).toBe('OK');
  });

  test('that is listed but not found is gone after the second time', async () => {
    await start([]);
    const id = someThreat();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: new RegExp(id) }] });
    expect(passOf(await world.poll('threats'), 'threats').status).toBe('PARTIAL');
    expect(await quarantineOf()).toMatchObject([{ key: { id }, code: 'NOT_FOUND' }]);
    world.clock.advance(4 * HOUR);
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.status).toBe('SUCCEEDED');
    expect(pass.streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    expect(pass.streams[0]?.coverage.missingRecords).toEqual({ GONE: 1 });
    expect(await quarantineOf()).toMatchObject([{ key: { id }, code: 'GONE' }]);
  });

  test('that is stored gets a tombstone when it is not found twice', async () => {
    await start([]);
    await world.poll('campaigns');
    const held = await heldOf(world.store, 'campaign');
    const scanning = [...held.values()].find(
      ({ record }) => 'judgementStatusRaw' in record && record.judgementStatusRaw === 'Scanning',
    );
    const id = scanning?.key.id ?? '';
    world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: new RegExp(id) }] });
    const key = { integration: INTEGRATION, kind: 'campaign', id } as const;
    const current = async () => {
      const [revision] = await world.store.get([key], (await world.store.head()).seq);
      return revision;
    };
    world.clock.advance(25 * HOUR);
    await world.poll('campaigns');
    expect(await current()).toMatchObject({ deleted: false });
    expect(await quarantineOf()).toMatchObject([{ key, code: 'NOT_FOUND' }]);
    world.clock.advance(25 * HOUR);
    await world.poll('campaigns');
    expect(await current()).toMatchObject({ deleted: true });
    expect(await quarantineOf()).toMatchObject([{ key, code: 'GONE' }]);
  });

  test('gets no tombstone from two failures in one pass', async () => {
    await start([]);
    await world.poll('threats');
    const id = someThreat();
    world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' }, match: new RegExp(id) }] });
    world.clock.advance(4 * HOUR);
    const report = passOf(await world.poll('threats'), 'threats');
    expect(report.counts.deleted + (report.reread?.deleted ?? 0)).toBe(0);
  });
});

describe('a list that fails', () => {
  test('because a page names itself as the next fails its window, not the poll', async () => {
    await start([{ fault: { kind: 'nextPage', page: 1 }, match: /^\/cases\?/, times: 40 }]);
    const report = await world.poll();
    expect(passOf(report, 'cases').status).toBe('FAILED');
    expect(passOf(report, 'threats').status).toBe('SUCCEEDED');
    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    await world.poll('cases');
    await expectWhole('case');
  });

  test('for one window leaves a separate gap, which the next poll reads', async () => {
    await start([{ fault: { kind: 'missingKey' }, match: /^\/campaigns|^\/abusecampaigns\?/, nth: 3 }]);
    const pass = passOf(await world.poll('campaigns'), 'campaigns');
    expect(pass.status).toBe('PARTIAL');
    expect(pass.streams[0]?.coverage.missingMs.FAILED).toBeGreaterThan(0);
    expect((await statesOf('campaigns'))[0]?.status).toBe('OK');
    world.clock.advance(25 * HOUR);
    expect(passOf(await world.poll('campaigns'), 'campaigns').status).toBe('SUCCEEDED');
    await expectWhole('campaign');
  });

  test('in the same span every time blocks neither newer windows nor, for long, its neighbours', async () => {
    const poison = shift(NOW, 30 * MINUTE);
    await start([{ fault: { kind: 'missingKey' }, match: (path) => asksFor(path, poison) }]);
    await world.poll('threats');
    for (let poll = 0; poll < 12; poll += 1) {
      world.clock.advance(4 * HOUR);
      await world.poll('threats');
      if (poll === 0) continue;
      // whatever came since the poll before is there, up to the lag
      const settled = shift(toInstant(world.clock()), -15 * MINUTE);
      expect(await faultsOf(world, 'threat', settled, shift(settled, -4 * HOUR))).toEqual([]);
    }
    const coverage = passOf(await world.poll('threats'), 'threats').streams.map((stream) => stream.coverage);
    for (const { missingMs } of coverage) expect(missingMs.FAILED).toBeLessThanOrEqual(2 * MINUTE);
    world.simulator.setFaults(null);
    await world.poll('threats');
    await expectWhole('threat');
  });

  test('for three windows in a row makes the stream unavailable until the next poll', async () => {
    await start([{ fault: { kind: 'serverError' }, match: /^\/threats/ }]);
    const report = await world.poll();
    const pass = passOf(report, 'threats');
    expect(pass.status).toBe('FAILED');
    // five tries each
    expect(pass.counts).toMatchObject({ listCalls: 3, calls: 15 });
    expect((await statesOf('threats'))[0]).toMatchObject({ status: 'UNAVAILABLE', lastSuccessAt: null });
    expect(passOf(report, 'cases').status).toBe('SUCCEEDED');
    world.simulator.setFaults(null);
    world.clock.advance(4 * HOUR);
    await world.poll('threats');
    expect((await statesOf('threats'))[0]).toMatchObject({ status: 'OK', message: null });
    await expectWhole('threat');
  });

  test('because all details fail ends the pass without quarantining every record', async () => {
    await start([{ fault: { kind: 'serverError' }, match: /^\/threats\/[0-9a-f]/ }]);
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.counts.added).toBe(0);
    expect(pass.counts.detailCalls).toBeLessThanOrEqual(48);
    expect((await quarantineOf()).length).toBeLessThan(24);
    expect((await statesOf('threats'))[0]).toMatchObject({ status: 'UNAVAILABLE' });
  });

  test('for a dozen records does not keep older ones from being read', async () => {
    await start([]);
    const bad = Array.from({ length: 12 }, (_, i) => someThreat(i));
    world.simulator.setFaults({
      rules: [{ fault: { kind: 'serverError' }, match: new RegExp(bad.join('|')) }],
    });
    await world.poll('threats');
    expect((await statesOf('threats'))[0]?.status).toBe('OK');
    const held = await heldOf(world.store, 'threat');
    const oldest = [...world.tenant.truth(shift(NOW, -25 * DAY), SINCE)].filter(
      ({ kind }) => kind === 'threat',
    );
    expect(oldest.length).toBeGreaterThan(5);
    for (const { id } of oldest) expect(held.has(id)).toBe(true);
  });

  test('because it is older than Abnormal’s retention is named as lost and requested once', async () => {
    await start([], { simulator: { retentionDays: 20 } });
    const pass = passOf(await world.poll('threats'), 'threats');
    expect(pass.status).toBe('PARTIAL');
    const missingMs = pass.streams[0]?.coverage.missingMs ?? {};
    expect(missingMs.OUT_OF_RETENTION).toBeGreaterThanOrEqual(10 * DAY);
    expect(missingMs.OUT_OF_RETENTION).toBeLessThan(10 * DAY + 2 * HOUR);
    expect(missingMs.NOT_COLLECTED).toBeUndefined();
    world.clock.advance(4 * HOUR);
    const again = passOf(await world.poll('threats'), 'threats');
    expect(again.counts.listCalls).toBe(2);
    expect(again.status).toBe('SUCCEEDED');
    const { signal } = new AbortController();
    const backfill = await world.sync.backfill({
      from: '2025-06-01T00:00:00.000Z',
      resources: ['threats'],
      signal,
    });
    const further = passOf(backfill, 'threats');
    expect(further.counts.listCalls).toBeLessThanOrEqual(2);
    expect(further.streams[0]?.coverage.missingMs.NOT_COLLECTED).toBeUndefined();
  });
});
