import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { Binary, MongoClient } from 'mongodb';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { damageOf } from '../../src/history/errors.js';
import { openStore } from '../../src/history/open-store.js';
import { testMongo } from '../support/mongo.js';
import { MongoProxy } from '../support/mongo-proxy.js';
import {
  batchOf,
  ledgerEntry,
  observeThreat,
  quarantineEntry,
  START,
  sampleThreat,
  streamState,
  threatKey,
} from '../support/records.js';

const mongo = await testMongo();
const IDS = ['threat-1', 'threat-2', 'threat-3'];
const DAMAGED = { name: 'HistoryError', code: 'DAMAGED' };

/** What turns the stored record of threat-2 into something else. */
const ON_SQLITE: readonly (readonly [string, string])[] = [
  ['a byte that is no UTF-8', "CAST(x'7b2278223a22ff227d' AS TEXT)"],
  ['bytes that end within a character', "CAST(x'7b2278223a22f09f98227d' AS TEXT)"],
  ['a text that is cut off', 'substr(record, 1, length(record) / 2)'],
  ['nothing', "''"],
  ['a number', '5'],
  ['JSON that is no object', "'[1]'"],
  ['a NUL character', "CAST(x'7b00' AS TEXT)"],
];
const ON_MONGODB: readonly (readonly [string, unknown])[] = [
  ['a text that is cut off', '{"threatId":"thr'],
  ['nothing', ''],
  ['a number', 5],
  ['JSON that is no object', '[1]'],
];

let url: string;
let folder: string;

async function recorded(): Promise<void> {
  const store = await openStore(url, 'write');
  const observations = IDS.map((id) => observeThreat(sampleThreat(id)));
  await store.record(batchOf('one', { observations, ledger: [ledgerEntry()] }));
  await store.putDocument('settings', 'thing', { a: 1 }, 0);
  await store.append('audit', 1, START, { a: 1 });
  await store.close();
}

async function expectOthers(): Promise<void> {
  const store = await openStore(url, 'read');
  const { seq } = await store.head();
  const found = await store.get(
    IDS.map((id) => threatKey(id)),
    seq,
  );
  const list = { kind: 'threat', integrations: null, filter: null, seq } as const;
  const page = await store.page({
    ...list,
    orderBy: 'receivedTime',
    descending: false,
    after: null,
    limit: 9,
  });
  const whole = {
    afterSeq: 0,
    toSeq: seq,
    kinds: ['threat'],
    integrations: null,
    after: null,
    limit: 9,
  } as const;
  const changes = await store.changes(whole);
  const revisions = await store.revisions(threatKey('threat-2'), seq + 1, 5);
  for (const some of [found, page.items.map(({ revision }) => revision), changes, revisions]) {
    for (const revision of some) {
      if (revision === null) throw new Error('a record is missing');
      const damage = damageOf(revision);
      if (revision.key.id === 'threat-2') {
        expect(damage).toMatchObject({ ...DAMAGED, key: threatKey('threat-2'), seqFrom: 1 });
        expect(damage?.message).toContain('threat threat-2 of integration default');
      } else {
        expect(damage).toBeNull();
        expect(revision.record).toMatchObject({ threatId: revision.key.id });
      }
    }
  }
  expect([found.length, page.items.length, changes.length, revisions.length]).toEqual([3, 3, 3, 1]);
  expect(await store.count(list)).toBe(3);
  await store.close();
}

/** Every other cell of JSON, with what reads it. */
async function expectNamed(): Promise<void> {
  const store = await openStore(url, 'read');
  const { seq } = await store.head();
  for (const read of [
    () => store.document('settings', 'thing'),
    () => store.documents('settings'),
    () => store.journal({ journal: 'audit', from: null, descending: false, limit: 5 }),
  ]) {
    await expect(read()).rejects.toMatchObject(DAMAGED);
  }
  expect(await store.countRevisions(threatKey('threat-1'), seq)).toBe(1);
  await store.close();
}

