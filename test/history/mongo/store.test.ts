import { MongoClient } from 'mongodb';
import { describe, expect, it } from 'vitest';
import { openMongoStore } from '../../../src/history/mongo/store.js';
import { testMongo } from '../../support/mongo.js';
import { batchOf, observeCase, sampleCase } from '../../support/records.js';
import { describeHistoryStore } from '../history-store-suite.js';

const mongo = await testMongo();

describe.skipIf(!mongo)('', () => {
  describeHistoryStore('mongodb', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    let store = await openMongoStore(url, 'write');
    return {
      store,
      reopen: async () => {
        await store.close();
        store = await openMongoStore(url, 'write');
        return store;
      },
      manage: () => openMongoStore(url, 'manage'),
      dispose: async () => {
        await store.close();
        await mongo.drop(url);
      },
    };
  });

  it('counts the records without a time from the index of that time, without reading other records', async () => {
    if (!mongo) throw new Error('no MongoDB');
    const url = mongo.freshUrl();
    const store = await openMongoStore(url, 'write');
    const client = new MongoClient(url);
    const observations = Array.from({ length: 50 }, (_, n) =>
      observeCase(sampleCase(`case-${n}`, n < 3 ? { createdTime: null } : {})),
    );
    const { seq } = await store.record(batchOf('cases', { observations }));
    await client.db().command({ profile: 2 });
    const filter = { field: 'createdTime', eq: null };
    expect(await store.count({ kind: 'case', integrations: ['default'], filter, seq })).toBe(3);
    const [counted] = await client
      .db()
      .collection('system.profile')
      .find({ 'command.aggregate': 'revisions' })
      .toArray();
    // three, and at most a few more to see where each bound of the index ends
    expect(counted?.docsExamined).toBeLessThanOrEqual(3);
    expect(counted?.keysExamined).toBeLessThanOrEqual(3 + 3);
    expect(counted?.planSummary).toContain('f.createdTime');
    await client.close();
    await store.close();
    await mongo.drop(url);
  });
});
