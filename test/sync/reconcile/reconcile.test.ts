import { afterEach, describe, expect, test } from 'vitest';
import { coverageOf } from '../../../src/model/ledger.js';
import type { ListedKind, Resource } from '../../../src/resources/registry.js';
import { FILTER_KEYS } from '../../../src/resources/registry.js';
import type { Fault, FaultRule } from '../../../src/simulator/faults.js';
import type { TenantOptions } from '../../../src/simulator/options.js';
import type { Reconciled, ReconcileOptions } from '../../../src/sync/sync.js';
import { DAY, HOUR, type Instant, MINUTE, shift, toInstant, toMillis } from '../../../src/values/instant.js';
import { batchOf, sampleRun } from '../../support/records.js';
import {
  createTenantWorld,
  heldOf,
  INTEGRATION,
  truthOf,
  type World,
  type WorldOptions,
} from '../harness.js';

const NOW = '2026-03-20T12:00:00.000Z';
const LAG = 15 * MINUTE;
const EXPORT = /^\/threats_export/;
const LISTS = /^\/(threats|cases|abusecampaigns)\?/;

const TENANT: TenantOptions = {
  seed: 'reconcile',
  from: '2026-02-25T00:00:00.000Z',
  to: '2026-03-28T00:00:00.000Z',
  threats: 200,
  cases: 80,
  campaigns: 60,
  shares: { missingThreats: 0.06, withoutMessages: 0.06, deletedThreats: 0 },
};

/** Every detail can be had, with its messages: no window is partial after the first poll. */
const PLAIN = { ...TENANT, shares: { ...TENANT.shares, missingThreats: 0, withoutMessages: 0 } };

let world: World | null = null;
afterEach(async () => {
  await world?.close();
  world = null;
});

async function start(options: Partial<WorldOptions> = {}): Promise<World> {
  world = await createTenantWorld({ now: NOW, tenant: TENANT, ...options });
  return world;
}

/** A world that has polled a resource, or all of them, twice, so that what has no detail is known. */
async function collected(resource?: Resource, options: Partial<WorldOptions> = {}): Promise<World> {
  const started = await start(options);
  await started.poll(resource);
  started.clock.advance(HOUR);
  await started.poll(resource);
  started.clock.advance(HOUR);
  return started;
}

async function reconcile(
  { sync, clock }: World,
  resources: readonly Resource[],
  options: Partial<ReconcileOptions> = {},
): Promise<Reconciled[]> {
  const now = toInstant(clock());
  const { reconciliations } = await sync.reconcile({
    resources,
    from: shift(now, -14 * DAY),
    to: now,
    signal: new AbortController().signal,
    ...options,
  });
  return [...reconciliations];
}

/** The one window of one resource that a reconciliation of fourteen days compares. */
async function reconcileOne(
  of: World,
  resource: Resource,
  options: Partial<ReconcileOptions> = {},
): Promise<Reconciled> {
  const [only, ...more] = await reconcile(of, [resource], options);
  if (!only || more.length > 0) throw new Error(`expected one window, got ${more.length + (only ? 1 : 0)}`);
  return only;
}

function fault({ simulator }: World, ...rules: FaultRule[]): void {
  simulator.setFaults({ rules });
}

function unlisted(...ids: string[]): Fault {
  return { kind: 'unlisted', ids };
}

/** Ids that a complete collection would hold by now, and that arrived in the last days but not the last day. */
function recentIds({ tenant, clock }: World, kind: ListedKind): string[] {
  const now = toInstant(clock());
  const old = truthOf(tenant, kind, shift(now, -DAY));
  const older = truthOf(tenant, kind, shift(now, -5 * DAY));
  return [...old.keys()].filter((id) => !older.has(id));
}

async function gapsOf({ store }: World, resource: Resource, from: Instant, to: Instant) {
  const stream = { integration: INTEGRATION, resource, filterKey: FILTER_KEYS[resource][0] };
  const { seq } = await store.head();
  return coverageOf(await store.ledger(stream, from, to, seq), from, to).gaps;
}

