import { OracleStore } from '../support/oracle-store.js';
import { describeHistoryStore } from './history-store-suite.js';

describeHistoryStore('oracle', async () => {
  const store = new OracleStore(Date.now);
  return {
    ...{ store, reopen: async () => store.reopen(), manage: async () => store },
    dispose: () => store.close(),
  };
});
