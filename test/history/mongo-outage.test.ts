import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { testMongo } from '../support/mongo.js';
import { faultsOf } from '../support/mongo-faults.js';
import { MongoProxy } from '../support/mongo-proxy.js';
import { batchOf, caseKey, ledgerEntry, observeCase, START, sampleCase } from '../support/records.js';

const mongo = await testMongo();

describe.skipIf(!mongo)('a history in MongoDB whose connection breaks', () => {
  let url: string;
  let proxy: MongoProxy;
  let store: HistoryStore;

  beforeEach(async () => {
    url = mongo?.freshUrl() ?? '';
    proxy = await MongoProxy.before(url);
    store = await openMongoStore(proxy.url, 'write');
  });
  afterEach(async () => {
    await store.close();
    await proxy.close();
    await mongo?.drop(url);
  });

  const batch = batchOf('the-batch', {
    observations: [observeCase(sampleCase('1')), observeCase(sampleCase('2'))],
    ledger: [ledgerEntry()],
  });

  it('records a batch once if the response to its commit is lost', async () => {
    proxy.loseAnswerTo('commitTransaction');
    expect(await store.record(batch)).toMatchObject({ seq: 1, added: 2 });
    expect(proxy.broken).toBe(1);
    expect(await store.record({ ...batch, observations: [] })).toMatchObject({ seq: 1, added: 2 });
    expect(await store.head()).toMatchObject({ seq: 1 });
    expect(await faultsOf(url)).toEqual([]);
  });

  it.each(['findAndModify', 'insert', 'commitTransaction'])(
    'records a batch once if it breaks before %s',
    async (command) => {
      proxy.breakBefore(command);
      expect(await store.record(batch)).toMatchObject({ seq: 1, added: 2 });
      expect(proxy.broken).toBe(1);
      expect(await store.head()).toMatchObject({ seq: 1 });
      expect(await faultsOf(url)).toEqual([]);
    },
  );

  it.each(['findAndModify', 'insert', 'commitTransaction'])(
    'records a batch once if the driver knows before %s that the connection is of no more use',
    async (command) => {
      proxy.breakNoticed(command);
      expect(await store.record(batch)).toMatchObject({ seq: 1, added: 2 });
      expect(await store.head()).toMatchObject({ seq: 1 });
      expect(await faultsOf(url)).toEqual([]);
    },
  );

  it('stores a document and a journal entry once if the response to the write is lost', async () => {
    for (const [command, write] of [
      ['insert', () => store.putDocument('settings', 'a', { n: 1 }, 0)],
      ['update', () => store.putDocument('settings', 'a', { n: 2 }, 1)],
      ['insert', () => store.append('audit', 1, START, { n: 1 })],
      ['delete', () => store.removeDocument('settings', 'a', 2)],
    ] as const) {
      proxy.loseAnswerTo(command);
      expect(await write()).toBe(true);
    }
    expect(proxy.broken).toBe(4);
    expect(await store.document('settings', 'a')).toBeNull();
    expect(await store.journalLength('audit')).toBe(1);
  });

  it('completes a read during which it breaks', async () => {
    await store.record(batch);
    proxy.loseAnswerTo('aggregate');
    expect(await store.get([caseKey('1')], 1)).toMatchObject([{ key: caseKey('1') }]);
    expect(proxy.broken).toBe(1);
  });

  it('reports that it cannot serve if the server is gone', async () => {
    await store.close();
    store = await openMongoStore(`${proxy.url}&serverSelectionTimeoutMS=1000`, 'write');
    await store.ping();
    await proxy.close();
    await expect(store.ping()).rejects.toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
    await expect(store.record(batch)).rejects.toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
    expect(await faultsOf(url)).toEqual([]);
  });

  it('waits with a write for a primary as long as the connection string says', async () => {
    await store.close();
    store = await openMongoStore(`${proxy.url}&serverSelectionTimeoutMS=3000`, 'write');
    await store.ping();
    await proxy.cut();
    const begun = performance.now();
    await expect(store.record(batch)).rejects.toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
    expect(performance.now() - begun).toBeGreaterThan(2_500);
  });

  it('waits with a write longer than an election of MongoDB takes, unless the connection string says less', async () => {
    await proxy.cut();
    const written = store.record(batch);
    // the servers begin an election after ten seconds without a primary
    await delay(12_000);
    await proxy.restore();
    expect(await written).toMatchObject({ seq: 1, added: 2 });
  }, 40_000);
});
