import { setImmediate } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { MongoMemoryServer } from 'mongodb-memory-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { entryOf, runOf, storedOutcomeOf } from '../../src/history/mongo/packed.js';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { BatchDoc, LedgerDoc, RunDoc, SchemaDoc } from '../../src/history/mongo/stored-types.js';
import type { HistoryStore, OpenMode } from '../../src/history/store.js';
import { testMongo } from '../support/mongo.js';
import { MongoProxy } from '../support/mongo-proxy.js';
import {
  batchOf,
  caseKey,
  ledgerEntry,
  minutesAfterStart,
  observeCase,
  observeThreat,
  START,
  sampleCase,
  sampleMessage,
  sampleThreat,
  streamState,
  threatKey,
} from '../support/records.js';

const SECRET = 'p4ss-Wörd!';

describe('opening a history in MongoDB', () => {
  /** What a person is told, and everything that a log could print of it. */
  async function refusal(url: string): Promise<{ code: string; message: string; all: string }> {
    const error = await openMongoStore(url, 'write').then(
      () => expect.fail('opened'),
      (reason: unknown) => reason as Error & { code: string },
    );
    const all = [
      error.message,
      error.stack,
      JSON.stringify(error),
      String((error.cause as Error)?.stack),
    ].join();
    return { code: error.code, message: error.message, all };
  }

  it('fails for an unreachable server with a clear error that omits the password', async () => {
    const url = `mongodb://user:${encodeURIComponent(SECRET)}@127.0.0.1:9/history?replicaSet=rs0&serverSelectionTimeoutMS=900`;
    const begin = performance.now();
    const { code, message, all } = await refusal(url);
    // the wait that the URL names, and not the driver's half minute
    expect(performance.now() - begin).toBeLessThan(10_000);
    expect(code).toBe('UNAVAILABLE');
    expect(message).toMatch(/^MongoDB at 127\.0\.0\.1:9, database history cannot be reached: .*ECONNREFUSED/);
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(encodeURIComponent(SECRET));
  });

  it.each([
    `mongodb://user:${SECRET}@`,
    `mongodb://user:${SECRET}@host:port/x`,
    `mongodb://user:${encodeURIComponent(SECRET)}@host/x?nonsense=1`,
  ])('fails for an invalid URL with an error that does not repeat it (%#)', async (url) => {
    const { code, all } = await refusal(url);
    expect(code).toBe('UNUSABLE');
    expect(all).not.toContain(SECRET);
    expect(all).not.toContain(encodeURIComponent(SECRET));
  });
});

const mongo = await testMongo();

