import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/history/sqlite/connection.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import type { Observation } from '../../../src/model/revision.js';
import { batchOf, observeCase, observeThreat, sampleCase, sampleThreat } from '../../support/records.js';

const ALL_TO_WORKER = { limits: { walk: 0, scan: -1, records: -1 } };
const OPEN = { field: 'open', eq: true } as const;

describe('the query worker', () => {
  let folder: string;
  let path: string;
  let store: HistoryStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'history-'));
    path = join(folder, 'history.db');
    store = await openSqliteStore(path, 'write', ALL_TO_WORKER);
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it('sees what was committed just before', async () => {
    for (let n = 1; n <= 50; n += 1) {
      const observations = [observeCase(sampleCase(`case-${n}`))];
      const { seq } = await store.record(batchOf(`batch-${n}`, { observations }));
      expect(await store.count({ kind: 'case', integrations: null, seq, filter: OPEN })).toBe(n);
    }
  });

  it('gives each of many concurrent queries its own result', async () => {
    const observations = Array.from({ length: 40 }, (_, n) => observeCase(sampleCase(`case-${n}`)));
    const { seq } = await store.record(batchOf('one', { observations }));
    const counts = Array.from({ length: 40 }, (_, n) =>
      store.count({ kind: 'case', integrations: null, seq, filter: { field: 'id', lte: `case-${n}` } }),
    );
    const ids = observations.map(({ key }) => key.id);
    const expected = ids.map((last) => ids.filter((id) => id <= last).length);
    expect(await Promise.all(counts)).toEqual(expected);
  });

  it('aborts its query when the store is closed, and never ends the process', async () => {
    const many = Array.from({ length: 2_000 }, (_, n) => observeCase(sampleCase(`case-${n}`)));
    const { seq } = await store.record(batchOf('one', { observations: many }));
    const words = Array.from({ length: 100 }, (_, n) => ({ field: 'description', contains: `no word ${n}` }));
    const filter = { not: { or: words } };
    const query = { kind: 'case', integrations: null, seq, filter } as const;
    // it starts, opens the file, or counts
    for (let delay = 0; delay < 500; delay += 50) {
      const reader = await openSqliteStore(path, 'read', ALL_TO_WORKER);
      const asked = Promise.allSettled(Array.from({ length: 20 }, () => reader.count(query)));
      await setTimeout(delay);
      await reader.close();
      for (const answer of await asked) {
        if (answer.status === 'fulfilled') expect(answer.value).toBe(2_000);
        else expect(answer.reason).toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
      }
    }
  });

  it('makes open queries fail with a store error when the store is closed', async () => {
    await store.record(batchOf('one', { observations: [observeCase(sampleCase('1'))] }));
    const query = { kind: 'case', integrations: null, seq: 1, filter: OPEN } as const;
    const asked = store.count(query).then(
      (count) => count,
      (error: unknown) => error,
    );
    await store.close();
    expect(await asked).toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
    await expect(store.count(query)).rejects.toMatchObject({ name: 'HistoryError', code: 'UNAVAILABLE' });
  });
});

describe('recording in SQLite', () => {
  it('joins the blocks of batches that two threads wrote, and of none that failed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'history-'));
    const path = join(folder, 'history.db');
    const options = { limits: { walk: 0, scan: -1, records: 3 }, blocks: { rows: 40, blocks: 6 } };
    const store = await openSqliteStore(path, 'write', options);
    const sizes = [9, 9, 9, 9, 9, 2, 9, 9, 9, 9, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9];
    let [n, seq] = [0, 0];
    for (const [i, size] of sizes.entries()) {
      const observations = Array.from({ length: size }, () => observeCase(sampleCase(`case-${++n}`)));
      const bad = { ...observeCase(sampleCase(`bad-${i}`)), received: undefined } as unknown as Observation;
      await expect(
        store.record(batchOf(`bad-${i}`, { observations: [...observations, bad] })),
      ).rejects.toThrow();
      seq = (await store.record(batchOf(`batch-${i}`, { observations }))).seq;
      const count = {
        kind: 'case',
        integrations: null,
        seq,
        filter: { not: { field: 'id', eq: '' } },
      } as const;
      expect(await store.count(count)).toBe(n);
    }
    const faults = [];
    for await (const fault of store.checkDerived(seq)) faults.push(fault);
    expect(faults).toEqual([]);
    await store.close();
    const connection = new Connection(path, 'read');
    const [large] = connection.first("SELECT count(*) FROM column_blocks WHERE name = '$rows'") ?? [];
    expect(Number(large)).toBeGreaterThan(2);
    connection.close();
    await rm(folder, { recursive: true });
  });

  it('stores nothing of a batch if one record cannot be stored', async () => {
    const store = await openSqliteStore(':memory:', 'write');
    const good = observeCase(sampleCase('1'));
    const worse: unknown[] = [
      { ...observeThreat(sampleThreat('t1')), record: { threatId: 't1', messages: null } },
      { ...good, received: undefined },
      { ...good, key: { integration: 'default', kind: 'case', id: 'cut\0here' } },
      { ...good, key: { integration: 'default', kind: 'incident', id: '2' } },
    ];
    for (const bad of worse) {
      const observations = [observeCase(sampleCase('0'), { integration: 'new' }), bad as Observation, good];
      await expect(store.record(batchOf('bad', { observations }))).rejects.toThrow();
      expect((await store.head()).seq).toBe(0);
    }
    const recorded = await store.record(batchOf('bad', { observations: [good] }));
    expect(recorded).toMatchObject({ seq: 1, added: 1 });
    const list = { kind: 'case', integrations: null, filter: null, seq: 1 } as const;
    const page = await store.page({ ...list, orderBy: 'id', descending: false, after: null, limit: 9 });
    expect(page.items.map(({ position }) => position)).toEqual([
      { value: '1', integration: 'default', id: '1' },
    ]);
    expect(
      await store.changes({
        ...list,
        afterSeq: 0,
        toSeq: 1,
        kinds: ['case', 'threat'],
        after: null,
        limit: 9,
      }),
    ).toHaveLength(1);
    await store.close();
  });
});
