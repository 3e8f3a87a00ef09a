import { afterEach, describe, expect, test } from 'vitest';
import type { RecordKey } from '../../src/resources/registry.js';
import type { Fault } from '../../src/simulator/faults.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { heldInteger } from '../../src/simulator/wire.js';
import { canonicalJson } from '../../src/values/canonical-json.js';
import { DAY, HOUR, MINUTE, shift, toInstant, toMillis } from '../../src/values/instant.js';
import { createTenantWorld, heldOf, historyOf, INTEGRATION, passOf, type World } from './harness.js';

/* Resources whose list items are the records: no request for a single one exists. */

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'reports',
  from: '2026-01-01T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  ...{ threats: 200, cases: 20, campaigns: 20, reports: 240 },
};

let world: World;
afterEach(() => world.close());

function start(options: Partial<Parameters<typeof createTenantWorld>[0]> = {}): Promise<World> {
  return createTenantWorld({ now: NOW, tenant: TENANT, ...options });
}

/** The reports that the tenant shows at an instant, as stored text by id. */
function truth(at: number, from: number): Map<string, string> {
  const window = { from, to: at, inclusive: true };
  const lists = (['MISSED_ATTACK', 'FALSE_POSITIVE'] as const).map((type) =>
    world.tenant.upstream.reports(type).items(window, at, heldInteger),
  );
  return new Map(lists.flat().map(({ id, body }) => [id, canonicalJson(body)]));
}

async function held(): Promise<Map<string, string | null>> {
  const found = await heldOf(world.store, 'detection360Report');
  const texts = await Promise.all(
    [...found].map(async ([id, { key, seqFrom }]) => [id, await world.store.received(key, seqFrom)] as const),
  );
  return new Map(texts);
}

const keyOf = (id: string): RecordKey & { readonly kind: 'detection360Report' } => ({
  ...{ integration: INTEGRATION, kind: 'detection360Report', id },
});

/** Reports that are listed as open now and settled ten days later. */
function settling(): string[] {
  const now = truth(toMillis(NOW), toMillis(NOW) - 20 * DAY);
  const later = truth(toMillis(NOW) + 10 * DAY, toMillis(NOW) - 20 * DAY);
  return [...now].flatMap(([id, text]) =>
    !text.includes('"RESOLVED"') && later.get(id)?.includes('"RESOLVED"') ? [id] : [],
  );
}

