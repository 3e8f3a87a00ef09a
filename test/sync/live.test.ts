import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Kind, RESOURCE_OF } from '../../src/resources/registry.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { DAY, HOUR, MINUTE, shift, toInstant } from '../../src/values/instant.js';
import { batchOf, observeThreat, sampleThreat } from '../support/records.js';
import {
  createTenantWorld,
  faultsOf,
  heldOf,
  historyOf,
  INTEGRATION,
  truthOf,
  type World,
} from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'live',
  from: '2026-03-01T00:00:00.000Z',
  to: '2026-04-30T00:00:00.000Z',
  threats: 400,
  cases: 100,
  campaigns: 60,
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0, nulls: 0 },
};
const MAX_AGE = 5 * MINUTE;

let world: World;
afterEach(() => world.close());

const keyOf = <K extends Kind>(kind: K, id: string) => ({ integration: INTEGRATION, kind, id });

function idsOf(kind: 'threat' | 'case' | 'campaign', limit = Number.POSITIVE_INFINITY): string[] {
  return [...truthOf(world.tenant, kind, NOW).keys()].slice(-limit);
}

async function held(kind: Kind, id: string) {
  const [revision] = await world.store.get([keyOf(kind, id)], (await world.store.head()).seq);
  return revision ?? null;
}