describe.skipIf(!mongo)('a history in MongoDB', () => {
  let url: string;
  let open: (mode?: OpenMode) => Promise<HistoryStore>;
  let opened: HistoryStore[];
  let client: MongoClient;

  beforeEach(() => {
    url = mongo?.freshUrl() ?? '';
    opened = [];
    client = new MongoClient(url);
    open = async (mode = 'write') => {
      const store = await openMongoStore(url, mode);
      opened.push(store);
      return store;
    };
  });
  afterEach(async () => {
    await Promise.all([...opened.map((store) => store.close()), client.close()]);
    await mongo?.drop(url);
  });

  async function faultsIn(store: HistoryStore): Promise<string[]> {
    const messages: string[] = [];
    for await (const { message } of store.checkDerived((await store.head()).seq)) messages.push(message);
    return messages;
  }

  const schema = () => client.db().collection<SchemaDoc>('meta');
  const thriving = (seq: number) =>
    ({ kind: 'threat', integrations: null, filter: null, seq, orderBy: 'receivedTime' }) as const;

  it('is described without options', async () => {
    const { hostname, port, pathname } = new URL(url);
    const { description } = await open();
    expect(description).toBe(`mongodb (MongoDB at ${hostname}:${port}, database ${pathname.slice(1)})`);
  });

  it('is compressed with zstd in small units, and as the server does by default if it refuses that', async () => {
    const storageOf = async (name: string) => {
      const stats = client
        .db()
        .collection(name)
        .aggregate([{ $collStats: { storageStats: {} } }]);
      const [{ storageStats } = { storageStats: null }] = await stats.toArray();
      const indexes = Object.values<{ creationString: string }>(storageStats.indexDetails);
      const all = [storageStats.wiredTiger, ...indexes];
      const formOf = (text: string) => /allocation_size=(\w*),.*block_compressor=(\w*)/.exec(text)?.slice(1);
      return new Set(all.map(({ creationString }) => formOf(creationString)?.join(' ')));
    };
    await open();
    expect(await storageOf('revisions')).toEqual(new Set(['512B zstd']));
    await client.db().dropDatabase();
    const proxy = await MongoProxy.before(url);
    proxy.replaceAsked('block_compressor=zstd', 'block_compressor=zzzz');
    const store = await openMongoStore(proxy.url, 'write');
    await store.record(batchOf('1', { observations: [observeCase(sampleCase('1'))] }));
    await store.close();
    await proxy.close();
    expect([...(await storageOf('revisions'))].sort()).toEqual(['4KB ', '4KB snappy']);
  });

  it('is read without writes', async () => {
    const writer = await open();
    await writer.record(batchOf('1', { observations: [observeCase(sampleCase('1'))] }));
    const before = await contents(client);
    const reader = await open('read');
    expect(await reader.get([caseKey('1')], 1)).toMatchObject([{ key: caseKey('1') }]);
    await expect(reader.record(batchOf('2'))).rejects.toMatchObject({ code: 'UNUSABLE' });
    await expect(reader.acquireLease('poll', 'reader', 1_000)).rejects.toMatchObject({ code: 'UNUSABLE' });
    expect(await contents(client)).toEqual(before);
  });

  it('is managed, and created if necessary, by a process that records nothing', async () => {
    const manager = await open('manage');
    expect(await manager.putDocument('integrations', 'a', { name: 'a' }, 0)).toBe(true);
    expect(await manager.append('audit', 1, START, {})).toBe(true);
    await expect(manager.record(batchOf('1'))).rejects.toThrow(/documents and journals only/);
    await expect(manager.acquireLease('poll', 'it', 1_000)).rejects.toMatchObject({ code: 'UNUSABLE' });
    const writer = await open();
    expect(await writer.record(batchOf('1'))).toMatchObject({ seq: 1 });
    expect(await writer.document('integrations', 'a')).toMatchObject({ version: 1 });
    const reader = await open('read');
    expect(await reader.documents('integrations')).toMatchObject([{ id: 'a' }]);
    await expect(reader.putDocument('integrations', 'b', {}, 0)).rejects.toThrow(/reading only/);
    await expect(reader.removeDocument('integrations', 'a', 1)).rejects.toMatchObject({ code: 'UNUSABLE' });
    await expect(reader.append('audit', 2, START, {})).rejects.toMatchObject({ code: 'UNUSABLE' });
    await schema().updateMany({}, { $set: { layout: 'another' } });
    await expect(open('manage')).rejects.toMatchObject({ code: 'UNUSABLE' });
  });

  it('gets what an earlier version did not create, and can be read without it', async () => {
    await (await open()).record(batchOf('1', { observations: [observeCase(sampleCase('1'))] }));
    for (const name of ['documents', 'journals']) await client.db().dropCollection(name);
    const reader = await open('read');
    expect(await reader.documents('integrations')).toEqual([]);
    expect(await reader.document('integrations', 'a')).toBeNull();
    expect(await reader.journalLength('audit')).toBe(0);
    const manager = await open('manage');
    await Promise.all([1, 2].map((n) => manager.putDocument('integrations', 'a', { n }, 0)));
    expect(await reader.documents('integrations')).toMatchObject([{ id: 'a', version: 1 }]);
    const indexes = await client.db().collection('journals').indexes();
    expect(indexes).toContainEqual(expect.objectContaining({ key: { journal: 1, index: 1 }, unique: true }));
    expect(await reader.get([caseKey('1')], 1)).toMatchObject([{ key: caseKey('1') }]);
  });

  it('is not created by a reader', async () => {
    await expect(open('read')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await client.db().listCollections().toArray()).toEqual([]);
  });

  it.each(['read', 'write'] as const)('is refused if it has another format (%s)', async (mode) => {
    const store = await open();
    await store.record(batchOf('1', { observations: [observeCase(sampleCase('1'))] }));
    await schema().updateOne({ _id: 'schema' }, { $set: { version: 99 } });
    const before = await contents(client);
    await expect(open(mode)).rejects.toThrow(/written by another version .*format is 99/);
    expect(await contents(client)).toEqual(before);
  });

  it('of an earlier version can be read unchanged, and has the version of its writer from then on', async () => {
    const store = await open();
    await store.record(batchOf('1', { observations: [observeThreat(sampleThreat('1'))] }));
    const { version = 0 } = (await schema().findOne({ _id: 'schema' })) ?? {};
    await schema().updateOne({ _id: 'schema' }, { $set: { version: version - 1 } });
    const before = await contents(client);
    const read = async (mode: OpenMode) => (await open(mode)).get([threatKey('1')], 1);
    expect(await read('read')).toMatchObject([{ record: sampleThreat('1') }]);
    expect(await contents(client)).toEqual(before);
    expect(await read('write')).toMatchObject([{ record: sampleThreat('1') }]);
    expect(await schema().findOne({ _id: 'schema' })).toMatchObject({ version });
  });

  it('is not created in a database with other collections', async () => {
    await client.db().collection('runs').insertOne({ distance: 42_195 });
    await expect(open()).rejects.toMatchObject({
      code: 'UNUSABLE',
      message: expect.stringContaining('"runs"'),
    });
    expect(await contents(client)).toMatchObject({ runs: [{ distance: 42_195 }] });
  });

  it('gets missing indexes again when it is opened', async () => {
    const store = await open();
    await store.record(batchOf('1', { observations: [observeThreat(sampleThreat('1'))] }));
    const revisions = client.db().collection('revisions');
    const page = { ...thriving(1), descending: true, after: null, limit: 5 };
    // another index in the place of the missing one: there are as many as before
    for (const other of [null, 'c']) {
      await revisions.dropIndex('threat by receivedTime');
      if (other) await revisions.createIndex({ [other]: 1 });
      await expect(store.page(page)).rejects.toMatchObject({ name: 'HistoryError', code: 'UNUSABLE' });
      expect((await (await open()).page(page)).items).toHaveLength(1);
    }
  });

  it('reads runs, readings and outcomes of batches as earlier versions stored them', async () => {
    const writer = await open();
    const entry = ledgerEntry();
    await writer.record(batchOf('1', { ledger: [entry], streams: [streamState()] }));
    const read = async (store: HistoryStore) => [
      await store.run('run-1'),
      await store.ledger(entry, entry.from, entry.to, 1),
      await store.batches({ afterSeq: 0, toSeq: 1, limit: 9 }),
      await store.record(batchOf('1')),
    ];
    const expected = await read(writer);
    const db = client.db();
    const inFields = async <T extends { _id: string }>(name: string, fieldsOf: (doc: T) => object) => {
      for (const doc of (await db.collection(name).find().toArray()) as unknown as T[])
        await db.collection(name).replaceOne({ _id: doc._id as never }, fieldsOf(doc));
    };
    await inFields<RunDoc>('runs', (doc) => {
      const { id: _id, ...fields } = runOf(doc);
      return fields;
    });
    await inFields<LedgerDoc>('ledger', (doc) => {
      const { entry: _entry, _id, ...place } = doc;
      return { ...entryOf(doc), ...place };
    });
    await inFields<BatchDoc>('batches', ({ outcome, _id, ...doc }) => ({
      ...doc,
      ...storedOutcomeOf({ ...doc, _id, ...(outcome && { outcome }) }),
    }));
    expect(await read(writer)).toStrictEqual(expected);
    expect(await faultsIn(writer)).toEqual([]);
  });

  it('gets the lengths of windows that earlier versions did not store', async () => {
    const writer = await open();
    const entries = [ledgerEntry(), ledgerEntry({ from: '2020-01-01T00:00:00.000Z', settledTo: START })];
    await writer.record(batchOf('1', { ledger: entries, streams: [streamState()] }));
    const stream = { integration: 'default', resource: 'threats', filterKey: 'receivedTime' } as const;
    const read = (store: HistoryStore) =>
      store.ledger(stream, '2026-03-01T12:00:00.000Z', '2026-03-01T13:00:00.000Z', 1);
    const expected = await read(writer);
    expect(expected).toHaveLength(2);
    await client
      .db()
      .collection('ledger')
      .updateMany({}, { $unset: { reach: true } });
    expect(await read(writer)).toEqual(expected);
    await client.db().collection('ledger').dropIndex('reach');
    expect(await read(await open('read'))).toEqual(expected);
    expect(await read(await open())).toEqual(expected);
    expect(
      await client
        .db()
        .collection('ledger')
        .countDocuments({ reach: { $gt: -1 } }),
    ).toBe(2);
    expect(await faultsIn(writer)).toEqual([]);
  });

  it('counts its records again after an earlier version recorded batches without counts', async () => {
    const writer = await open();
    for (const [n, batch] of batches().entries()) await writer.record({ ...batch, id: `${n}` });
    const stored = () => client.db().collection('batches').find().sort({ seq: 1 }).toArray();
    const counts = (store: HistoryStore, upTo: number) =>
      Promise.all(
        Array.from({ length: upTo + 1 }, (_, seq) =>
          store.count({ kind: 'threat', integrations: null, filter: null, seq }),
        ),
      );
    expect(await counts(writer, 4)).toEqual([0, 1, 2, 1, 2]);
    const both = [
      { kind: 'case', integration: 'default', n: 1 },
      { kind: 'threat', integration: 'default', n: 2 },
    ];
    expect((await stored()).at(-1)?.live).toEqual(both);

    // batch 3 as an earlier version records it, between two of this version
    await client
      .db()
      .collection('batches')
      .updateMany({ seq: { $gte: 3 } }, { $unset: { live: true } });
    await writer.record(batchOf('5', { observations: [observeCase(sampleCase('c5'))] }));
    expect((await stored()).at(-1)?.live).toBeNull();
    expect(await counts(writer, 5)).toEqual([0, 1, 2, 1, 2, 2]);
    const next = await open();
    await next.record(batchOf('6', { tombstones: [caseKey('c5')] }));
    expect((await stored()).map(({ live }) => live?.length)).toEqual([2, 2, undefined, undefined, 2, 2]);
    expect((await stored()).at(-1)?.live).toEqual(both);
    expect(await counts(next, 6)).toEqual([0, 1, 2, 1, 2, 2, 2]);
    expect(await faultsIn(next)).toEqual([]);
    for (const integrations of [[], ['other']])
      expect(await next.count({ kind: 'threat', integrations, filter: null, seq: 6 })).toBe(0);
  });

  it('is closed after everything that was to be recorded', async () => {
    const store = await openMongoStore(url, 'write');
    const first = store.record(batchOf('1'));
    await setImmediate();
    const observations = [observeThreat(sampleThreat('1'))];
    const others = [batchOf('2'), batchOf('3', { observations }), batchOf('4')];
    const recorded = others.map((batch) => store.record(batch));
    await store.close();
    expect(await Promise.all([first, ...recorded])).toMatchObject([
      { seq: 1 },
      { seq: 2 },
      { seq: 3 },
      { seq: 4 },
    ]);
  });

  it('leaves the extents of a batch without versions to the last one that has some', async () => {
    const store = await open();
    await store.record(batchOf('1', { observations: [observeThreat(sampleThreat('1'))] }));
    await store.record(batchOf('2'));
    const next = await open();
    await next.record(batchOf('3', { observations: [observeThreat(sampleThreat('1'), { basis: 2 })] }));
    const later = [sampleMessage('m', { receivedTime: '2030-01-01T00:00:00.000Z' })];
    const threat = sampleThreat('2', { messages: later });
    await next.record(batchOf('4', { observations: [observeThreat(threat)] }));
    await store.record(batchOf('5'));
    const batches = client.db().collection('batches');
    const stored = await batches.find({}, { sort: { seq: 1 } }).toArray();
    expect(stored.map(({ extentsOf }) => extentsOf)).toEqual([undefined, 1, 1, undefined, 4]);
    expect(stored.map(({ extents }) => extents !== null)).toEqual([true, false, false, true, false]);
    const page = async (seq: number) => {
      const { items } = await next.page({ ...thriving(seq), descending: true, after: null, limit: 5 });
      return items.map(({ position }) => position.id).sort();
    };
    expect(await Promise.all([1, 2, 3, 4, 5].map(page))).toEqual([
      ...[['1'], ['1'], ['1']],
      ...[
        ['1', '2'],
        ['1', '2'],
      ],
    ]);
    expect(await faultsIn(next)).toEqual([]);

    await batches.updateOne({ seq: 5 }, { $set: { extentsOf: 1 } });
    expect(await faultsIn(next)).toContain(
      'How far times reached after batch 5 is not what batch 1 says, which it names.',
    );
  });

  it('is read without the indexes that earlier versions did not make', async () => {
    await (await open()).record(batchOf('1', { observations: [observeThreat(sampleThreat('1'))] }));
    for (const name of ['written', 'threat with fromAddress'])
      await client.db().collection('revisions').dropIndex(name);
    const reader = await open('read');
    const filter = { field: 'fromAddress', eq: 'billing@vendor.example' };
    expect(await reader.count({ ...thriving(1), filter })).toBe(1);
    const page = { ...thriving(1), filter, descending: true, after: null, limit: 5 };
    expect((await reader.page(page)).items).toHaveLength(1);
    const changes = { afterSeq: 0, toSeq: 1, kinds: ['threat'], integrations: null, after: null } as const;
    expect(await reader.changes({ ...changes, limit: 5 })).toHaveLength(1);
  });

  it('gets new list fields when the list fields have changed', async () => {
    const store = await open();
    for (const [n, batch] of batches().entries()) await store.record({ ...batch, id: `${n}` });
    const { seq } = await store.head();
    const answers = () => Promise.all(queries(seq).map((query) => store.page(query)));
    const expected = await answers();

    // as an earlier version would have left it: fields missing, others with what they meant then
    await client
      .db()
      .collection('revisions')
      .updateMany({}, { $unset: { c: 1, 'f.receivedTime': 1 } });
    await client
      .db()
      .collection('revisions')
      .updateMany({}, { $set: { 'f.subject': 'x', 'f.gone': 1 } });
    await schema().updateMany({}, { $set: { layout: 'earlier' } });
    await client
      .db()
      .collection('meta')
      .updateOne({ _id: 'head' as never }, { $unset: { extents: 1 } });

    await expect(open('read')).rejects.toMatchObject({ code: 'UNUSABLE' });
    await expect(store.record(batchOf('late'))).rejects.toMatchObject({ code: 'UNUSABLE' });
    const anew = await open();
    expect(await Promise.all(queries(seq).map((query) => anew.page(query)))).toEqual(expected);
    const newer = observeThreat(
      sampleThreat('newer', { messages: [sampleMessage('9', { receivedTime: '2030-01-01T00:00:00.000Z' })] }),
    );
    expect(await anew.record(batchOf('next', { observations: [newer] }))).toMatchObject({ seq: seq + 1 });
    const [first] = (await anew.page({ ...thriving(seq + 1), descending: true, after: null, limit: 1 }))
      .items;
    expect(first?.position.id).toBe('newer');
    expect(await extentsAt(client, seq)).toMatchObject({ max: minutesAfterStart(seq) });
  });

  it('is refused on a standalone server, with instructions', async (test) => {
    // a server under MONGODB_TEST_URL says nothing of whether one can be started here
    const standalone = await MongoMemoryServer.create({
      instance: { launchTimeout: 60_000, storageEngine: 'wiredTiger' },
    }).catch(() => test.skip('no mongod to start'));
    try {
      const refused = openMongoStore(standalone.getUri(), 'write');
      await expect(refused).rejects.toMatchObject({ code: 'UNUSABLE' });
      await expect(refused).rejects.toThrow(/standalone server.*--replSet.*rs\.initiate\(\)/);
    } finally {
      await standalone.stop();
    }
  });
});

