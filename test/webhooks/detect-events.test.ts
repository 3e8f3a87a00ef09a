import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/history/open-store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { noteEnvironmentToken } from '../../src/integrations/token-history.js';
import { applyPolicy } from '../../src/policy/policy.js';
import { readPolicy } from '../../src/policy/read-policy.js';
import { DAY, HOUR, toInstant } from '../../src/values/instant.js';
import { Secret } from '../../src/values/secret.js';
import { detectEvents } from '../../src/webhooks/detect-events.js';
import { testMongo } from '../support/mongo.js';
import { batchOf, START, streamState } from '../support/records.js';

const mongo = await testMongo();
const STORES: [name: string, url: () => string][] = [
  ['sqlite', () => 'sqlite::memory:'],
  ...(mongo ? [['mongodb', () => mongo.freshUrl()] as [string, () => string]] : []),
];

describe.each(STORES)('events that follow from time, in %s', (_name, freshUrl) => {
  let url: string;
  let store: HistoryStore;
  let now: number;
  let text: string;
  let batches: number;

  beforeEach(async () => {
    url = freshUrl();
    store = await openStore(url, 'write');
    now = Date.parse(START);
    text = 'version: 1\n';
    batches = 0;
  });
  afterEach(async () => {
    await store.close();
    if (url.startsWith('mongodb')) await mongo?.drop(url);
  });

  const detect = (of = store) =>
    detectEvents({
      ...{ store: of, clock: () => now, integrations: () => ['default'] },
      rules: () => {
        const result = readPolicy(text);
        if (!result.ok) throw new Error(JSON.stringify(result.problems));
        return applyPolicy(result.policy);
      },
    });
  const stream = (changes: Parameters<typeof streamState>[0]) => {
    batches += 1;
    return store.record(batchOf(`b${batches}`, { now: toInstant(now), streams: [streamState(changes)] }));
  };
  const events = async () => {
    const entries = await store.journal({ journal: 'events', from: null, descending: false, limit: 100 });
    return entries.map(({ body }) => body);
  };

  test('a collection is stale after a missed poll, once, and recovers', async () => {
    await stream({});
    await detect();
    now += 4 * HOUR;
    await detect();
    expect(await events()).toEqual([]);
    now += HOUR;
    await detect();
    await detect();
    await stream({ lastAttemptAt: toInstant(now), lastSuccessAt: toInstant(now) });
    await detect();
    expect(await events()).toEqual([
      {
        ...{ type: 'collection.stale', seq: 1 },
        data: {
          ...{ integration: 'default', resource: 'threats', filterKey: 'receivedTime', status: 'OK' },
          lastSuccessAt: START,
        },
      },
      expect.objectContaining({ type: 'collection.recovered', seq: 2 }),
    ]);
  });

  test('a stream without a licence is not stale, nor one of an account that is no longer collected', async () => {
    await stream({ status: 'NOT_LICENSED', lastSuccessAt: null });
    await stream({ integration: 'gone' });
    now += 9 * DAY;
    await detect();
    expect(await events()).toEqual([]);
  });

  test('a token is due in time, with each further state', async () => {
    await noteEnvironmentToken(store, new Secret('tok-0123456789abcdef'), () => now);
    await stream({});
    await detect();
    expect(await events()).toEqual([]);
    now += 77 * DAY;
    await detect();
    now += 14 * DAY;
    await detect();
    const due = (await events()).filter(({ type }) => type === 'token.due');
    expect(due.map(({ data }) => data)).toEqual([
      { integration: 'default', state: 'EXPIRING', replaceBy: toInstant(Date.parse(START) + 90 * DAY) },
      { integration: 'default', state: 'ROTATION_DUE', replaceBy: toInstant(Date.parse(START) + 90 * DAY) },
    ]);
  });

  test('a waiver is about to end, and has ended, also when its number has changed', async () => {
    const waiver = (id: string, expires: string) =>
      `- { control: attacks-remediated, subject: { record: "${id}" }, reason: r, owner: o, ticket: T-${id}, from: 2026-02-01, expires: ${expires} }\n`;
    text += `waivers:\n${waiver('1', '2026-12-01')}${waiver('2', '2026-03-10')}`;
    await stream({});
    await detect();
    text = text.replace(/^- .*"1".*\n/m, '');
    await detect();
    now += 9 * DAY;
    await detect();
    const said = (await events()).filter(({ type }) => type === 'waiver.expiring');
    expect(said.map(({ data }) => data)).toEqual([
      ...[
        { state: 'EXPIRING', waiver: 2 },
        { state: 'EXPIRED', waiver: 1 },
      ].map((each) => ({
        ...{ ...each, control: 'attacks-remediated', ticket: 'T-2', expires: '2026-03-10T00:00:00.000Z' },
      })),
    ]);
  });

  test('two processes that look at once write an event once, and a killed one leaves none out', async () => {
    await stream({});
    await detect();
    now += 9 * HOUR;
    await Promise.all([detect(), detect(), detect()]);
    expect(await events()).toHaveLength(1);
    now += HOUR;
    await stream({ lastAttemptAt: toInstant(now), lastSuccessAt: toInstant(now) });
    // the process ends between the two writes
    const killed = new Proxy(store, {
      get: (target, name) =>
        name === 'append'
          ? () => Promise.reject(new Error('killed'))
          : (Reflect.get(target, name) as unknown as () => unknown).bind(target),
    });
    await expect(detect(killed)).rejects.toThrow('killed');
    expect(await events()).toHaveLength(1);
    await detect();
    await detect();
    expect((await events()).map(({ type }) => type)).toEqual(['collection.stale', 'collection.recovered']);
  });
});