describe('a damaged record in SQLite', () => {
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'damaged-'));
    url = `sqlite:${join(folder, 'history.db')}`;
    await recorded();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const edit = (sql: string) => {
    const db = new DatabaseSync(join(folder, 'history.db'));
    db.exec(sql);
    db.close();
  };
  const ROW = "(SELECT rev FROM threat WHERE id = 'threat-2')";

  it.each(ON_SQLITE)('is named in the error while the others are served: %s', async (_, value) => {
    edit(`UPDATE bodies SET record = ${value} WHERE rev = ${ROW}`);
    await expectOthers();
  });

  it('is named in the error if its body is missing', async () => {
    edit(`DELETE FROM bodies WHERE rev = ${ROW}`);
    await expectOthers();
  });

  it('does not include a record that contains U+FFFD itself, which is served', async () => {
    edit(`UPDATE bodies SET record = replace(record, 'Vendor', char(65533)) WHERE rev = ${ROW}`);
    const store = await openStore(url, 'read');
    const [found] = await store.get([threatKey('threat-2')], 1);
    expect(found?.record.messages[0]?.fromName).toBe('\ufffd Billing');
    await store.close();
  });

  it('is named when the columns of lists are made again', async () => {
    edit(`UPDATE bodies SET record = '{' WHERE rev = ${ROW}; UPDATE layout SET fields = 'earlier'`);
    await expect(openStore(url, 'write')).rejects.toMatchObject({
      ...DAMAGED,
      message: expect.stringMatching(/^The threat threat-2 is damaged/),
    });
  });

  it.each([
    ['runs', 'run', 'Run run-1'],
    ['ledger', 'entry', 'A reading of default/threats/receivedTime'],
  ])('in a cell of %s that is JSON of something else is named', async (table, column, name) => {
    // a run is in a text of its own, next to what the index goes by
    if (table === 'runs') edit(`UPDATE runs SET run = '{"id":"run-1","trigger":"POLL","packed":"e30="}'`);
    else edit(`UPDATE ${table} SET ${column} = json_remove(${column}, '$.status', '$.counts')`);
    const store = await openStore(url, 'read');
    const day = ledgerEntry();
    const read = () => (table === 'runs' ? store.run('run-1') : store.ledger(day, day.from, day.to, 1));
    await expect(read()).rejects.toMatchObject({ ...DAMAGED, message: expect.stringContaining(name) });
    await store.close();
  });

  it('of another table makes every reader of it fail with an error that names the table', async () => {
    edit("UPDATE documents SET body = '{'; UPDATE journals SET body = ''");
    edit(
      "DROP INDEX runs_trigger; UPDATE ledger SET entry = '{'; UPDATE runs SET run = CAST(x'ff' AS TEXT) || '{' ",
    );
    await expectNamed();
    const store = await openStore(url, 'read');
    const day = ledgerEntry();
    await expect(store.ledger(day, day.from, day.to, 1)).rejects.toMatchObject(DAMAGED);
    await expect(store.run('run-1')).rejects.toMatchObject(DAMAGED);
    const runs = { integrations: null, before: null, limit: 5 };
    await expect(store.runs(runs)).rejects.toMatchObject(DAMAGED);
    await store.close();
  });
});

describe.skipIf(mongo === null)('a damaged record in MongoDB', () => {
  beforeEach(async () => {
    url = mongo?.freshUrl() ?? '';
    await recorded();
  });
  afterEach(() => mongo?.drop(url));

  const edit = async (name: string, filter: object, change: object) => {
    const client = new MongoClient(url);
    const { modifiedCount } = await client.db().collection(name).updateMany(filter, change);
    await client.close();
    expect(modifiedCount).toBeGreaterThan(0);
  };

  it.each(ON_MONGODB)('is named in the error while the others are served: %s', async (_, value) => {
    await edit('bodies', { record: /"threat-2"/ }, { $set: { record: value } });
    await expectOthers();
  });

  it('of a document with fields makes its readers fail with an error that names it', async () => {
    const store = await openStore(url, 'write');
    await store.record(
      batchOf('two', {
        streams: [streamState()],
        quarantine: [quarantineEntry(threatKey('threat-9'))],
      }),
    );
    await store.close();
    const day = ledgerEntry();
    const damaged = { $set: { entry: new Binary(Buffer.from('{}')), run: new Binary(Buffer.from('{}')) } };
    await edit('ledger', {}, damaged);
    await edit('runs', {}, damaged);
    await edit('streams', {}, { $set: { status: 5 } });
    await edit('quarantine', {}, { $unset: { tries: 1 } });
    const reader = await openStore(url, 'read');
    const { seq } = await reader.head();
    const runs = { integrations: null, before: null, limit: 5 };
    const quarantine = { integrations: null, kinds: ['threat'], after: null, limit: 5 } as const;
    for (const [read, name] of [
      [
        () => reader.ledger(day, day.from, day.to, seq),
        /^A reading of default\/threats\/receivedTime is damaged/,
      ],
      [() => reader.streams(), /^The state of the stream default\/threats\/receivedTime is damaged/],
      [() => reader.run('run-1'), /^Run run-1 is damaged/],
      [() => reader.runs(runs), /^Run run-1 is damaged/],
      [() => reader.quarantine(quarantine), /^The entry in quarantine threat-9 is damaged/],
      [() => reader.quarantined([threatKey('threat-9')]), /^The entry in quarantine threat-9 is damaged/],
    ] as const) {
      await expect(read()).rejects.toMatchObject({ ...DAMAGED, message: expect.stringMatching(name) });
    }
    await reader.close();
  });

  it('that is no BSON makes its readers fail with an error that names it, and not the others', async () => {
    const writer = await openStore(url, 'write');
    await writer.record(batchOf('two', { streams: [streamState({ message: 'TO BE DAMAGED' })] }));
    await writer.close();
    const proxy = await MongoProxy.before(url);
    proxy.damage('TO BE DAMAGED');
    const store = await openStore(proxy.url, 'read');
    await expect(store.streams()).rejects.toMatchObject({
      ...DAMAGED,
      message: expect.stringMatching(/^The state of a stream is damaged in the history/),
    });
    expect(await store.run('run-1')).toMatchObject({ id: 'run-1' });
    await store.close();
    await proxy.close();
  });

  it('of a record is named when the fields of lists are made again', async () => {
    await edit('bodies', { record: /"threat-2"/ }, { $set: { record: '{' } });
    await edit('meta', { _id: 'schema' }, { $set: { layout: 'earlier' } });
    await expect(openStore(url, 'write')).rejects.toMatchObject({
      ...DAMAGED,
      message: expect.stringMatching(/^The threat threat-2 of integration default is damaged/),
    });
  });

  it('of another collection makes every reader of it fail with an error that names the collection', async () => {
    await edit('documents', {}, { $set: { body: '{' } });
    await edit('journals', {}, { $set: { body: '' } });
    await expectNamed();
  });
});
