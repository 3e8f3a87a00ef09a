import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheBytesOf } from '../../../src/history/sqlite/revisions.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import { CACHE_BYTES, caches } from '../../../src/values/bounded-cache.js';
import { batchOf, observeThreat, sampleThreat, threatKey } from '../../support/records.js';

const MIB = 1024 * 1024;
const IDS = Array.from({ length: 20 }, (_, n) => `t${n}`);
const KEYS = IDS.map((id) => threatKey(id));
const CHANGES = {
  afterSeq: 0,
  toSeq: 1,
  kinds: ['threat'],
  integrations: null,
  after: null,
  limit: 100,
} as const;
const PAGE = { kind: 'threat', integrations: null, filter: null, seq: 1, orderBy: 'id' } as const;

/** What all caches of decoded revisions hold: those of other stores of this process do not change. */
const keptBytes = () =>
  caches()
    .filter(({ cache }) => cache === 'sqliteRevisions')
    .reduce((sum, { bytes }) => sum + bytes, 0);

describe('decoded revisions', () => {
  let folder = '';
  let store: HistoryStore;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-kept-'));
    store = await openSqliteStore(join(folder, 'history.db'), 'write');
    await store.record(batchOf('b1', { observations: IDS.map((id) => observeThreat(sampleThreat(id))) }));
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['what was written', () => store.changes(CHANGES)],
    [
      'all versions',
      async () => {
        for await (const _ of store.versions(KEYS, 1));
      },
    ],
    ['a window of records', () => store.get(KEYS, 1, true)],
  ])('are not kept for a walk through %s, however often', async (_, walk) => {
    const before = keptBytes();
    for (let times = 0; times < 3; times += 1) await walk();
    expect(keptBytes()).toBe(before);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a page', () => store.page({ ...PAGE, descending: false, after: null, limit: 10 })],
    ['records by their keys', () => store.get(KEYS.slice(10), 1)],
  ])('are kept if %s is read a second time', async (_, read) => {
    const before = keptBytes();
    await read();
    expect(keptBytes()).toBe(before);
    await read();
    expect(keptBytes()).toBeGreaterThan(before);
  });

  it('take a whole number of bytes, whatever the heap is', () => {
    for (let mib = 64; mib <= 4_096; mib += 1) expect(cacheBytesOf(mib * MIB) % 1, `${mib} MiB`).toBe(0);
    expect(cacheBytesOf(240 * MIB + 1.5) % 1).toBe(0);
  });

  it('take what a heap has to spare, within bounds', () => {
    expect(cacheBytesOf(120 * MIB)).toBe(16 * MIB);
    expect(cacheBytesOf(240 * MIB)).toBe(48 * MIB);
    expect(cacheBytesOf(280 * MIB)).toBe(CACHE_BYTES.sqliteRevisions);
    expect(cacheBytesOf(4096 * MIB)).toBe(CACHE_BYTES.sqliteRevisions);
  });
});