const KIND = { threats: 'threat', cases: 'case', campaigns: 'campaign' } as const;
const NONE = { count: 0, ids: [] };

describe('reconciliation of a complete history', () => {
  test('matches, and each comparison is stored as a run', async () => {
    const whole = await collected();
    const found = await reconcile(whole, ['threats', 'cases', 'campaigns']);
    const now = toInstant(whole.clock());
    const window = { from: shift(now, -14 * DAY), to: shift(now, -HOUR - LAG) };
    expect(found).toMatchObject(
      (['threats', 'cases', 'campaigns'] as const).map((resource) => ({
        ...window,
        ...{ resource, integration: INTEGRATION, verdict: 'MATCH', failure: null, basis: 'IDS', opened: [] },
        ...{ sources: [resource === 'threats' ? 'EXPORT' : 'LIST'], missing: NONE, extra: NONE },
      })),
    );
    const runs = await whole.store.runs({
      ...{ integrations: [INTEGRATION], before: null, limit: 9, trigger: 'RECONCILE' },
    });
    expect(runs).toHaveLength(3);
    for (const { runId, integration, resource, ...reconciliation } of found) {
      const run = await whole.store.run(runId);
      expect(run).toMatchObject({ integration, resource, trigger: 'RECONCILE', status: 'SUCCEEDED' });
      expect(run?.reconciliation).toEqual(reconciliation);
      expect(run?.parameters).toEqual(window);
      expect(run?.counts).toMatchObject({ listed: reconciliation.population, windows: 1, added: 0 });
      expect(await gapsOf(whole, resource, window.from, window.to)).toEqual([]);
    }
  });

  test('counts the records as the tenant does', async () => {
    const whole = await collected('cases');
    const now = toInstant(whole.clock());
    const { population, declared, held, gone } = await reconcileOne(whole, 'cases');
    const truth = [...truthOf(whole.tenant, 'case', now)].filter(([, text]) => {
      const time = toInstant(Date.parse(JSON.parse(text).item.last_modified));
      return time >= shift(now, -14 * DAY) && time <= shift(now, -HOUR - LAG);
    });
    expect(truth.length).toBeGreaterThan(30);
    expect([population, declared, held, gone.count]).toEqual([truth.length, truth.length, truth.length, 0]);
  });

  test('costs one export and one list page for threats, and changes nothing', async () => {
    const whole = await collected('threats');
    const before = await whole.store.changes({
      ...{
        afterSeq: 0,
        toSeq: Number.MAX_SAFE_INTEGER,
        kinds: ['threat'],
        integrations: null,
        after: null,
        limit: 5000,
      },
    });
    whole.simulator.resetStats();
    const { runId, gone } = await reconcileOne(whole, 'threats');
    // a threat that was never held and has no detail is asked for each time: nothing else is known of it
    const { byKind } = whole.simulator.stats();
    expect(byKind['threats.export']).toEqual({ 200: 1 });
    expect(byKind['threats.list']).toEqual({ 200: 1 });
    expect(Object.keys(byKind['threats.detail'] ?? {})).toEqual(['404']);
    expect(gone.count).toBeGreaterThan(0);
    expect((await whole.store.run(runId))?.counts.calls).toBe(whole.simulator.stats().requests);
    const after = await whole.store.changes({
      ...{
        afterSeq: 0,
        toSeq: Number.MAX_SAFE_INTEGER,
        kinds: ['threat'],
        integrations: null,
        after: null,
        limit: 5000,
      },
    });
    expect(after).toEqual(before);
  });

  test('treats records that are named without a detail as gone, in quarantine or released', async () => {
    const whole = await start();
    await whole.poll('threats');
    for (let polls = 0; polls < 3; polls += 1) {
      const missing = [...whole.tenant.missing(toInstant(whole.clock()))].map(({ id }) => id);
      whole.simulator.resetStats();
      const { verdict, gone, reason } = await reconcileOne(whole, 'threats');
      expect(verdict).toBe('MATCH');
      expect(gone.count).toBeGreaterThan(3);
      // each of them was requested just now
      expect(whole.simulator.stats().byKind['threats.detail']?.[404]).toBe(gone.count);
      expect(missing).toEqual(expect.arrayContaining([...gone.ids]));
      expect(reason).toContain('return 404');
      whole.clock.advance(5 * HOUR);
      await whole.poll('threats');
    }
  });

  test('treats deleted threats, which are still named, as gone', async () => {
    const shares = { ...TENANT.shares, missingThreats: 0, deletedThreats: 0.5 / 16 };
    const whole = await start({ tenant: { ...TENANT, shares } });
    for (let days = 0; days < 4; days += 1) {
      await whole.poll('threats');
      whole.clock.advance(DAY);
    }
    await whole.poll('threats');
    const deleted = [...(await heldOf(whole.store, 'threat')).keys()];
    const { verdict, gone } = await reconcileOne(whole, 'threats');
    expect(verdict).toBe('MATCH');
    expect(gone.count).toBeGreaterThan(0);
    expect(deleted.filter((id) => gone.ids.includes(id))).toEqual([]);
  });

  test('finds a record that was marked as deleted in error, and the next poll restores it', async () => {
    const whole = await start({ tenant: PLAIN });
    await whole.poll('threats');
    const [id = ''] = [...truthOf(whole.tenant, 'threat', shift(NOW, -3 * DAY)).keys()].slice(-1);
    const key = { integration: INTEGRATION, kind: 'threat', id } as const;
    await whole.store.record(batchOf('burial', { now: NOW, run: sampleRun('burial'), tombstones: [key] }));
    // as long as it cannot be requested nothing is known of it
    fault(whole, { fault: { kind: 'serverError' }, match: new RegExp(`/${id}`) });
    expect(await reconcileOne(whole, 'threats', { to: shift(NOW, -HOUR) })).toMatchObject({
      verdict: 'UNVERIFIED',
      reason: expect.stringContaining('could not be requested again'),
    });
    whole.simulator.setFaults(null);
    expect(await reconcileOne(whole, 'threats', { to: shift(NOW, -HOUR) })).toMatchObject({
      verdict: 'SHORT',
      missing: { ids: [id] },
    });
    whole.clock.advance(HOUR);
    await whole.poll('threats');
    expect((await heldOf(whole.store, 'threat')).has(id)).toBe(true);
  });

  test('opens no gap for a record that coverage already names as missing', async () => {
    const whole = await start({ tenant: PLAIN });
    const [id = ''] = [...truthOf(whole.tenant, 'threat', shift(NOW, -3 * DAY)).keys()].slice(-1);
    fault(whole, { fault: { kind: 'undecodable' }, match: new RegExp(`/${id}`) });
    await whole.poll('threats');
    expect(await reconcileOne(whole, 'threats', { to: shift(NOW, -HOUR) })).toMatchObject({
      ...{ verdict: 'SHORT', missing: { ids: [id] }, opened: [] },
      reason: expect.stringContaining('coverage already names them'),
    });
  });

  test('counts records that left the window since it was read as stored', async () => {
    const whole = await collected('cases');
    const held = await heldOf(whole.store, 'case');
    // long enough for several cases to be modified
    whole.clock.advance(12 * HOUR);
    const now = truthOf(whole.tenant, 'case', toInstant(whole.clock()));
    const to = shift(toInstant(whole.clock()), -12 * HOUR - LAG);
    const moved = [...now].filter(([id, text]) => {
      const before = (held.get(id)?.record as { lastModifiedTime?: string } | undefined)?.lastModifiedTime;
      const after = toInstant(Date.parse(JSON.parse(text).item.last_modified));
      return before && before < to && after > to;
    });
    expect(moved.length).toBeGreaterThan(0);
    expect(await reconcileOne(whole, 'cases', { to })).toMatchObject({ verdict: 'MATCH', extra: NONE });
  });
});