describe('a live read of a record', () => {
  test('causes one request for any number of callers', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const ids = idsOf('threat', 50);
    const wanted = Array.from({ length: 1000 }, (_, i) => keyOf('threat', ids[i % 50] ?? ''));
    const answers = await Promise.all(wanted.map((key) => world.sync.live.record(key, MAX_AGE)));
    expect(answers.every(({ stale, verifiedAt }) => !stale && verifiedAt === NOW)).toBe(true);
    expect(world.simulator.stats().byKind['threats.detail']).toEqual({ 200: 50 });
    expect([...(await heldOf(world.store, 'threat')).keys()].sort()).toEqual(ids.sort());
    // many went into the history together
    expect((await world.store.head()).seq).toBeLessThan(50);
  });

  test('causes no request if the record is young enough', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = ''] = idsOf('campaign', 1);
    await world.sync.live.record(keyOf('campaign', id), MAX_AGE);
    world.simulator.resetStats();
    world.clock.advance(MAX_AGE);
    expect(await world.sync.live.record(keyOf('campaign', id), MAX_AGE)).toEqual({
      stale: false,
      verifiedAt: NOW,
      live: false,
    });
    expect(world.simulator.stats().requests).toBe(0);
    world.clock.advance(1);
    expect(await world.sync.live.record(keyOf('campaign', id), MAX_AGE)).toMatchObject({
      stale: false,
      verifiedAt: toInstant(world.clock()),
      live: true,
    });
  });

  test('goes on from what its caller saw, unless another one was recorded since', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = '', other = ''] = idsOf('campaign', 2);
    const empty = await world.store.head();
    await world.sync.live.record(keyOf('campaign', id), MAX_AGE, { held: null, basis: empty });
    world.simulator.resetStats();
    const late = { held: null, basis: empty };
    expect(await world.sync.live.record(keyOf('campaign', id), MAX_AGE, late)).toMatchObject({
      verifiedAt: NOW,
      stale: false,
    });
    expect(world.simulator.stats().requests).toBe(0);
    const heads = vi.spyOn(world.store, 'head');
    const basis = await world.store.head();
    await world.sync.live.record(keyOf('campaign', other), MAX_AGE, { held: null, basis });
    expect(heads).toHaveBeenCalledTimes(1);
    expect((await heldOf(world.store, 'campaign')).size).toBe(2);
  });

  test('of a record unknown to Abnormal returns nothing, which is remembered within maxAge', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const key = keyOf('case', '99999999');
    const ask = () => world.sync.live.record(key, MAX_AGE);
    expect(await ask()).toEqual({ stale: false, verifiedAt: null, live: true });
    expect(await ask()).toEqual({ stale: false, verifiedAt: null, live: false });
    expect(world.simulator.stats().requests).toBe(1);
    world.clock.advance(MAX_AGE + 1);
    expect(await ask()).toEqual({ stale: false, verifiedAt: null, live: true });
    expect((await world.store.head()).seq).toBe(0);
  });

  test('of a stored record that is suddenly not found returns it stale, not deleted', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = ''] = idsOf('threat', 1);
    const key = keyOf('threat', id);
    await world.sync.live.record(key, MAX_AGE);
    world.simulator.setFaults({ rules: [{ fault: { kind: 'notFound' } }] });
    for (const minutes of [10, 20]) {
      world.clock.advance(minutes * MINUTE);
      expect(await world.sync.live.record(key, MAX_AGE)).toMatchObject({
        stale: true,
        verifiedAt: NOW,
        code: 'NOT_FOUND',
      });
    }
    expect(await held('threat', id)).toMatchObject({ deleted: false, verifiedAt: NOW });
    expect(await world.store.quarantined([key])).toMatchObject([{ code: 'NOT_FOUND', tries: 2 }]);
  });

  test('that fails returns the record stale with the reason, and does not quarantine it', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = ''] = idsOf('threat', 1);
    world.simulator.setFaults({ rules: [{ fault: { kind: 'serverError' } }] });
    expect(await world.sync.live.record(keyOf('threat', id), MAX_AGE)).toMatchObject({
      stale: true,
      verifiedAt: null,
      code: 'SERVER_ERROR',
      reason: expect.stringMatching(/\w/),
    });
    expect(await world.store.quarantined([keyOf('threat', id)])).toEqual([null]);
  });

  test('that cannot be decoded returns the record stale and quarantines it', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = ''] = idsOf('threat', 1);
    world.simulator.setFaults({ rules: [{ fault: { kind: 'undecodable' } }] });
    const answer = await world.sync.live.record(keyOf('threat', id), MAX_AGE);
    expect(answer).toMatchObject({ stale: true, code: 'UNDECODABLE' });
    expect(await world.store.quarantined([keyOf('threat', id)])).toMatchObject([{ code: 'UNDECODABLE' }]);
  });

  test('of a case keeps the fields of its list item, and so creates no extra version', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('cases');
    world.clock.advance(10 * MINUTE);
    const before = await heldOf(world.store, 'case');
    const now = toInstant(world.clock());
    for (const [id, revision] of [...before].slice(0, 30)) {
      const answer = await world.sync.live.record(keyOf('case', id), MAX_AGE);
      expect(answer).toMatchObject({ stale: false, verifiedAt: now, live: true });
      const after = answer.confirmed ?? (await held('case', id));
      expect(after).toMatchObject({ verifiedAt: now });
      const { description } = revision.record as { description: string | null };
      expect(after?.record).toMatchObject({ description });
      if (truthOf(world.tenant, 'case', now).get(id) !== truthOf(world.tenant, 'case', NOW).get(id)) continue;
      expect(after?.seqFrom).toBe(revision.seqFrom);
    }
  });

  test('reads the analysis of a case, and the attachments and links of a threat', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [caseId = ''] = idsOf('case', 1);
    const [threatId = ''] = idsOf('threat', 1);
    const wanted = [
      keyOf('caseAnalysis', caseId),
      keyOf('threatAttachments', threatId),
      keyOf('threatLinks', threatId),
    ];
    for (const key of wanted) {
      expect(await world.sync.live.record(key, MAX_AGE)).toMatchObject({ stale: false, live: true });
      expect(await held(key.kind, key.id)).not.toBeNull();
    }
  });

  test('is recorded with its run: trigger, calls and outcome', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const [id = ''] = idsOf('threat', 1);
    await world.sync.live.record(keyOf('threat', id), MAX_AGE);
    const [run] = await world.store.runs({ integrations: null, before: null, limit: 10 });
    expect(run).toMatchObject({
      trigger: 'LIVE',
      status: 'SUCCEEDED',
      resource: 'threats',
      parameters: { id },
      counts: { calls: 1, detailCalls: 1, added: 1 },
    });
    expect((await held('threat', id))?.runId).toBe(run?.id);
  });

  describe('that finds nothing new', () => {
    const read = (id: string, maxAge = MAX_AGE) => world.sync.live.record(keyOf('threat', id), maxAge);
    const runs = (trigger?: 'LIVE') =>
      world.store.countRuns(null, trigger).then(async (count) => ({ count, ...(await world.store.head()) }));

    /** Threats of which Abnormal returns the same again, as they were read first. */
    async function readOnce(count = 1): Promise<string[]> {
      world = await createTenantWorld({ now: NOW, tenant: TENANT });
      const later = truthOf(world.tenant, 'threat', shift(NOW, HOUR));
      const same = [...truthOf(world.tenant, 'threat', NOW)].filter(([id, text]) => later.get(id) === text);
      const ids = same.slice(0, count).map(([id]) => id);
      for (const id of ids) await read(id);
      world.clock.advance(10 * MINUTE);
      world.simulator.resetStats();
      return ids;
    }

    test('is not recorded at once, but is known to every caller of this process', async () => {
      const [id = ''] = await readOnce();
      const before = await runs();
      const now = toInstant(world.clock());
      const answer = await read(id);
      expect(answer).toMatchObject({
        stale: false,
        live: true,
        verifiedAt: now,
        readIn: { seq: before.seq },
      });
      expect(answer.confirmed).toMatchObject({ verifiedAt: now, seqFrom: 1 });
      expect(await read(id)).toMatchObject({ stale: false, live: true, verifiedAt: now });
      world.clock.advance(MINUTE);
      expect(await read(id)).toMatchObject({ live: false, verifiedAt: now, confirmed: { verifiedAt: now } });
      expect(world.simulator.stats().requests).toBe(1);
      expect(await runs()).toEqual(before);
      expect(await held('threat', id)).toMatchObject({ verifiedAt: NOW });
    });

    test('is recorded with the next batch of its resource', async () => {
      const [id = ''] = await readOnce();
      await read(id);
      const verifiedAt = toInstant(world.clock());
      const live = await runs('LIVE');
      await world.poll('cases');
      expect(await held('threat', id)).toMatchObject({ verifiedAt: NOW });
      await world.poll('threats');
      const after = await held('threat', id);
      expect(after?.verifiedAt.localeCompare(verifiedAt)).toBeGreaterThanOrEqual(0);
      expect((await runs('LIVE')).count).toBe(live.count);
    });

    test('is recorded at the end of the process, in one run for all', async () => {
      const ids = await readOnce(5);
      const before = await runs();
      for (const id of ids) await read(id);
      await world.sync.close();
      expect(await runs()).toMatchObject({ count: before.count + 1, seq: before.seq + 1 });
      const [run] = await world.store.runs({ integrations: null, before: null, limit: 1, trigger: 'LIVE' });
      expect(run).toMatchObject({ parameters: { records: 5 }, counts: { calls: 5, unchanged: 5, added: 0 } });
      for (const id of ids) expect(await held('threat', id)).toMatchObject({ verifiedAt: run?.endedAt });
    });

    test('is read again if another process had recorded a newer version', async () => {
      const [id = ''] = await readOnce();
      const { confirmed } = await read(id);
      const { seq: basis } = await world.store.head();
      const other = observeThreat(sampleThreat(id), { basis, fetchedAt: NOW });
      await world.store.record(batchOf('other', { observations: [other] }));
      expect((await held('threat', id))?.digest).toBe(other.digest);
      await read(idsOf('threat', 1)[0] ?? '');
      await vi.waitFor(
        async () => expect((await held('threat', id))?.digest).toBe(confirmed?.digest),
        10_000,
      );
    });

    test.each([
      ['a poll', 'case', () => world.poll('cases')],
      ['a live read', 'threat', (id: string) => read(id, 0)],
    ] as const)('costs no request more when %s then finds a change', async (_, kind, readAgain) => {
      const paths: string[] = [];
      const then = shift(NOW, HOUR / 2);
      world = await createTenantWorld({
        now: NOW,
        tenant: { ...TENANT, from: shift(NOW, -6 * HOUR), to: shift(NOW, HOUR), threats: 700 },
        settings: { backfillFrom: shift(NOW, -HOUR / 2) },
        simulator: { onRequest: ({ url }) => void paths.push(url) },
      });
      await world.poll(RESOURCE_OF[kind]);
      const stored = await heldOf(world.store, kind);
      const before = truthOf(world.tenant, kind, NOW);
      const after = truthOf(world.tenant, kind, then);
      const id = [...stored.keys()].find((key) => after.get(key) !== before.get(key)) ?? '';
      world.clock.advance(1);
      expect((await world.sync.live.record(keyOf(kind, id), 0)).confirmed).toBeDefined();
      world.clock.set(then);
      paths.length = 0;
      await readAgain(id);
      expect(paths.filter((path) => path.includes(id))).toHaveLength(1);
      const versions = await historyOf(world.store, keyOf(kind, id));
      expect(versions.map(({ received }) => received)).toEqual([before.get(id), after.get(id)]);
    });
  });

  test('of an account that is no longer configured returns the record stale', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    const key = { integration: 'former', kind: 'threat', id: 'x' } as const;
    expect(await world.sync.live.record(key, MAX_AGE)).toMatchObject({
      stale: true,
      reason: expect.stringContaining('former'),
    });
  });

  test('that takes too long returns the stored record, and still completes', async () => {
    world = await createTenantWorld({
      now: NOW,
      tenant: TENANT,
      simulator: { latencyMs: 400 },
      settings: { liveWaitMs: 50 },
    });
    const [id = ''] = idsOf('threat', 1);
    const answer = await world.sync.live.record(keyOf('threat', id), MAX_AGE);
    expect(answer).toMatchObject({ stale: true, code: 'TIMEOUT', verifiedAt: null });
    await vi.waitFor(async () => expect(await held('threat', id)).not.toBeNull(), 200_000);
  });

  test('is cancelled for a caller who leaves', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT, simulator: { latencyMs: 200 } });
    const [id = ''] = idsOf('threat', 1);
    const gone = new AbortController();
    const impatient = world.sync.live.record(keyOf('threat', id), MAX_AGE, { signal: gone.signal });
    const patient = world.sync.live.record(keyOf('threat', id), MAX_AGE);
    gone.abort(new Error('gone'));
    await expect(impatient).rejects.toThrow('gone');
    expect(await patient).toMatchObject({ stale: false, live: true });
    expect(world.simulator.stats().requests).toBe(1);
  });
});

