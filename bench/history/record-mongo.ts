import { randomBytes } from 'node:crypto';
import { pathToFileURL } from 'node:url';
import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/history/mongo/store.js';
import type { HistoryStore } from '../../src/history/store.js';
import { MongoServer } from '../../test/support/mongo-server.js';
import { withDatabase } from '../../test/support/mongo-url.js';
import { type BareInserts, measureRecord, type RecordBench } from './record.js';

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
  const transaction = { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } } as const;
  return {
    insert: async (observations) => {
      const documents = observations.map(({ key, digest, record, received }) => ({
        // each version, as often as it is inserted
        _id: `${key.integration} ${key.kind} ${key.id} ${digest.slice(0, 8)}`,
        ...{ digest, record: JSON.stringify(record), received },
      }));
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

/** The figures for MongoDB, as a line for a person; where there is no MongoDB, why not. */
export async function mongoRecordReport(): Promise<string> {
  const server = new MongoServer(process.env);
  try {
    const answer = await server.start();
    if (!answer.ok) return `record, MongoDB: ${answer.reason}`;
    const { bare, recorded, ratio, charactersEach } = await measureRecord(mongoBench(answer.url));
    const rate = (perSecond: number) => `${Math.round(perSecond)}/s`;
    return `record, MongoDB ${answer.version}, ${charactersEach} characters each: bare inserts ${rate(bare)}, record() ${rate(recorded)}, ratio ${ratio.toFixed(2)} (at least 0.50)`;
  } finally {
    await server.stop();
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) console.log(await mongoRecordReport());