describe('reconciliation of an incomplete history', () => {
  test.each(['threats', 'cases', 'campaigns'] as const)(
    'names the %s that lists left out; the next poll reads them, and it matches',
    async (resource) => {
      const short = await start({ tenant: PLAIN });
      const [lost = ''] = recentIds(short, KIND[resource]);
      fault(short, { fault: unlisted(lost) });
      await short.poll(resource);
      short.simulator.setFaults(null);
      const { from, to } = await reconcileOne(short, resource, { to: shift(NOW, -HOUR) }).then((found) => {
        expect(found).toMatchObject({ verdict: 'SHORT', missing: { count: 1, ids: [lost] }, extra: NONE });
        expect(found.held).toBe((found.population ?? 0) - 1 - found.gone.count);
        expect(found.reason).toMatch(/^1 of the \d+ records .* not stored; the next poll lists them again/);
        return found;
      });
      const gaps = await gapsOf(short, resource, from, to);
      expect(gaps).toMatchObject([{ reason: 'PARTIAL', detail: expect.stringContaining(lost) }]);
      const [gap] = gaps;
      expect(toMillis(gap?.to ?? '') - toMillis(gap?.from ?? '')).toBeLessThanOrEqual(2 * MINUTE + 1000);
      expect((await heldOf(short.store, KIND[resource])).has(lost)).toBe(false);

      short.clock.advance(HOUR);
      await short.poll(resource);
      expect((await heldOf(short.store, KIND[resource])).has(lost)).toBe(true);
      expect(await gapsOf(short, resource, from, to)).toEqual([]);
      expect((await reconcileOne(short, resource)).verdict).toBe('MATCH');
    },
  );

  test('finds records that arrived after the ingestion lag, and the next poll reads them', async () => {
    const settings = { ingestionLagMs: MINUTE };
    const shares = { ...TENANT.shares, lateArrivals: 0.5 };
    const from = '2026-03-19T00:00:00.000Z';
    const tenant = { ...TENANT, from, to: '2026-03-22T00:00:00.000Z', threats: 400, shares };
    const short = await start({ settings, tenant });
    for (let polls = 0; polls < 40; polls += 1) {
      await short.poll('threats');
      short.clock.advance(10 * MINUTE);
    }
    await short.poll('threats');
    const to = shift(toInstant(short.clock()), -2 * HOUR);
    const held = await heldOf(short.store, 'threat');
    const lacking = () => {
      const truth = [...truthOf(short.tenant, 'threat', toInstant(short.clock()))];
      return truth.filter(([id, text]) => !held.has(id) && isReceivedBefore(text, to)).map(([id]) => id);
    };
    expect(lacking().length).toBeGreaterThan(3);
    const found = await reconcileOne(short, 'threats', { to });
    expect(found.verdict).toBe('SHORT');
    expect(found.missing.ids).toEqual(lacking().sort());
    await short.poll('threats');
    expect((await reconcileOne(short, 'threats', { to })).verdict).toBe('MATCH');
  });

  test('reports missing records again as long as lists leave out what the export names', async () => {
    const short = await start();
    const [lost = ''] = recentIds(short, 'threat');
    fault(short, { fault: unlisted(lost), match: LISTS });
    await short.poll('threats');
    for (let round = 0; round < 2; round += 1) {
      expect(await reconcileOne(short, 'threats')).toMatchObject({
        verdict: 'SHORT',
        missing: { ids: [lost] },
      });
      short.clock.advance(HOUR);
      await short.poll('threats');
    }
    short.simulator.setFaults(null);
    expect((await reconcileOne(short, 'threats')).verdict).toBe('SHORT');
    await short.poll('threats');
    expect((await reconcileOne(short, 'threats')).verdict).toBe('MATCH');
  });

  test('finds records that only the list names through its total', async () => {
    const short = await start();
    const [lost = ''] = recentIds(short, 'threat');
    fault(short, { fault: unlisted(lost) });
    await short.poll('threats');
    fault(short, { fault: unlisted(lost), match: EXPORT });
    expect(await reconcileOne(short, 'threats')).toMatchObject({
      verdict: 'SHORT',
      sources: ['EXPORT', 'LIST'],
      missing: { ids: [lost] },
    });
  });

  test('in a known gap reports missing records without opening a new gap', async () => {
    const short = await start();
    const now = toInstant(short.clock());
    fault(short, { fault: { kind: 'status', status: 400 }, match: /^\/cases\?/, nth: 3 });
    await short.poll('cases');
    short.simulator.setFaults(null);
    const known = await gapsOf(short, 'cases', shift(now, -14 * DAY), shift(now, -LAG));
    expect(known.length).toBeGreaterThan(0);
    const found = await reconcileOne(short, 'cases');
    expect(found).toMatchObject({ verdict: 'SHORT', opened: [] });
    expect(found.reason).toContain('or has a gap');
    expect(await gapsOf(short, 'cases', found.from, found.to)).toEqual(known);
  });

  test('with very many missing records opens the whole span that contains them', async () => {
    const short = await start({ tenant: { ...TENANT, cases: 160 } });
    const lost = recentIds(short, 'case');
    expect(lost.length).toBeGreaterThan(20);
    fault(short, { fault: unlisted(...lost) });
    await short.poll('cases');
    short.simulator.setFaults(null);
    const found = await reconcileOne(short, 'cases');
    expect(found.missing).toEqual({ count: lost.length, ids: lost.toSorted() });
    expect(found.opened).toHaveLength(1);
    await short.poll('cases');
    expect((await reconcileOne(short, 'cases')).verdict).toBe('MATCH');
  });
});