describe('a live read of a list', () => {
  const listThreats = (maxAge = MAX_AGE) => world.sync.live.list('threats', null, maxAge);

  test('updates it once for all waiting callers', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll();
    world.clock.advance(HOUR);
    world.simulator.resetStats();
    const answers = await Promise.all(Array.from({ length: 200 }, () => listThreats()));
    const now = toInstant(world.clock());
    expect(answers.every((answer) => !answer.stale && answer.verifiedAt === now && answer.live)).toBe(true);
    expect(world.simulator.stats().byKind['threats.list']).toEqual({ 200: 2 });
    const lists = await world.store.runs({ integrations: null, before: null, limit: 1 });
    expect(lists[0]).toMatchObject({ trigger: 'LIVE', status: 'SUCCEEDED' });
    const truth = truthOf(world.tenant, 'threat', now, shift(NOW, -DAY));
    const ids = new Set((await heldOf(world.store, 'threat')).keys());
    expect([...truth.keys()].filter((id) => !ids.has(id))).toEqual([]);
  });

  test('of a busy tenant costs little more than the new records, however often it is requested', async () => {
    const busy = {
      ...TENANT,
      from: '2026-03-31T00:00:00.000Z',
      to: '2026-04-01T00:00:00.000Z',
      threats: 1600,
    };
    world = await createTenantWorld({
      now: NOW,
      tenant: busy,
      settings: { backfillFrom: '2026-03-31T09:00:00.000Z' },
    });
    await world.poll('threats');
    const ids = async () => (await heldOf(world.store, 'threat')).size;
    const before = await ids();
    world.simulator.resetStats();
    for (let i = 0; i < 12; i += 1) {
      world.clock.advance(MAX_AGE + 1);
      expect(await listThreats()).toMatchObject({ stale: false, live: true });
    }
    const found = (await ids()) - before;
    const details = world.simulator.stats().byKind['threats.detail']?.[200] ?? 0;
    expect(found).toBeGreaterThan(50);
    // each once when it is new, once when it is remediated, and once more when it has settled
    expect(details).toBeLessThan(3 * found);
    const report = await world.poll('threats');
    expect(report.passes[0]?.streams[0]?.coverage.missingMs).toEqual({ PROVISIONAL: 15 * MINUTE });
    const settled = shift(toInstant(world.clock()), -15 * MINUTE);
    expect(await faultsOf(world, 'threat', settled, '2026-03-31T09:00:00.000Z')).toEqual([]);
  });

  test('just after another does not read again', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('threats');
    world.clock.advance(MAX_AGE);
    world.simulator.resetStats();
    expect(await listThreats()).toEqual({ stale: false, verifiedAt: NOW, live: false });
    expect(world.simulator.stats().requests).toBe(0);
  });

  test('without any collected data waits for the latest day, not for a month', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    expect(await listThreats()).toMatchObject({ stale: false, verifiedAt: NOW, live: true });
    const truth = truthOf(world.tenant, 'threat', NOW, shift(NOW, -DAY));
    const ids = new Set((await heldOf(world.store, 'threat')).keys());
    expect(truth.size).toBeGreaterThan(3);
    expect([...truth.keys()].filter((id) => !ids.has(id))).toEqual([]);
    const month = truthOf(world.tenant, 'threat', NOW, shift(NOW, -30 * DAY));
    expect(ids.size).toBeLessThan(month.size / 2);
  });

  test('joins a poll that reads what is new, and does not wait for the poll’s older gaps', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    let isOver = false;
    const poll = world.poll('threats').then(() => {
      isOver = true;
    });
    await vi.waitFor(() => expect(world.simulator.stats().requests).toBeGreaterThan(0), {
      timeout: 200_000,
      interval: 1,
    });
    const answer = await listThreats();
    expect(answer).toMatchObject({ stale: false, verifiedAt: NOW });
    expect(isOver).toBe(false);
    await poll;
    const runs = await world.store.runs({ integrations: null, before: null, limit: 10 });
    expect(runs.map(({ trigger }) => trigger)).toEqual(['POLL']);
  });

  test('returns stale data with the reason while Abnormal refuses, and repeats the request rarely', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('threats');
    world.clock.advance(HOUR);
    world.token.value = 'revoked';
    world.simulator.resetStats();
    for (let i = 0; i < 10; i += 1) {
      expect(await listThreats()).toMatchObject({ stale: true, verifiedAt: NOW, code: 'TOKEN_REJECTED' });
    }
    expect(world.simulator.stats().requests).toBe(1);
    world.token.value = world.simulator.token;
    world.clock.advance(MAX_AGE + 1);
    expect(await listThreats()).toMatchObject({ stale: false, live: true });
  });

  test('returns stale data if Abnormal fails, and retries soon', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    await world.poll('threats');
    world.clock.advance(HOUR);
    world.simulator.setFaults({ rules: [{ fault: { kind: 'serverError' } }] });
    expect(await listThreats()).toMatchObject({ stale: true, verifiedAt: NOW, code: 'SERVER_ERROR' });
    world.simulator.setFaults(null);
    expect(await listThreats()).toMatchObject({ stale: true, verifiedAt: NOW });
    world.clock.advance(world.settings.liveRetryMs + 1);
    expect(await listThreats()).toMatchObject({ stale: false, live: true });
  });

  test('of one account concerns only that account', async () => {
    world = await createTenantWorld({ now: NOW, tenant: TENANT });
    expect(await world.sync.live.list('cases', [INTEGRATION], MAX_AGE)).toMatchObject({ stale: false });
    expect(await world.sync.live.list('cases', ['former'], MAX_AGE)).toMatchObject({ stale: true });
    expect(await world.sync.live.list('cases', [], MAX_AGE)).toEqual({
      stale: false,
      verifiedAt: null,
      live: false,
    });
  });
});

test('concurrent live reads and polls produce one consistent history', async () => {
  world = await createTenantWorld({ now: NOW, tenant: TENANT });
  world.clock.perRequestMs = 100;
  const ids = idsOf('threat');
  const reads = async () => {
    for (let i = 0; i < 150; i += 1) {
      await world.sync.live.record(keyOf('threat', ids[(i * 7) % ids.length] ?? ''), 0);
      if (i % 30 === 0) await world.sync.live.list('threats', null, MINUTE);
    }
  };
  await Promise.all([world.poll('threats'), reads(), reads()]);
  for (const [id, { key }] of await heldOf(world.store, 'threat')) {
    const texts = (await historyOf(world.store, key)).map(({ received }) => received);
    expect([id, texts]).toEqual([id, texts.filter((text, i) => text !== texts[i - 1])]);
  }
});