/** Everything in the database, by collection. */
async function contents(client: MongoClient): Promise<Record<string, unknown[]>> {
  const collections = await client.db().listCollections().toArray();
  const entries = collections.map(async ({ name }) => {
    const found = client
      .db()
      .collection(name)
      .find({}, { sort: { _id: 1 } });
    return [name, await found.toArray()] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function extentsAt(client: MongoClient, seq: number): Promise<unknown> {
  const batch = await client.db().collection('batches').findOne({ seq });
  return batch?.extents.threat.receivedTime;
}

/** Threats that come one after the other, one of them deleted, and a case. */
function batches() {
  const threat = (n: number, subject: string) =>
    observeThreat(
      sampleThreat(`t${n}`, {
        messages: [sampleMessage(`${n}`, { subject, receivedTime: minutesAfterStart(n) })],
      }),
    );
  return [
    batchOf('', { observations: [threat(1, 'Grüße'), observeCase(sampleCase('c'))] }),
    batchOf('', { observations: [threat(2, 'plain')] }),
    batchOf('', { tombstones: [threat(2, 'plain').key] }),
    batchOf('', { observations: [threat(4, 'GRÜSSE')] }),
  ];
}

function queries(seq: number) {
  const list = { kind: 'threat', integrations: null, filter: null, after: null, limit: 10 } as const;
  const seqs = Array.from({ length: seq }, (_, n) => n + 1);
  return [
    ...seqs.map((at) => ({ ...list, seq: at, orderBy: 'receivedTime', descending: true })),
    ...seqs.map((at) => ({ ...list, seq: at, orderBy: 'receivedTime', descending: false })),
    { ...list, seq, orderBy: 'id', descending: false, filter: { field: 'subject', contains: 'grü' } },
    { ...list, seq, orderBy: 'id', descending: false, filter: { field: 'subject', contains: 'PLAIN' } },
  ];
}