function isReceivedBefore(text: string, to: Instant): boolean {
  const { messages = [] } = JSON.parse(text) as { messages?: { receivedTime: string }[] };
  return messages.some(({ receivedTime }) => toInstant(Date.parse(receivedTime)) < to);
}

describe('reconciliation of a history with extra records', () => {
  test.each(['threats', 'cases', 'campaigns'] as const)(
    'names the extra %s and deletes none',
    async (resource) => {
      const whole = await collected(resource);
      const [lost = ''] = recentIds(whole, KIND[resource]);
      fault(whole, { fault: unlisted(lost) });
      const found = await reconcileOne(whole, resource);
      expect(found).toMatchObject({
        verdict: 'EXTRA',
        extra: { count: 1, ids: [lost] },
        missing: NONE,
        opened: [],
      });
      expect(found.reason).toContain('does not mean that they were deleted');
      expect(found.held).toBe((found.population ?? 0) + 1 - found.gone.count);
      expect((await heldOf(whole.store, KIND[resource])).has(lost)).toBe(true);
      whole.simulator.setFaults(null);
      expect((await reconcileOne(whole, resource)).verdict).toBe('MATCH');
    },
  );

  test('does not count a record as extra that only the export leaves out', async () => {
    const whole = await collected('threats');
    const [lost = ''] = recentIds(whole, 'threat');
    fault(whole, { fault: unlisted(lost), match: EXPORT });
    expect(await reconcileOne(whole, 'threats')).toMatchObject({
      verdict: 'MATCH',
      sources: ['EXPORT', 'LIST'],
    });
  });

  test('with missing and extra records reports missing records, and names both', async () => {
    const both = await start();
    const [lost = '', left = ''] = recentIds(both, 'campaign');
    fault(both, { fault: unlisted(lost) });
    await both.poll('campaigns');
    fault(both, { fault: unlisted(left) });
    const found = await reconcileOne(both, 'campaigns');
    expect(found).toMatchObject({ verdict: 'SHORT', missing: { ids: [lost] }, extra: { ids: [left] } });
  });
});

