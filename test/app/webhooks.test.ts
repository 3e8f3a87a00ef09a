import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openCollector, openHistory } from '../../src/app/collector.js';
import { loadPolicy } from '../../src/app/policy-file.js';
import { runCommand } from '../../src/cli/run-command.js';
import { verifyHistory } from '../../src/evidence/verify/verify.js';
import { newWebhookSecret } from '../../src/integrations/webhook-secrets.js';
import { Playground } from '../support/app.js';
import { Receiver } from '../support/receiver.js';
import { batchOf, observeThreat, sampleThreat } from '../support/records.js';

const SECRET = newWebhookSecret();
let ground: Playground;
let receiver: Receiver;
let policy: string;

beforeEach(async () => {
  ground = new Playground();
  receiver = await new Receiver().start();
  policy = ground.history('policy.yaml').slice('sqlite:'.length);
});
afterEach(async () => {
  receiver.close();
  await ground.clear();
});

const declare = (name: string, events: string) =>
  writeFileSync(
    policy,
    `version: 1\nwebhooks:\n  ${name}: { url: "${receiver.url}", events: [${events}], secrets: [main] }\n`,
  );

const env = (more: Readonly<Record<string, string>> = {}) => ({
  POLICY: policy,
  WEBHOOK_SECRETS: `main=${SECRET}`,
  RECONCILE_EVERY: 'off',
  ...more,
});

test('a webhook of a policy that is changed at runtime begins with the present', async () => {
  writeFileSync(policy, 'version: 1\n');
  const { url } = await ground.start(env());
  await ground.collected(url);
  declare('chat', 'seal.created, threat.added');
  const { text } = { text: async () => (await fetch(`${url}/metrics`)).text() };
  while (!/webhook_deliveries_total\{webhook="chat",result="DELIVERED"\} 1/.test(await text()))
    await delay(100);
  const metrics = await text();
  expect(metrics).toMatch(/webhook_failing_since_timestamp_seconds\{webhook="chat"\} 0/);
  expect(metrics).toMatch(/webhook_dead_letters\{webhook="chat"\} 0/);
  expect(metrics).toMatch(/webhook_behind_batches\{webhook="chat"\} 0/);
  const [seal, ...more] = receiver.verified(SECRET);
  expect(seal).toMatchObject({
    type: 'seal.created',
    data: { hash: expect.any(String), seq: expect.any(Number) },
  });
  expect(more).toEqual([]);
  await ground.stop();
  const store = await openHistory(ground.config(), 'read', ground.options);
  const found = await verifyHistory(store, { publicKeys: null, mustBeSigned: false, held: [] });
  await store.close();
  expect(found).toMatchObject({ verdict: 'INTACT', findings: [] });
});

test('a collection without a server sends what waits before it ends', async () => {
  declare('siem', 'case.added');
  const collector = await openCollector(ground.config(env()), ground.options);
  collector.webhooks.usePolicy(() => loadPolicy(policy));
  await collector.webhooks.flush();
  await collector.sync.poll({ resources: ['cases'], signal: new AbortController().signal });
  expect(receiver.received).toEqual([]);
  await collector.close();
  const ids = receiver.verified(SECRET).map(({ type, data }) => [type, data.integration]);
  expect(ids).toEqual(Array.from({ length: 12 }, () => ['case.added', 'simulated']));
});

async function run(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await runCommand({
    arguments: ['webhooks', ...args],
    env: env({ HISTORY: ground.history(), ...more }),
    terminal: { out: { write: (text) => out.push(text) }, err: { write: (text) => err.push(text) } },
    stop: new AbortController().signal,
    clock: Date.now,
  });
  return { code, out: out.join(''), err: err.join('') };
}

/** A history whose webhook has one dead letter, and a message that waits for a day. */
async function withDeadLetter(): Promise<string> {
  const store = await openHistory(ground.config(), 'write', ground.options);
  const message = {
    id: 'msg_dead',
    type: 'threat.added',
    timestamp: '2026-03-02T08:00:00.000Z',
    data: { seq: 1 },
  };
  const since = '2026-03-02T08:00:00.000Z';
  const letters = [{ message, tries: 10, since, error: 'it responded with 500' }];
  await store.putDocument('settings', 'webhook-dead-siem', { letters }, 0);
  const place = { seq: 0, after: null, event: 0, seal: 0 };
  const retryAt = new Date(Date.now() + 86_400_000).toISOString();
  const failure = { id: 'msg_next', tries: 9, since, retryAt, error: 'it responded with 503' };
  await store.putDocument(
    'settings',
    'webhook-endpoint-siem',
    { place, failure, gone: null, lastSentAt: null },
    0,
  );
  await store.record(batchOf('b1', { observations: [observeThreat(sampleThreat('t-1'))] }));
  await store.close();
  return retryAt;
}