describe('a resource without details', () => {
  test('is stored as listed, both inquiry types, with requests for lists only', async () => {
    world = await start();
    const { counts, status } = passOf(await world.poll('detection360Reports'), 'detection360Reports');
    expect(status).toBe('SUCCEEDED');
    const wanted = truth(toMillis(NOW), toMillis(NOW) - 30 * DAY);
    expect(wanted.size).toBeGreaterThan(40);
    expect(await held()).toEqual(wanted);
    expect(counts).toMatchObject({ added: wanted.size, detailCalls: 0 });
    expect(counts.calls).toBe(counts.listCalls);
    const kinds = world.simulator.stats().byKind;
    expect(Object.keys(kinds)).toEqual(['detection360Reports.list']);
  });

  test('reads open records again from one list of their times, and stores what changed', async () => {
    world = await start();
    await world.poll('detection360Reports');
    const changing = settling();
    expect(changing.length).toBeGreaterThan(2);
    world.clock.advance(10 * DAY);
    world.simulator.resetStats();
    const pass = passOf(await world.poll('detection360Reports'), 'detection360Reports');
    expect(await held()).toEqual(truth(world.clock(), toMillis(NOW) - 30 * DAY));
    expect(pass.reread?.calls).toBeLessThanOrEqual(4);
    const [id = ''] = changing;
    const versions = await historyOf(world.store, keyOf(id));
    expect(versions.length).toBeGreaterThan(1);
    expect(versions[0]?.received).not.toContain('"RESOLVED"');
    expect(versions.at(-1)?.received).toContain('"RESOLVED"');
  });

  test('reads one record for a waiting caller with the list of its second', async () => {
    world = await start();
    await world.poll('detection360Reports');
    const [id = ''] = settling();
    world.clock.advance(10 * DAY);
    world.simulator.resetStats();
    const freshness = await world.sync.live.record(keyOf(id), 0, {});
    expect(freshness).toMatchObject({ stale: false, live: true, verifiedAt: toInstant(world.clock()) });
    expect((await held()).get(id)).toContain('"RESOLVED"');
    expect(world.simulator.stats().requests).toBe(2);
    expect(await world.sync.live.record(keyOf('1'), 0, {})).toMatchObject({ verifiedAt: null });
  });

  test('counts a record as deleted after two runs in which its list does not contain it', async () => {
    world = await start();
    await world.poll('detection360Reports');
    const [id = ''] = settling();
    const hide: Fault = { kind: 'unlisted', ids: [id] };
    world.simulator.setFaults({ rules: [{ fault: hide, match: /detection360/ }] });
    for (const isThere of [true, false]) {
      world.clock.advance(DAY);
      await world.poll('detection360Reports');
      expect((await held()).has(id)).toBe(isThere);
    }
    world.simulator.setFaults(null);
    await world.sync.reconcile({
      ...{ from: shift(NOW, -14 * DAY), to: NOW, resources: ['detection360Reports'] },
      signal: new AbortController().signal,
    });
    world.clock.advance(DAY);
    await world.poll('detection360Reports');
    expect((await held()).has(id)).toBe(true);
  });

  test('quarantines an item that is no record and reads it again with its window', async () => {
    const item = (id: unknown) => ({
      id,
      inquiry_type: 'MISSED_ATTACK',
      submission_datetime: '2026-03-30T10:00:00Z',
    });
    const body = (items: unknown[]): Fault => ({ kind: 'status', status: 200, body: JSON.stringify(items) });
    world = await start();
    const broken = body([item(1), item({ of: 'wrong type' })]);
    world.simulator.setFaults({ rules: [{ fault: broken, match: /MISSED_ATTACK/ }, { fault: body([]) }] });
    const first = passOf(await world.poll('detection360Reports'), 'detection360Reports');
    expect(first.status).toBe('PARTIAL');
    expect(first.errors.join()).toContain('without a usable id');
    world.simulator.setFaults(null);
    world.clock.advance(HOUR);
    const second = passOf(await world.poll('detection360Reports'), 'detection360Reports');
    expect(second.status).toBe('SUCCEEDED');
    expect(second.streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
  });

  test('is isolated if the account has no licence for it', async () => {
    world = await start({ settings: { collect: ['threats', 'detection360Reports'] } });
    const fault: Fault = { kind: 'notLicensed' };
    world.simulator.setFaults({ rules: [{ fault, match: /detection360/ }] });
    const report = await world.poll();
    expect(report.passes.map(({ resource }) => resource)).toEqual(['threats', 'detection360Reports']);
    expect(passOf(report, 'threats').status).toBe('SUCCEEDED');
    expect(passOf(report, 'detection360Reports').streams).toMatchObject([{ status: 'NOT_LICENSED' }]);
  });
});

test('a resource that is not collected is not requested, and its list is stale with the reason', async () => {
  world = await start({ settings: { collect: ['cases'] } });
  await world.poll();
  const freshness = await world.sync.live.list('detection360Reports', null, 0);
  expect(freshness).toMatchObject({ stale: true, code: 'NOT_COLLECTED' });
  expect(Object.keys(world.simulator.stats().byKind).every((kind) => kind.startsWith('cases.'))).toBe(true);
});

test('vendor cases are read by their last change, with their details', async () => {
  world = await createTenantWorld({ now: NOW, tenant: { ...TENANT, vendorCases: 120 } });
  const stored = async () => {
    const found = await heldOf(world.store, 'vendorCase');
    const texts = [...found].map(async ([id, { key, seqFrom }]) => [
      id,
      await world.store.received(key, seqFrom),
    ]);
    return Object.fromEntries(await Promise.all(texts));
  };
  const shown = () => {
    const window = { from: toMillis(NOW) - 30 * DAY, to: world.clock(), inclusive: true };
    const items = world.tenant.upstream.vendorCases.items(window, world.clock(), heldInteger);
    return Object.fromEntries(items.map(({ id, body }) => [id, canonicalJson(body)]));
  };
  await world.poll('vendorCases');
  expect(Object.keys(shown()).length).toBeGreaterThan(20);
  expect(await stored()).toEqual(shown());
  world.clock.advance(5 * DAY);
  await world.poll('vendorCases');
  expect(await stored()).toEqual(shown());
});

describe('a list that gets rows late', () => {
  const shown = () => {
    const window = { from: toMillis(NOW) - 30 * DAY, to: world.clock(), inclusive: true };
    const items = world.tenant.upstream.notAnalyzed.items(window, world.clock(), heldInteger);
    return items.map(({ id, time }) => ({ id, at: toInstant(time) }));
  };

  test('is read again from its newest row on, so that no late row is lost', async () => {
    world = await start({ tenant: { ...TENANT, notAnalyzed: 600 } });
    let late = 0;
    for (let poll = 0; poll < 12; poll += 1) {
      const before = new Set((await heldOf(world.store, 'notAnalyzedMessage')).keys());
      const newest = shown()
        .map(({ at }) => at)
        .reduce((a, b) => (a > b ? a : b));
      const pass = passOf(await world.poll('notAnalyzedMessages'), 'notAnalyzedMessages');
      const rows = shown();
      expect([...(await heldOf(world.store, 'notAnalyzedMessage')).keys()].sort()).toEqual(
        rows.map(({ id }) => id).sort(),
      );
      late += rows.filter(
        ({ id, at }) => poll > 0 && !before.has(id) && at < shift(toInstant(world.clock()), -DAY),
      ).length;
      const settled = shift(toInstant(world.clock()), -15 * MINUTE);
      const end = newest < settled ? newest : settled;
      const { missingMs } = pass.streams[0]?.coverage ?? { missingMs: {} };
      expect(missingMs).toEqual({ PROVISIONAL: world.clock() - toMillis(end) });
      world.clock.advance(8 * HOUR);
    }
    expect(late).toBeGreaterThan(3);
  });

  test('is final after a week if nothing is reported, so that polls stay cheap', async () => {
    world = await start();
    await world.poll('notAnalyzedMessages');
    world.clock.advance(60 * DAY);
    await world.poll('notAnalyzedMessages');
    world.clock.advance(DAY);
    world.simulator.resetStats();
    const pass = passOf(await world.poll('notAnalyzedMessages'), 'notAnalyzedMessages');
    expect(pass.streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 7 * DAY + 15 * MINUTE });
    expect(world.simulator.stats().requests).toBeLessThanOrEqual(2);
  });
});

