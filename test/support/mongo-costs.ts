import { type Db, type Document, MongoClient, type Timestamp } from 'mongodb';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { MongoProxy } from './mongo-proxy.js';

/** What some work cost a history in MongoDB. */
export interface MongoCost<T = unknown> {
  readonly result: T;
  /** The commands, one for each round trip. */
  readonly commands: readonly string[];
  readonly keys: number;
  readonly documents: number;
  /** The plans of the operations: `COLLSCAN` reads a whole collection. */
  readonly plans: readonly string[];
  readonly isSorted: boolean;
  readonly oplogBytes: number;
  /** By how many documents the collections grew. */
  readonly added: number;
}

/** A history in MongoDB whose commands are counted and profiled. */
export class MeasuredMongo {
  private constructor(
    readonly proxy: MongoProxy,
    readonly store: HistoryStore,
    private readonly client: MongoClient,
  ) {}

  static async open(url: string): Promise<MeasuredMongo> {
    const proxy = await MongoProxy.before(url);
    const store = await openMongoStore(proxy.url, 'write');
    const client = new MongoClient(url);
    return new MeasuredMongo(proxy, store, client);
  }

  async close(): Promise<void> {
    await this.store.close();
    await this.client.close();
    await this.proxy.close();
  }

  /** The commands of some work. */
  async commandsOf(work: (store: HistoryStore) => Promise<unknown>): Promise<string[]> {
    const before = this.proxy.commands.length;
    await work(this.store);
    return this.proxy.commands.slice(before);
  }

  async cost<T>(work: (store: HistoryStore) => Promise<T>): Promise<MongoCost<T>> {
    const db = this.client.db();
    await db.command({ profile: 0 });
    await db.collection('system.profile').drop();
    const size = await documentsIn(db);
    const from = await this.#operationTime();
    await db.command({ profile: 2 });
    const before = this.proxy.commands.length;
    const result = await work(this.store);
    const commands = this.proxy.commands.slice(before);
    await db.command({ profile: 0 });
    const operations = await db
      .collection('system.profile')
      .find({ appName: /^abnormal-gateway/ })
      .toArray();
    const sum = (field: string) => operations.reduce((total, each) => total + Number(each[field] ?? 0), 0);
    return {
      ...{ result, commands },
      ...{ keys: sum('keysExamined'), documents: sum('docsExamined') },
      plans: operations.flatMap(({ planSummary }) => planSummary ?? []),
      isSorted: operations.some(({ hasSortStage }) => hasSortStage),
      oplogBytes: await this.#oplogBytes(db.databaseName, from),
      added: (await documentsIn(db)) - size,
    };
  }

  async #operationTime(): Promise<Timestamp> {
    const [last] = await this.#oplog().find().sort({ $natural: -1 }).limit(1).toArray();
    if (!last) throw new Error('an empty oplog');
    return last.ts;
  }

  async #oplogBytes(database: string, after: Timestamp): Promise<number> {
    const own = { $regex: `^${database}\\.` };
    const [found] = await this.#oplog()
      .aggregate([
        { $match: { ts: { $gt: after }, $or: [{ ns: own }, { 'o.applyOps.ns': own }] } },
        { $match: { ns: { $not: /system\.profile/ } } },
        { $group: { _id: null, bytes: { $sum: { $bsonSize: '$$ROOT' } } } },
      ])
      .toArray();
    return found?.bytes ?? 0;
  }

  #oplog() {
    return this.client.db('local').collection<Document & { ts: Timestamp }>('oplog.rs');
  }
}

async function documentsIn(db: Db): Promise<number> {
  const collections = (await db.listCollections().toArray()).filter(
    ({ name }) => !name.startsWith('system.'),
  );
  const counts = await Promise.all(collections.map(({ name }) => db.collection(name).countDocuments()));
  return counts.reduce((sum, count) => sum + count, 0);
}
