import { MongoClient } from 'mongodb';
import { openMongoStore } from '../../src/history/mongo/store.js';
import { MongoServer } from '../../test/support/mongo-server.js';
import { freshDatabase, openBare } from './record-mongo.js';
import { fillStorage } from './storage.js';

/*
 * What a history in MongoDB takes on disk, with its indexes and seals, for each byte that the same records and received
 * texts take as documents of one collection with an index by time. MongoDB compresses both.
 */

const MOST_DISK = 1.3;

/** What the files of a database take once everything is written to them. */
async function diskOf(url: string): Promise<number> {
  const client = new MongoClient(url);
  try {
    await client.db('admin').command({ fsync: 1 });
    const { storageSize, indexSize } = await client.db().stats();
    return storageSize + indexSize;
  } finally {
    await client.close();
  }
}

/** The figure, as a line for a person; where there is no MongoDB, why not. */
export async function mongoStorageReport(): Promise<string> {
  const server = new MongoServer(process.env);
  try {
    const answer = await server.start();
    if (!answer.ok) return `storage, MongoDB: ${answer.reason}`;
    const [own, plain] = [freshDatabase(answer.url), freshDatabase(answer.url)];
    const bare = await openBare(plain.url);
    try {
      await fillStorage(await openMongoStore(own.url, 'write'), (observations) => bare.insert(observations));
      const times = (await diskOf(own.url)) / (await diskOf(plain.url));
      if (times > MOST_DISK) process.exitCode = 1;
      return `disk usage / the same bytes as plain documents, MongoDB ${answer.version}: ${times.toFixed(2)} (at most ${MOST_DISK})`;
    } finally {
      await bare.close();
      await own.drop();
    }
  } finally {
    await server.stop();
  }
}