describe('reconciliation with an unreadable population', () => {
  test('leaves threats unverified without the export, whatever the list contains', async () => {
    const whole = await collected('threats');
    fault(whole, { fault: { kind: 'serverError', status: 503 }, match: EXPORT });
    const found = await reconcileOne(whole, 'threats');
    expect(found).toMatchObject({
      verdict: 'UNVERIFIED',
      failure: 'SERVER_ERROR',
      sources: ['LIST'],
      missing: NONE,
    });
    expect(found.reason).toMatch(/export of the threat log.*could not be read.*503/);
    const run = await whole.store.run(found.runId);
    expect(run).toMatchObject({ status: 'PARTIAL', errors: [found.reason] });
  });

  test('still finds records that the list names and the history does not contain', async () => {
    const short = await start();
    const [lost = ''] = recentIds(short, 'threat');
    fault(short, { fault: unlisted(lost) });
    await short.poll('threats');
    fault(short, { fault: { kind: 'status', status: 404 }, match: EXPORT });
    const found = await reconcileOne(short, 'threats');
    expect(found).toMatchObject({ verdict: 'SHORT', failure: 'NOT_ENABLED', missing: { ids: [lost] } });
  });

  test.each([
    ['is cut off', { kind: 'truncated' }, 'BAD_BODY'],
    ['is a page of HTML', { kind: 'wrongContent' }, 'BAD_BODY'],
    ['is empty', { kind: 'emptyBody' }, 'BAD_BODY'],
    ['breaks the connection', { kind: 'reset' }, 'UNREACHABLE'],
    ['is refused', { kind: 'forbidden' }, 'FORBIDDEN'],
  ] as const)('leaves threats unverified if the export %s', async (_, kind, failure) => {
    const whole = await collected('threats');
    fault(whole, { fault: kind, match: EXPORT });
    expect(await reconcileOne(whole, 'threats')).toMatchObject({ verdict: 'UNVERIFIED', failure });
  });

  test('leaves cases unverified without their list, with one request for all windows', async () => {
    const whole = await collected('cases');
    fault(whole, { fault: { kind: 'notLicensed', status: 402 }, match: /^\/cases/ });
    whole.simulator.resetStats();
    const found = await reconcile(whole, ['cases'], { from: shift(NOW, -28 * DAY) });
    expect(found.map(({ verdict, failure }) => [verdict, failure])).toEqual(
      found.map(() => ['UNVERIFIED', 'NOT_LICENSED']),
    );
    expect(found.length).toBeGreaterThan(1);
    expect(whole.simulator.stats().requests).toBe(1);
    const run = await whole.store.run(found[1]?.runId ?? '');
    expect(run).toMatchObject({ status: 'FAILED', counts: { calls: 0 } });
  });

  test('leaves a resource unverified if its list declares more than it names', async () => {
    const whole = await collected('cases');
    const [lost = ''] = recentIds(whole, 'case');
    // the page without the row, with the total as it was
    fault(whole, { fault: { kind: 'dropped', ids: [lost] }, match: LISTS });
    const found = await reconcileOne(whole, 'cases');
    expect(found).toMatchObject({ verdict: 'UNVERIFIED', extra: { ids: [lost] }, failure: null });
    expect(found.reason).toMatch(/declares \d+/);
  });

  test('does nothing before anything was collected', async () => {
    const empty = await start();
    const found = await reconcileOne(empty, 'campaigns');
    expect(found).toMatchObject({ verdict: 'UNVERIFIED', population: null, sources: [] });
    expect(found.reason).toContain('collected yet');
    expect(empty.simulator.stats().requests).toBe(0);
  });
});

