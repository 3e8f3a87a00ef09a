import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ApiKeys, KEY_OUTAGE_MS } from '../../src/callers/api-keys.js';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { watchReads } from '../../src/history/watch-reads.js';
import { Playground } from '../support/app.js';
import { testMongo } from '../support/mongo.js';
import { MongoProxy } from '../support/mongo-proxy.js';
import { batchOf, caseKey, observeCase, sampleCase } from '../support/records.js';

const mongo = await testMongo();
const LIST = '{ threats(first: 1, maxAge: 86400) { nodes { threatId } } }';

/** A caller waits for at most 2.5 s while the database is away; the rest is for a busy machine. */
const PATIENCE_MS = 6_000;

let url: string;
let proxy: MongoProxy;

beforeEach(async () => {
  url = mongo?.freshUrl() ?? '';
  proxy = await MongoProxy.before(url);
});
afterEach(async () => {
  await proxy.close();
  await mongo?.drop(url);
});

async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; result: T }> {
  const begin = performance.now();
  const result = await work();
  return { result, ms: performance.now() - begin };
}

describe.skipIf(!mongo)('reads of a database that does not respond', () => {
  let store: HistoryStore;
  let watched: HistoryStore;

  beforeEach(async () => {
    store = await openMongoStore(proxy.url, 'write');
    await store.record(batchOf('1', { observations: [observeCase(sampleCase('1'))] }));
    watched = watchReads(store).store;
  });
  afterEach(() => store.close());

  const outcome = () =>
    timed(() =>
      watched.get([caseKey('1')], 1).then(
        () => 'answered',
        (error: { code: string }) => error.code,
      ),
    );

  test('fail within three seconds, then almost at once, and succeed as soon as it is back', async () => {
    proxy.stall();
    const first = await outcome();
    expect(first).toMatchObject({ result: 'UNAVAILABLE' });
    expect(first.ms).toBeLessThan(PATIENCE_MS);
    const later = await Promise.all(Array.from({ length: 50 }, outcome));
    expect(new Set(later.map(({ result }) => result))).toEqual(new Set(['UNAVAILABLE']));
    expect(Math.max(...later.map(({ ms }) => ms))).toBeLessThan(PATIENCE_MS / 2);
    proxy.resume();
    await expect.poll(async () => (await outcome()).result, { timeout: 30_000 }).toBe('answered');
    expect((await outcome()).result).toBe('answered');
  });

  test('are waited for if it is only slow', async () => {
    proxy.slow('revisions', 4_000);
    const { result, ms } = await outcome();
    expect(result).toBe('answered');
    expect(ms).toBeGreaterThan(3_900);
  });

  test('of many parts fail in the same time', async () => {
    proxy.stall();
    const all = async () => {
      for await (const part of watched.confirmations()) expect(part).toBeDefined();
    };
    const { ms, result } = await timed(() => all().catch((error: { code: string }) => error.code));
    proxy.resume();
    expect(result).toBe('UNAVAILABLE');
    expect(ms).toBeLessThan(PATIENCE_MS);
  });
});

describe.skipIf(!mongo)('a gateway whose database is away', () => {
  let playground: Playground;
  let manager: HistoryStore;
  let keys: ApiKeys;
  let now: number;

  beforeEach(async () => {
    playground = new Playground();
    manager = await openMongoStore(url, 'manage');
    now = Date.now();
    keys = new ApiKeys({ store: manager, clock: Date.now, log: pino({ level: 'silent' }) });
  });
  afterEach(async () => {
    await keys.close();
    await manager.close();
    await playground.clear();
  });

  const start = (env: Record<string, string> = {}, options = playground.options) =>
    playground.start({ HISTORY: proxy.url, RECONCILE_EVERY: 'off', ...env }, options);

  async function ask(gateway: string, headers: Record<string, string> = {}) {
    return timed(async () => {
      const response = await fetch(`${gateway}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: LIST }),
      });
      const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
      return errors?.[0]?.extensions.code ?? 'answered';
    });
  }

  test('fails reads within three seconds and reports the outage, also to callers with a key', async () => {
    const { url: gateway } = await start({}, { ...playground.options, clock: () => now });
    await playground.collected(gateway);
    const { text } = await keys.create('dashboard', 'reader', null);
    const { text: unseen } = await keys.create('unseen', 'reader', null);
    now += 2_000;
    expect((await ask(gateway, { 'x-api-key': text })).result).toBe('answered');

    proxy.stall();
    now += 2_000;
    const ready = await timed(async () => (await fetch(`${gateway}/readyz`)).status);
    expect(ready.result).toBe(503);
    expect(ready.ms).toBeLessThan(PATIENCE_MS);
    const answers = await Promise.all([text, text, unseen].map((key) => ask(gateway, { 'x-api-key': key })));
    expect(answers.map(({ result }) => result)).toEqual([
      ...['HISTORY_UNAVAILABLE', 'HISTORY_UNAVAILABLE', 'AUTHENTICATION_UNAVAILABLE'],
    ]);
    for (const { ms } of answers) expect(ms).toBeLessThan(PATIENCE_MS);
    now += KEY_OUTAGE_MS;
    expect((await ask(gateway, { 'x-api-key': text })).result).toBe('AUTHENTICATION_UNAVAILABLE');

    proxy.resume();
    const answer = async () => (await ask(gateway, { 'x-api-key': text })).result;
    await expect.poll(answer, { timeout: 30_000 }).toBe('answered');
    expect((await fetch(`${gateway}/readyz`)).status).toBe(200);
  });

  test('fails the read that meets the outage first within three seconds', async () => {
    const { url: gateway } = await start();
    await playground.collected(gateway);
    proxy.stall();
    const { result, ms } = await ask(gateway);
    expect(result).toBe('HISTORY_UNAVAILABLE');
    expect(ms).toBeLessThan(PATIENCE_MS);
    proxy.resume();
  });

  test('collects again within seconds after the database is back, and leaves no run open', async () => {
    // the wait for a primary that the URL gives: each poll meets the outage
    await proxy.close();
    proxy = await MongoProxy.before(url, '&serverSelectionTimeoutMS=1000');
    const { url: gateway } = await start({ POLL_CASES_EVERY: '1m' });
    for (;;) {
      if ((await manager.runs({ integrations: null, before: null, limit: 1 })).length > 0) break;
      await delay(10);
    }
    await proxy.cut();
    await delay(6_000);
    await proxy.restore();
    const { ms } = await timed(() => playground.collected(gateway));
    expect(ms).toBeLessThan(15_000);
    const runs = await manager.runs({ integrations: null, before: null, limit: 100 });
    expect(runs.filter(({ status }) => status === 'RUNNING')).toEqual([]);
  });
});
