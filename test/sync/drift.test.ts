import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { type DriftTally, driftOf, MOST_NAMES } from '../../src/model/drift.js';
import type { TenantOptions } from '../../src/simulator/options.js';
import { createDriftLog } from '../../src/sync/drift-log.js';
import { HOUR, shift, toInstant } from '../../src/values/instant.js';
import { createTenantWorld, heldOf, INTEGRATION, passOf, type World } from './harness.js';

const NOW = '2026-03-31T12:00:00.000Z';
const TENANT: TenantOptions = {
  seed: 'drift',
  ...{ from: '2026-03-25T00:00:00.000Z', to: '2026-04-30T00:00:00.000Z' },
  ...{ threats: 20, cases: 8, campaigns: 8 },
  shares: { missingThreats: 0, deletedThreats: 0, hugeThreats: 0 },
};

let world: World;
let logged: string[];
afterEach(() => world.close());

async function start(): Promise<void> {
  logged = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void logged.push(line) });
  world = await createTenantWorld({ now: NOW, tenant: TENANT, log });
}

/** What a campaign's detail is, and how Abnormal is to answer with it from now on, changed. */
function answerWith(changes: Record<string, unknown>): string {
  const campaign = [...world.tenant.truth(NOW)].find(({ kind }) => kind === 'campaign');
  if (!campaign) throw new Error('the tenant has no campaign');
  const body = JSON.stringify({ ...(campaign.payload as object), ...changes });
  const match = new RegExp(campaign.id);
  world.simulator.setFaults({ rules: [{ fault: { kind: 'status', status: 200, body }, match }] });
  return campaign.id;
}

async function tally(): Promise<DriftTally> {
  const document = await world.store.document('drift', INTEGRATION);
  return driftOf(document?.body ?? {});
}

const announced = () => logged.filter((line) => /unknown field|unknown value|no more unknown/.test(line));

test('unknown content from Abnormal is counted by name, logged once, and stops nothing', async () => {
  await start();
  const id = answerWith({ newField: 'secret', judgementStatus: 'Undecided' });
  const pass = passOf(await world.poll('campaigns'), 'campaigns');
  expect(pass).toMatchObject({ status: 'SUCCEEDED', counts: { quarantined: 0 } });
  const held = await heldOf(world.store, 'campaign');
  expect(held.get(id)?.record).toMatchObject({ judgementStatusRaw: 'Undecided' });
  expect(
    await world.store.received(
      { integration: INTEGRATION, kind: 'campaign', id },
      held.get(id)?.seqFrom ?? 0,
    ),
  ).toContain('"newField":"secret"');
  const first = await tally();
  const at = { count: 1, firstSeenAt: NOW, lastSeenAt: NOW };
  expect(first).toEqual({
    names: [
      { kind: 'VALUE', path: 'campaign.judgementStatus', value: 'Undecided', ...at },
      { kind: 'FIELD', path: 'campaign.newField', value: null, ...at },
    ],
    beyond: 0,
  });
  expect(announced()).toHaveLength(2);
  expect(logged.join()).not.toContain('secret');

  // after a restart too: counted on, and not told again
  world.clock.advance(HOUR);
  const again = world.restart();
  const key = { integration: INTEGRATION, kind: 'campaign', id } as const;
  await again.live.record(key, 0);
  await again.close();
  const lastSeenAt = toInstant(world.clock());
  expect((await tally()).names).toEqual(first.names.map((name) => ({ ...name, count: 2, lastSeenAt })));
  expect(announced()).toHaveLength(2);
});

test('a new name is visible while its pass is still running, and after a live read', async () => {
  await start();
  const id = answerWith({ one: 1 });
  await world.sync.live.record({ integration: INTEGRATION, kind: 'campaign', id }, 0);
  await expect.poll(async () => (await tally()).names.map(({ path }) => path)).toEqual(['campaign.one']);
});