describe('reconciliation with an export without threat ids', () => {
  test('compares the number of messages, and the verdict says so', async () => {
    const whole = await collected('threats', { tenant: PLAIN, simulator: { logForm: 'withoutIds' } });
    const found = await reconcileOne(whole, 'threats');
    expect(found).toMatchObject({ verdict: 'MATCH', basis: 'COUNTS', sources: ['EXPORT', 'LIST'] });
    expect(found.reason).toMatch(
      /contains no threat ids, so only its messages could be counted: (\d+), as many/,
    );
  });

  test('is unverified if details contain only some of the messages', async () => {
    const shares = { ...PLAIN.shares, hugeThreats: 0.05 };
    const sample = { ...PLAIN, shares, detailMessages: 'sample' } as const;
    const whole = await collected('threats', { tenant: sample, simulator: { logForm: 'withoutIds' } });
    const found = await reconcileOne(whole, 'threats');
    expect(found).toMatchObject({ verdict: 'UNVERIFIED', basis: 'COUNTS', missing: NONE, extra: NONE });
    expect(found.reason).toMatch(/proves nothing/);
  });

  test('still reports records that only the list names', async () => {
    const short = await start({ tenant: PLAIN, simulator: { logForm: 'withoutIds' } });
    const [lost = ''] = recentIds(short, 'threat');
    fault(short, { fault: unlisted(lost) });
    await short.poll('threats');
    short.simulator.setFaults(null);
    expect(await reconcileOne(short, 'threats')).toMatchObject({
      verdict: 'SHORT',
      missing: { ids: [lost] },
    });
  });
});

