import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Connection } from '../../../src/history/sqlite/connection.js';
import { SCHEMA_VERSION } from '../../../src/history/sqlite/schema.js';
import { openSqliteStore } from '../../../src/history/sqlite/store.js';
import type { HistoryStore } from '../../../src/history/store.js';
import {
  batchOf,
  campaignKey,
  observeCampaign,
  observeCase,
  observeThreat,
  START,
  sampleCampaign,
  sampleCase,
  sampleThreat,
  threatKey,
} from '../../support/records.js';

const UNUSABLE = { name: 'HistoryError', code: 'UNUSABLE' };
const UNAVAILABLE = { name: 'HistoryError', code: 'UNAVAILABLE' };

describe("a history's SQLite file", () => {
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'history-'));
    path = join(folder, 'history.db');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('is created with its folder, whatever its name', async () => {
    const odd = join(folder, 'not there', '50% of a?b#c.db');
    const store = await openSqliteStore(odd, 'write');
    await store.record(batchOf('first'));
    await store.close();
    expect((await readFile(odd)).subarray(0, 15).toString()).toBe('SQLite format 3');
    const reader = await openSqliteStore(odd, 'read');
    expect((await reader.head()).seq).toBe(1);
    await reader.close();
  });

  it('is not created by a reader', async () => {
    await expect(openSqliteStore(path, 'read')).rejects.toMatchObject(UNAVAILABLE);
    await expect(openSqliteStore(path, 'read')).rejects.toThrow(/no history at .*history\.db/);
    await expect(readFile(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is not there for a reader while it is empty or has only begun to be created', async () => {
    await writeFile(path, '');
    await expect(openSqliteStore(path, 'read')).rejects.toThrow(`there is no history at ${path}`);
    change(path, 'PRAGMA journal_mode = WAL');
    await expect(openSqliteStore(path, 'read')).rejects.toThrow(`there is no history at ${path}`);
    await (await openSqliteStore(path, 'write')).close();
    await (await openSqliteStore(path, 'read')).close();
  });

  it('is completed by a writer, not by a reader, if the process that created it was killed', async () => {
    for (const mode of ['write', 'manage'] as const) {
      await rm(path, { force: true });
      await leaveHalfWritten(path);
      await expect(openSqliteStore(path, 'read')).rejects.toThrow(`there is no history at ${path}`);
      await (await openSqliteStore(path, mode)).close();
      await (await openSqliteStore(path, 'read')).close();
    }
  });

  it('is refused if it cannot be created', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(openSqliteStore(join(folder, 'file', 'history.db'), 'write')).rejects.toMatchObject(
      UNAVAILABLE,
    );
    await mkdir(path);
    await expect(openSqliteStore(path, 'write')).rejects.toMatchObject(UNAVAILABLE);
  });

  it('is refused if it is not SQLite, and left unchanged', async () => {
    const text = 'dear diary, '.repeat(1_000);
    await writeFile(path, text);
    for (const mode of ['read', 'write'] as const) {
      await expect(openSqliteStore(path, mode)).rejects.toMatchObject(UNUSABLE);
    }
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  it('is refused if another program or another version created it, and left unchanged', async () => {
    for (const sql of ['CREATE TABLE diary (page)', 'PRAGMA application_id = 7; CREATE TABLE diary (page)']) {
      await rm(path, { force: true });
      change(path, sql, 'create');
      const before = await readFile(path);
      for (const mode of ['read', 'write'] as const) {
        await expect(openSqliteStore(path, mode)).rejects.toMatchObject(UNUSABLE);
      }
      expect(await readFile(path)).toEqual(before);
    }
    await rm(path);
    await (await openSqliteStore(path, 'write')).close();
    change(path, 'PRAGMA user_version = 99');
    for (const mode of ['read', 'write'] as const) {
      await expect(openSqliteStore(path, mode)).rejects.toMatchObject(UNUSABLE);
      await expect(openSqliteStore(path, mode)).rejects.toThrow('its format is 99');
    }
    change(path, `PRAGMA user_version = ${SCHEMA_VERSION}`);
    await (await openSqliteStore(path, 'write')).close();
  });

  it('is not left locked by a failed attempt to open it', async () => {
    await (await openSqliteStore(path, 'write')).close();
    change(path, 'PRAGMA user_version = 99');
    await expect(openSqliteStore(path, 'write')).rejects.toMatchObject(UNUSABLE);
    change(path, `PRAGMA user_version = ${SCHEMA_VERSION}`);
    await (await openSqliteStore(path, 'write')).close();
  });

  it('of an earlier version can be read unchanged, and has the version of its writer from then on', async () => {
    const earlier = await openSqliteStore(path, 'write');
    await record(earlier);
    const before = await readEverything(earlier);
    await earlier.close();
    change(path, `PRAGMA user_version = ${SCHEMA_VERSION - 1}`);
    for (const [mode, after] of [
      ['read', SCHEMA_VERSION - 1],
      ['write', SCHEMA_VERSION],
    ] as const) {
      const store = await openSqliteStore(path, mode);
      expect(await readEverything(store)).toEqual(before);
      await store.close();
      const connection = new Connection(path, 'read');
      expect(connection.first('PRAGMA user_version')).toEqual([after]);
      connection.close();
    }
  });

  it('gets what an earlier version did not create, from any process that may write to it', async () => {
    for (const mode of ['write', 'manage'] as const) {
      await rm(path, { force: true });
      const earlier = await openSqliteStore(path, 'write');
      await record(earlier);
      const before = await readEverything(earlier);
      await earlier.close();
      change(
        path,
        'DROP TABLE documents; DROP TABLE journals; DROP TABLE column_blocks; PRAGMA user_version = 1',
      );
      await expect(openSqliteStore(path, 'read')).rejects.toMatchObject(UNUSABLE);

      const store = await openSqliteStore(path, mode);
      expect(await readEverything(store)).toStrictEqual(before);
      expect(await store.documents('integrations')).toEqual([]);
      expect(await store.putDocument('integrations', 'a', {}, 0)).toBe(true);
      expect(await store.append('audit', 1, START, {})).toBe(true);
      await store.close();
      const reader = await openSqliteStore(path, 'read');
      expect(await reader.document('integrations', 'a')).toMatchObject({ version: 1 });
      expect(await reader.journalLength('audit')).toBe(1);
      await reader.close();
    }
  });

  it('keeps the entries of journals that an earlier version stored as text', async () => {
    const body = { text: 'a seal '.repeat(1_000) };
    const earlier = await openSqliteStore(path, 'write');
    await earlier.append('seals', 1, START, body);
    await earlier.close();
    change(path, `UPDATE journals SET body = '${JSON.stringify(body)}'; PRAGMA user_version = 4`);
    for (const mode of ['read', 'write'] as const) {
      const store = await openSqliteStore(path, mode);
      const read = () => store.journal({ journal: 'seals', from: null, descending: false, limit: 9 });
      expect(await read()).toEqual([{ index: 1, at: START, body }]);
      if (mode === 'write') await store.append('seals', 2, START, body);
      if (mode === 'write') expect((await read()).map((entry) => entry.body)).toEqual([body, body]);
      await store.close();
    }
    change(path, "DELETE FROM journals WHERE typeof(body) = 'text'");
    const left = await openSqliteStore(path, 'read');
    expect(await left.journal({ journal: 'seals', from: null, descending: false, limit: 9 })).toHaveLength(1);
    await left.close();
  });

  it('is created by a process that manages it, and refused if it is not a history', async () => {
    const made = await openSqliteStore(join(folder, 'new folder', 'history.db'), 'manage');
    expect(await made.putDocument('apiKeys', 'a', {}, 0)).toBe(true);
    await made.close();
    await writeFile(path, '');
    await (await openSqliteStore(path, 'manage')).close();
    await rm(path);
    change(path, 'CREATE TABLE diary (page)', 'create');
    const before = await readFile(path);
    await expect(openSqliteStore(path, 'manage')).rejects.toMatchObject(UNUSABLE);
    expect(await readFile(path)).toEqual(before);
  });

  it('gets new list columns if the fields have changed', async () => {
    const store = await openSqliteStore(path, 'write');
    await record(store);
    const before = await readEverything(store);
    await store.close();
    // as an earlier version would have left it: fields missing, others with what they meant then
    change(path, "UPDATE layout SET fields = 'earlier'; DELETE FROM tops; DELETE FROM threat_messageId");
    change(path, 'DROP INDEX threat_by_receivedTime; DROP INDEX threat_ahead_receivedTime');
    change(path, 'ALTER TABLE threat DROP COLUMN receivedTime; UPDATE campaign SET judgement = 7');
    change(path, `UPDATE "case" SET lists = '{}'`);
    await expect(openSqliteStore(path, 'read')).rejects.toMatchObject(UNUSABLE);

    const after = await openSqliteStore(path, 'write');
    expect(await readEverything(after)).toStrictEqual(before);
    const { seq } = await after.record(batchOf('4', { tombstones: [campaignKey('c1')] }));
    expect(await after.count({ kind: 'campaign', integrations: null, filter: null, seq })).toBe(0);
    await after.close();
    await (await openSqliteStore(path, 'read')).close();
  });

  it('gets the columns that an earlier version did not make, while it records more', async () => {
    const threats = (first: number, count: number) =>
      Array.from({ length: count }, (_, n) => observeThreat(sampleThreat(`t${first + n}`)));
    const before = await openSqliteStore(path, 'write');
    for (let n = 0; n < 4; n += 1)
      await before.record(batchOf(`before ${n}`, { observations: threats(50 * n, 45) }));
    await before.close();
    change(path, "DELETE FROM column_blocks WHERE kind <> ''");

    const store = await openSqliteStore(path, 'write', { blocks: { rows: 50, blocks: 3 } });
    for (let n = 0; n < 8; n += 1)
      await store.record(batchOf(`after ${n}`, { observations: threats(1_000 + 50 * n, 9) }));
    await expect
      .poll(() => blocksIn(path), { timeout: 20_000 })
      .toEqual({ earlier: [30, 50, 50, 50], later: 72 });
    for await (const fault of store.checkDerived(12)) expect(fault).toBeNull();
    const filter = { field: 'attackType', eq: 'SPAM' } as const;
    const query = { kind: 'threat', integrations: null, filter, seq: 12 } as const;
    expect(await store.count(query)).toBe(await store.count({ ...query, filter: { not: { not: filter } } }));
    await store.close();
  });

  it('joins small blocks that were left into large ones of a bounded size', async () => {
    const threats = (first: number) =>
      Array.from({ length: 30 }, (_, n) => observeThreat(sampleThreat(`t${first + n}`)));
    const writer = await openSqliteStore(path, 'write');
    for (let n = 0; n < 6; n += 1)
      await writer.record(batchOf(`left ${n}`, { observations: threats(30 * n) }));
    await writer.close();
    const store = await openSqliteStore(path, 'write', { blocks: { rows: 50, blocks: 3 } });
    await expect.poll(() => blocksIn(path), { timeout: 20_000 }).toEqual({ earlier: [60, 60, 60], later: 0 });
    for await (const fault of store.checkDerived(6)) expect(fault).toBeNull();
    await store.close();
  });

  it('gets the tables of kinds that an earlier version did not know', async () => {
    const before = await openSqliteStore(path, 'write');
    await before.record(batchOf('first', { observations: [observeThreat(sampleThreat('t1'))] }));
    await before.close();
    change(path, 'DROP TABLE campaign; DROP TABLE campaign_messageId; DROP TABLE caseAnalysis');
    await expect(openSqliteStore(path, 'read')).rejects.toMatchObject(UNUSABLE);
    const store = await openSqliteStore(path, 'write');
    await store.record(batchOf('second', { observations: [observeCampaign(sampleCampaign('c1'))] }));
    const ofAll = { integrations: null, filter: null, seq: 2 };
    expect(await store.count({ ...ofAll, kind: 'threat' })).toBe(1);
    expect(await store.count({ ...ofAll, kind: 'campaign' })).toBe(1);
    await store.close();
  });
});

/** How many revisions of threats are in each block of the first 180, and in all later ones. */
function blocksIn(path: string): { earlier: number[]; later: number } {
  const connection = new Connection(path, 'read');
  const blocks = `SELECT size FROM column_blocks WHERE kind = 'threat' AND name IN ('', '$rows')`;
  const earlier = connection.all(`${blocks} AND after < 180 ORDER BY after`).map(([size]) => Number(size));
  const later = connection.all(`${blocks} AND after >= 180`).reduce((sum, [size]) => sum + Number(size), 0);
  connection.close();
  return { earlier, later };
}

/** Does something to a file behind the store's back. */
function change(path: string, sql: string, access: 'create' | 'write' = 'write'): void {
  const connection = new Connection(path, access);
  connection.exec(sql);
  connection.close();
}

/** The file and its journal as they are when a process is killed in its first transaction. */
async function leaveHalfWritten(path: string): Promise<void> {
  const begun = `${path}-begun`;
  const connection = new Connection(begun, 'create');
  connection.exec('PRAGMA journal_mode = WAL; PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1');
  connection.exec('BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(200000))');
  await copyFile(begun, path);
  await copyFile(`${begun}-journal`, `${path}-journal`);
  connection.close();
  await rm(begun);
}

async function record(store: HistoryStore): Promise<void> {
  const ahead = sampleThreat('t3', { messages: [] });
  const late = sampleCampaign('c1', { lastReportedTime: '2031-01-01T00:00:00.000Z' });
  const observations = [
    observeThreat(sampleThreat('t1')),
    observeThreat(sampleThreat('t2', { recipientCount: null })),
    observeCase(sampleCase('1', { threatIds: ['t1', 't2'] })),
    observeCampaign(late),
  ];
  await store.record(batchOf('1', { observations }));
  await store.record(batchOf('2', { observations: [observeThreat(ahead)], tombstones: [threatKey('t2')] }));
  const again = observeThreat(sampleThreat('t2', { recipientCount: 9 }), { basis: 2 });
  await store.record(batchOf('3', { observations: [again] }));
}

async function readEverything(store: HistoryStore): Promise<unknown[]> {
  const read: unknown[] = [];
  for (const seq of [1, 2, 3]) {
    for (const [kind, orderBy] of [
      ['threat', 'receivedTime'],
      ['threat', 'recipientCount'],
      ['case', 'id'],
      ['campaign', 'lastReportedTime'],
    ] as const) {
      const list = { kind, integrations: null, seq, filter: null, orderBy, after: null, limit: 10 } as const;
      read.push(await store.page({ ...list, descending: true }), await store.count(list));
    }
    const named = { kind: 'campaign', integrations: null, seq } as const;
    read.push(await store.count({ ...named, filter: { field: 'judgement', eq: 'ATTACK' } }));
    read.push(await store.referrers('threat', 'messageId', 'default', ['-6274310382345678901'], seq));
    read.push(await store.referrers('case', 'threatId', 'default', ['t1', 't2'], seq));
  }
  return read;
}
