import { describe } from 'vitest';
import { openMongoStore } from '../../src/history/mongo-store.js';
import { testMongo } from '../support/mongo.js';
import { describeHistoryStore } from './history-store-suite.js';

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
});