test('ten thousand names are stored up to a bound, and the excess is reported', async () => {
  await start();
  const names = Array.from({ length: 10_000 }, (_, n) => [`field${n}`, n]);
  answerWith(Object.fromEntries(names));
  expect(passOf(await world.poll('campaigns'), 'campaigns').status).toBe('SUCCEEDED');
  const full = await tally();
  expect(full.names).toHaveLength(MOST_NAMES);
  expect(full.beyond).toBe(10_000 - MOST_NAMES);
  expect(announced()).toHaveLength(MOST_NAMES + 1);
  // others, later: no more names, no more lines
  world.clock.set(shift(NOW, 25 * HOUR));
  answerWith(Object.fromEntries(names.map(([name, n]) => [`other${name}`, n])));
  await world.poll('campaigns');
  expect((await tally()).names.map(({ path }) => path)).toEqual(full.names.map(({ path }) => path));
  expect((await tally()).beyond).toBeGreaterThanOrEqual(full.beyond);
  expect(announced()).toHaveLength(MOST_NAMES + 1);
});

test('concurrent counts are not lost', async () => {
  await start();
  const { store } = world;
  const log = pino({ level: 'silent' });
  const logs = [1, 2, 3].map(() => createDriftLog({ store, log }));
  const sighting = { kind: 'FIELD', path: 'case.x', value: null } as const;
  const rounds = Array.from({ length: 20 }, async () => {
    await Promise.all(
      logs.map(async (drift) => {
        drift.note(INTEGRATION, [sighting], NOW);
        await drift.writeNews(INTEGRATION);
        await drift.write();
      }),
    );
  });
  await Promise.all(rounds);
  await Promise.all(logs.map((drift) => drift.write()));
  expect((await tally()).names).toEqual([{ ...sighting, count: 60, firstSeenAt: NOW, lastSeenAt: NOW }]);
});

test('counts that cannot be written are kept for the next time, and no poll fails', async () => {
  await start();
  const { store } = world;
  const put = store.putDocument;
  store.putDocument = async () => Promise.reject(new Error('the disk is full'));
  answerWith({ late: 1 });
  expect(passOf(await world.poll('campaigns'), 'campaigns').status).toBe('SUCCEEDED');
  expect((await tally()).names).toEqual([]);
  expect(logged.join()).toContain('the disk is full');
  store.putDocument = put;
  await world.sync.close();
  expect((await tally()).names).toMatchObject([{ path: 'campaign.late' }]);
});

test('a message that cannot be read is missing from its threat and named', async () => {
  await start();
  const threat = [...world.tenant.truth(NOW)].find(({ kind }) => kind === 'threat');
  const payload = threat?.payload as { messages: Record<string, unknown>[] };
  const messages = [{ subject: 'without an id' }, ...payload.messages];
  const body = JSON.stringify({ ...payload, recipientCount: 2 ** 31, messages });
  const match = new RegExp(`^/threats/${threat?.id}\\?`);
  world.simulator.setFaults({ rules: [{ fault: { kind: 'status', status: 200, body }, match }] });
  const pass = passOf(await world.poll('threats'), 'threats');
  expect(pass).toMatchObject({ status: 'SUCCEEDED', counts: { quarantined: 0 } });
  const held = (await heldOf(world.store, 'threat')).get(threat?.id ?? '');
  expect(held?.record).toMatchObject({
    pagesComplete: false,
    recipientCount: null,
    unread: [
      `messages.${payload.messages.length}: neither abxMessageIdStr nor abxMessageId holds an id`,
      'recipientCount: not a whole number within ±2147483647',
    ],
  });
  const { record } = held ?? {};
  expect(record && 'messages' in record && record.messages).toHaveLength(payload.messages.length);
  const received = await world.store.received(
    { integration: INTEGRATION, kind: 'threat', id: threat?.id ?? '' },
    held?.seqFrom ?? 0,
  );
  expect(received).toContain('{"subject":"without an id"}');
  expect(received).toContain('"recipientCount":2147483648');
  const names = (await tally()).names.filter(({ kind }) => kind === 'UNREADABLE');
  expect(names.map(({ path }) => path).sort()).toEqual(['threat.messages[]', 'threat.recipientCount']);
  expect(logged.join('')).toContain('Abnormal sends a value that cannot be read');
});
