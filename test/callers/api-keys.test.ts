import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiKeys, KEY_CACHE_MS, parseKey, stateOf } from '../../src/callers/api-keys.js';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { DAY, MINUTE, toInstant } from '../../src/values/instant.js';

let folder: string;
let now: number;
let gateway: HistoryStore;
let keys: ApiKeys;
/** Another process' view, such as a command's beside the gateway. */
let beside: HistoryStore;
let besideKeys: ApiKeys;

const log = pino({ level: 'silent' });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-keys-'));
  now = Date.parse('2026-05-04T10:00:00Z');
  const url = `sqlite:${join(folder, 'history.db')}`;
  gateway = await openStore(url, 'write');
  beside = await openStore(url, 'manage');
  keys = new ApiKeys({ store: gateway, clock: () => now, log });
  besideKeys = new ApiKeys({ store: beside, clock: () => now, log });
});

afterEach(async () => {
  await keys.close();
  await besideKeys.close();
  await Promise.all([gateway.close(), beside.close()]);
  await rm(folder, { recursive: true });
});

function show(text: string, to = keys) {
  const parts = parseKey(text);
  if (!parts) throw new Error('no key');
  return to.callerOf(parts);
}

test('a key admits its owner with the role of the key', async () => {
  const { key, text } = await keys.create('dashboard', 'operator', null);
  expect(await show(text)).toEqual({ kind: 'API_KEY', id: key.id, name: 'dashboard', role: 'operator' });
});

test('a key that a command creates works in the running gateway', async () => {
  expect(await keys.areThere()).toBe(false);
  const { text } = await besideKeys.create('dashboard', 'reader', null);
  now += KEY_CACHE_MS;
  expect(await keys.areThere()).toBe(true);
  expect(await show(text)).toMatchObject({ name: 'dashboard', role: 'reader' });
});

describe('a request is refused with', () => {
  test('a key that was never created', async () => {
    const stranger = await openStore('sqlite::memory:', 'write');
    const { text } = await new ApiKeys({ store: stranger, clock: () => now, log }).create('x', 'admin', null);
    expect(await show(text)).toBe('UNKNOWN');
    await stranger.close();
  });

  test('a secret under the id of another key', async () => {
    const { key } = await keys.create('mine', 'admin', null);
    const { text } = await keys.create('other', 'reader', null);
    const hash = parseKey(text)?.hash ?? Buffer.alloc(0);
    expect(await keys.callerOf({ id: key.id, hash })).toBe('WRONG');
  });

  test('a key from its expiry instant on', async () => {
    const { key, text } = await keys.create('short', 'reader', DAY);
    now += DAY - 1;
    expect(await show(text)).toMatchObject({ kind: 'API_KEY' });
    now += 1;
    expect(await show(text)).toBe('EXPIRED');
    expect(stateOf(key, toInstant(now))).toBe('EXPIRED');
  });

  test('a revoked key, immediately in the same process', async () => {
    const { key, text } = await keys.create('gone', 'reader', null);
    expect(await show(text)).toMatchObject({ id: key.id });
    expect(await keys.revoke(key.id)).toMatchObject({ revokedAt: toInstant(now) });
    expect(await show(text)).toBe('REVOKED');
  });

  test('a key that another process revoked, after at most two seconds', async () => {
    const { key, text } = await keys.create('gone', 'reader', null);
    expect(await show(text)).toMatchObject({ id: key.id });
    await besideKeys.revoke(key.id);
    now += KEY_CACHE_MS - 1;
    expect(await show(text)).toMatchObject({ id: key.id });
    now += 1;
    expect(await show(text)).toBe('REVOKED');
  });
});

test('a revoked key keeps its revocation time, and the gateway stays closed', async () => {
  const { key } = await keys.create('gone', 'reader', null);
  const first = await keys.revoke(key.id);
  now += DAY;
  expect(await keys.revoke(key.id)).toEqual(first);
  expect(await besideKeys.areThere()).toBe(true);
  expect(await keys.revoke('000000000000')).toBeNull();
});

test('the list shows everything except the keys', async () => {
  const made = [];
  for (const name of ['a', 'b', 'c']) {
    made.push(await keys.create(name, 'reader', name === 'b' ? DAY : null));
    now += 1;
  }
  const list = await keys.list();
  expect(list).toEqual(made.map(({ key }) => key));
  for (const { text } of made) expect(JSON.stringify(list)).not.toContain(text.slice(17, 60));
});

describe('the time of last use', () => {
  test('is stored at most once a minute', async () => {
    const { key, text } = await keys.create('used', 'reader', null);
    const begin = now;
    for (const after of [0, 1_000, 30_000, MINUTE - 1]) {
      now = begin + after;
      await show(text);
      await keys.close();
    }
    expect(await keys.list()).toMatchObject([{ lastUsedAt: toInstant(begin) }]);
    expect((await gateway.document('apiKeys', key.id))?.version).toBe(2);
    now = begin + MINUTE;
    await show(text);
    await keys.close();
    expect(await keys.list()).toMatchObject([{ lastUsedAt: toInstant(now) }]);
  });

  test('never undoes a concurrent revocation', async () => {
    const { key, text } = await keys.create('used', 'reader', null);
    await show(text);
    await besideKeys.revoke(key.id);
    await keys.close();
    now += KEY_CACHE_MS;
    expect(await show(text)).toBe('REVOKED');
  });

  test('is skipped if it cannot be written', async () => {
    const { text } = await keys.create('used', 'reader', null);
    const failing = {
      document: gateway.document.bind(gateway),
      documents: gateway.documents.bind(gateway),
      putDocument: () => Promise.reject(new Error('read-only')),
    };
    const readOnly = new ApiKeys({ store: failing, clock: () => now, log });
    expect(await show(text, readOnly)).toMatchObject({ name: 'used' });
    await readOnly.close();
  });
});

test('the files of the history contain no part of a secret', async () => {
  const { text } = await keys.create('secret', 'reader', null);
  await show(text);
  await keys.close();
  const files = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name))));
  const all = Buffer.concat(files);
  expect(all.includes('"secret"')).toBe(true);
  expect(all.includes(text.slice(17, 60))).toBe(false);
  expect(all.includes(Buffer.from(text.slice(17, 60), 'base64url'))).toBe(false);
});