describe('the portal’s audit log', () => {
  test('is stored page by page, and time before its retention is named as lost without a request', async () => {
    const from = shift(NOW, -120 * DAY);
    const tenant = { ...TENANT, from, auditLogs: 3000 };
    world = await start({ tenant, settings: { backfillFrom: from } });
    const pass = passOf(await world.poll('portalAuditLogs'), 'portalAuditLogs');
    const window = { from: toMillis(NOW) - 90 * DAY, to: toMillis(NOW), inclusive: true };
    const items = world.tenant.upstream.auditLogs.items(window, toMillis(NOW), heldInteger);
    const held = await heldOf(world.store, 'portalAuditLog');
    expect(items.length).toBeGreaterThan(1000);
    expect(held.size).toBeGreaterThanOrEqual(items.length - 10);
    const { OUT_OF_RETENTION: lost = 0 } = pass.streams[0]?.coverage.missingMs ?? {};
    expect(lost).toBeGreaterThanOrEqual(30 * DAY);
    expect(lost).toBeLessThan(30 * DAY + 2 * HOUR);
    const { byKind } = world.simulator.stats();
    expect(Object.keys(byKind)).toEqual(['portalAuditLogs.list']);
    const [entry] = held.values();
    expect(entry?.record).toMatchObject({ timestamp: expect.stringMatching(/Z$/), reason: null });
  });

  test('is never read again once it has settled', async () => {
    world = await start({ tenant: { ...TENANT, auditLogs: 600 } });
    await world.poll('portalAuditLogs');
    const first = (await heldOf(world.store, 'portalAuditLog')).size;
    world.clock.advance(HOUR);
    world.simulator.resetStats();
    const pass = passOf(await world.poll('portalAuditLogs'), 'portalAuditLogs');
    expect(pass.reread).toBeNull();
    expect(world.simulator.stats().requests).toBe(1);
    expect((await heldOf(world.store, 'portalAuditLog')).size).toBeGreaterThanOrEqual(first);
  });
});

test('the remediation history of a message is read from a path of its own and recorded', async () => {
  world = await start();
  const key = { integration: INTEGRATION, kind: 'messageRemediation', id: '-2718281828459045235' } as const;
  expect(await world.sync.live.record(key, 0, {})).toMatchObject({ stale: false, live: true });
  const { seq } = await world.store.head();
  const [held] = await world.store.get([key], seq);
  expect(held?.record).toMatchObject({ messageId: key.id, folders: [{ name: expect.any(String) }] });
  expect(Object.keys(world.simulator.stats().byKind)).toEqual(['messages.remediation']);
});