describe('reconciliation windows', () => {
  test('are at most fourteen days, adjacent, newest first, and cover the collected span', async () => {
    const whole = await collected();
    whole.simulator.resetStats();
    const steps: string[] = [];
    const now = toInstant(whole.clock());
    const found = await reconcile(whole, ['threats', 'campaigns'], {
      from: shift(now, -60 * DAY),
      onProgress: ({ resource, done, total }) => steps.push(`${resource} ${done}/${total}`),
    });
    const collectFrom = shift(NOW, -30 * DAY);
    const last = shift(now, -HOUR - LAG);
    const edges = [last, shift(last, -14 * DAY), shift(last, -28 * DAY), collectFrom];
    const windows = edges.slice(1).map((from, i) => ({ from, to: edges[i] }));
    expect(found.map(({ from, to }) => ({ from, to }))).toEqual([...windows, ...windows]);
    expect(found.map(({ verdict }) => verdict)).toEqual(found.map(() => 'MATCH'));
    expect(whole.simulator.stats().byStatus[400]).toBeUndefined();
    expect(steps).toEqual(
      [0, 1, 2, 3, 4, 5].map((done) => `${done < 3 ? 'threats' : 'campaigns'} ${done}/6`),
    );
  });

  test('that are too large for one export are read in parts', async () => {
    const whole = await collected('threats');
    const tooWide = { kind: 'status', status: 400, body: '{"message":"too many rows"}' } as const;
    fault(whole, { fault: tooWide, match: EXPORT, nth: [1, 2] });
    whole.simulator.resetStats();
    const parts = await reconcileOne(whole, 'threats');
    expect(whole.simulator.stats().byKind['threats.export']).toEqual({ 200: 3, 400: 2 });
    whole.simulator.setFaults(null);
    const { runId: _, ...atOnce } = await reconcileOne(whole, 'threats');
    expect(parts).toMatchObject(atOnce);
    expect(parts.verdict).toBe('MATCH');
  });

  test('without records match', async () => {
    const whole = await collected('cases');
    const at = '2026-03-19T02:17:31.000Z';
    const found = await reconcile(whole, ['cases'], { from: at, to: shift(at, 1000) });
    expect(found).toMatchObject([{ verdict: 'MATCH', population: 0, held: 0 }]);
    expect(await reconcile(whole, ['cases'], { from: at, to: at })).toEqual([]);
  });

  test('that were compared before an abort stay recorded', async () => {
    const whole = await collected();
    const stop = new AbortController();
    const found = await reconcile(whole, ['campaigns', 'threats'], {
      signal: stop.signal,
      onProgress: ({ resource }) => resource === 'threats' && stop.abort('SIGINT'),
    });
    expect(found.map(({ resource, verdict }) => [resource, verdict])).toEqual([['campaigns', 'MATCH']]);
    const runs = await whole.store.runs({ integrations: null, before: null, limit: 9, trigger: 'RECONCILE' });
    expect(runs.map(({ id }) => id)).toEqual(found.map(({ runId }) => runId));
  });
});
