import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore, type SqliteOptions } from '../../../src/history/sqlite/store.js';
import { describeHistoryStore, type OpenedStore, RUNS } from '../history-store-suite.js';

async function openIn(options: SqliteOptions): Promise<OpenedStore> {
  const folder = await mkdtemp(join(tmpdir(), 'history-'));
  const path = join(folder, 'history.db');
  const open = () => openSqliteStore(path, 'write', options);
  let store = await open();
  return {
    store,
    reopen: async () => {
      await store.close();
      store = await open();
      return store;
    },
    manage: () => openSqliteStore(path, 'manage', options),
    dispose: async () => {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

describeHistoryStore('sqlite', () => openIn({}));

// a variant need not meet each random case again
const FEWER = Math.ceil(RUNS / 4);

// blocks of columns are joined all the time
const joined = { limits: { walk: 0, scan: 1, records: 1 }, blocks: { rows: 7, blocks: 3 } };
describeHistoryStore('sqlite', () => openIn(joined), FEWER);

// nothing is short enough for the event loop: whatever can go to the worker goes there
const elsewhere = { limits: { walk: 0, scan: -1, records: -1 }, cacheBytes: 10_000 };
describeHistoryStore('sqlite', () => openIn(elsewhere), FEWER);
