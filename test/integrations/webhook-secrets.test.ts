import { randomBytes } from 'node:crypto';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { createCipher } from '../../src/integrations/encryption.js';
import { newWebhookSecret, WebhookSecrets, webhookKey } from '../../src/integrations/webhook-secrets.js';
import { Secret } from '../../src/values/secret.js';

const [KEY, NEXT] = [randomBytes(32), randomBytes(32)];
const CONTENT = { id: 'msg_1', timestamp: Math.floor(Date.now() / 1000), body: '{"type":"webhook.test"}' };

let store: HistoryStore;
beforeEach(async () => {
  store = await openStore('sqlite::memory:', 'write');
});
afterEach(() => store.close());

const secretsWith = (...keys: Buffer[]) => {
  const [current, ...older] = keys;
  return new WebhookSecrets({
    ...{ store, clock: Date.now, cipher: current ? createCipher([current, ...older]) : null },
    fixed: new Map([['fixed', new Secret(newWebhookSecret())]]),
  });
};

function isAccepted(secret: string, signature: string): boolean {
  const headers = { 'webhook-id': CONTENT.id, 'webhook-timestamp': String(CONTENT.timestamp) };
  try {
    new Webhook(secret).verify(CONTENT.body, { ...headers, 'webhook-signature': signature });
    return true;
  } catch {
    return false;
  }
}

test('a stored secret signs what the library of the specification accepts, and is stored encrypted', async () => {
  const secrets = secretsWith(KEY);
  const secret = await secrets.create('siem');
  expect(isAccepted(secret, await secrets.sign(['siem'], CONTENT))).toBe(true);
  expect(isAccepted(secret, await secrets.sign(['fixed'], CONTENT))).toBe(false);
  expect(isAccepted(secret, await secrets.sign(['fixed', 'siem'], CONTENT))).toBe(true);
  expect(JSON.stringify(await store.documents('settings'))).not.toContain(secret.slice(6));
});

test('a secret survives a change of the encryption key', async () => {
  const secret = await secretsWith(KEY).create('siem');
  await expect(secretsWith(NEXT).sign(['siem'], CONTENT)).rejects.toThrow(/cannot be decrypted/);
  expect(await secretsWith(NEXT, KEY).reseal()).toEqual({ resealed: 1, current: 0 });
  expect(await secretsWith(NEXT, KEY).reseal()).toEqual({ resealed: 0, current: 1 });
  expect(isAccepted(secret, await secretsWith(NEXT).sign(['siem'], CONTENT))).toBe(true);
});

test('a secret that is missing or cannot be stored is an error that says what to do', async () => {
  const secrets = secretsWith(KEY);
  await expect(secrets.sign(['none'], CONTENT)).rejects.toThrow(
    /no webhook secret "none".*webhooks secret none/,
  );
  await expect(secrets.create('Not a name')).rejects.toThrow(/cannot be a secret's name/);
  await expect(secrets.create('fixed')).rejects.toThrow(/WEBHOOK_SECRETS has the secret "fixed" already/);
  await expect(secretsWith().create('other')).rejects.toThrow(/ENCRYPTION_KEY is not set/);
});

test('only what the specification allows is a secret', () => {
  expect(webhookKey(newWebhookSecret())).toHaveLength(32);
  for (const [bytes, isRight] of [
    [23, false],
    [24, true],
    [64, true],
    [65, false],
  ] as const) {
    const text = `whsec_${Buffer.alloc(bytes, 7).toString('base64')}`;
    expect(webhookKey(text) !== null, text).toBe(isRight);
  }
  expect(webhookKey(newWebhookSecret().slice(6))).toBeNull();
  expect(webhookKey('whsec_not base64 at all, but long enough')).toBeNull();
});
