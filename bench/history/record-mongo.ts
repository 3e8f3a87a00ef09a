import { randomBytes } from 'node:crypto';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { MongoServer } from '../../test/support/mongo-server.js';
import { withDatabase } from '../../test/support/mongo-url.js';
import type { BenchRow } from '../table.js';
import { type BareInserts, measureRecord, type RecordBench, timeOf } from './record.js';

/** Databases of the server at `url`, a new one each time that something is opened, gone when it is closed. */
export function mongoBench(url: string): RecordBench {
  return {
    openStore: () => openStore(freshDatabase(url).url),
    openBare: () => openBare(freshDatabase(url).url),
  };
}

/** A database of the server at `url` that nobody else uses. */
export function freshDatabase(url: string) {
  const own = withDatabase(url, `bench-${randomBytes(6).toString('hex')}`);
  return { url: own, drop: () => drop(own) };
}

async function openStore(url: string): Promise<HistoryStore> {
  const store = await openMongoStore(url, 'write');
  const close = store.close.bind(store);
  return Object.assign(store, {
    close: async () => {
      await close();
      await drop(url);
    },
  });
}

export async function openBare(url: string): Promise<BareInserts> {
  const client = new MongoClient(url);
  const payloads = await client.db().createCollection<{ _id: string }>('payloads');
  await payloads.createIndex({ integration: 1, kind: 1, time: 1, id: 1 });
  const transaction = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } } as const;
  return {
    insert: async (observations) => {
      const documents = observations.map((observation) => {
        const { key, digest, record, received } = observation;
        // each version, as often as it is inserted
        const _id = `${key.integration} ${key.kind} ${key.id} ${digest.slice(0, 8)}`;
        return { _id, ...key, time: timeOf(observation), digest, record: JSON.stringify(record), received };
      });
      await client.withSession((session) =>
        session.withTransaction(
          () => payloads.insertMany(documents, { session, ordered: false }),
          transaction,
        ),
      );
    },
    close: async () => {
      await client.close();
      await drop(url);
    },
  };
}

async function drop(url: string): Promise<void> {
  const client = new MongoClient(url);
  await client.db().dropDatabase();
  await client.close();
}

/** The row of the table for MongoDB; where there is no MongoDB, why not. */
export async function mongoRecordRows(): Promise<string | BenchRow[]> {
  const server = new MongoServer(process.env);
  try {
    const answer = await server.start();
    if (!answer.ok) return `record, MongoDB: ${answer.reason}`;
    const { time } = await measureRecord(mongoBench(answer.url));
    const measure = 'a bare majority transaction / record(), in time';
    return [{ work: 'record() in MongoDB', measure, value: time, limit: { atLeast: 0.55 } }];
  } finally {
    await server.stop();
  }
}