test('list says which webhooks fail, and replay sends dead letters until they are accepted', async () => {
  declare('siem', 'threat.added');
  const retryAt = await withDeadLetter();
  const before = await run(['list']);
  expect(before.code).toBe(1);
  expect(before.out).toMatch(
    /^siem +fails since 2026-03-02T08:00:00.000Z, 9 tries, next .*: it responded with 503 +- +1 +1$/m,
  );
  expect(JSON.parse((await run(['list', '--json'])).out)).toMatchObject([
    { name: 'siem', deadLetters: 1, behind: 1, failure: { tries: 9, retryAt } },
  ]);
  receiver.reply = 500;
  const failed = await run(['replay', 'siem']);
  expect(failed).toMatchObject({
    code: 1,
    out: expect.stringContaining('msg_dead threat.added not accepted'),
  });
  receiver.reply = 200;
  expect(await run(['replay', 'siem'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('1 of 1 accepted'),
  });
  expect(receiver.ids()).toEqual(['msg_dead', 'msg_dead']);
  expect(receiver.verified(SECRET)[1]).toMatchObject({ type: 'threat.added', data: { seq: 1 } });
  expect(await run(['replay', 'siem'])).toMatchObject({ code: 0, out: expect.stringContaining('0 of 0') });
  // the receiver works again, so what waits is sent at once
  const [{ failure }] = JSON.parse((await run(['list', '--json'])).out) as [{ failure: { retryAt: string } }];
  expect(failure.retryAt < new Date(Date.now() + 1000).toISOString()).toBe(true);
  const { url } = await ground.start(env({ HISTORY: ground.history() }));
  await receiver.until(3);
  expect(url).toBeTruthy();
  expect(receiver.verified(SECRET)[2]).toMatchObject({ type: 'threat.added', data: { id: 't-1' } });
});

test('test sends a signed message and says whether it was accepted', async () => {
  declare('siem', 'threat.added');
  await (await openHistory(ground.config(), 'write', ground.options)).close();
  expect(await run(['test', 'siem'])).toEqual({ code: 0, out: 'siem: accepted\n', err: '' });
  receiver.reply = 403;
  expect(await run(['test', 'siem'])).toMatchObject({
    code: 1,
    out: 'siem: not accepted: it responded with 403\n',
  });
  expect(receiver.verified(SECRET)[0]).toMatchObject({ type: 'webhook.test', data: { webhook: 'siem' } });
  expect(await run(['test', 'none'])).toMatchObject({
    code: 2,
    err: expect.stringContaining('Declared: siem'),
  });
  const missing = await run(['test', 'siem'], { WEBHOOK_SECRETS: '' });
  expect(missing).toMatchObject({ code: 1, out: expect.stringContaining('no webhook secret "main"') });
});

test('a stored secret is printed once and signs the next message', async () => {
  declare('siem', 'threat.added');
  await (await openHistory(ground.config(), 'write', ground.options)).close();
  const ENCRYPTION_KEY = Buffer.alloc(32, 'key of this test').toString('base64');
  const { code, out } = await run(['secret', 'main'], { ENCRYPTION_KEY, WEBHOOK_SECRETS: '' });
  expect(code).toBe(0);
  expect(await run(['test', 'siem'], { ENCRYPTION_KEY, WEBHOOK_SECRETS: '' })).toMatchObject({ code: 0 });
  expect(receiver.verified(out.trim())).toHaveLength(1);
  expect((await run(['secret'])).out).toMatch(/^whsec_[\w+/]{43}=\n$/);
  expect(await run(['secret', 'main'], { ENCRYPTION_KEY })).toMatchObject({ code: 1 });
  expect(await run(['secret', 'Main'], { ENCRYPTION_KEY })).toMatchObject({ code: 2 });
});
