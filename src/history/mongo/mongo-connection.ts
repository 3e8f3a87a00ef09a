import { type Db, MongoClient, MongoError } from 'mongodb';
import { HistoryError } from '../errors.js';
import { guarded } from './mongo-errors.js';

/** A connected replica set or cluster. */
export interface MongoConnection {
  readonly client: MongoClient;
  readonly db: Db;
  /** `MongoDB at <hosts>, database <name>`: without credentials or options. */
  readonly where: string;
  /** By what the server knows the processes that use this history. */
  readonly appName: string;
  /** Whether it is a cluster of several replica sets. */
  readonly isSharded: boolean;
}

const DEFAULT_DATABASE = 'abnormal';
/** How long any one operation waits for a primary before it fails. */
const SELECTION_MS = 10_000;
/** More, and the server refuses the connection. */
const APP_NAME_BYTES = 128;

/**
 * Connects to the database that `url` names (`abnormal` if it names none). A `HistoryError` where that cannot
 * be done within about ten seconds, or where the server cannot do transactions.
 */
export async function connect(url: string): Promise<MongoConnection> {
  const database = databaseOf(url);
  const appName = `abnormal-gateway/${encodeURIComponent(database)}`.slice(0, APP_NAME_BYTES);
  const client = clientFor(url, appName);
  const hosts = client.options.srvHost ?? client.options.hosts.join(',');
  const where = `MongoDB at ${hosts}, database ${database}`;
  try {
    const isSharded = await guarded(where, async () => isCluster(await client.connect(), where));
    return { client, db: client.db(database), where, appName, isSharded };
  } catch (error) {
    await client.close();
    throw error;
  }
}

function clientFor(url: string, appName: string): MongoClient {
  try {
    return new MongoClient(url, {
      appName,
      serverSelectionTimeoutMS: SELECTION_MS,
      connectTimeoutMS: SELECTION_MS,
      // what the URL may say of these is not what the history's promises rest on
      readPreference: 'primary',
      retryReads: true,
      retryWrites: true,
    });
  } catch (error) {
    // the driver's own words may quote the URL, password and all, so they stay here
    const kind = error instanceof MongoError ? error.name : 'Error';
    throw new HistoryError('UNUSABLE', `HISTORY is not a MongoDB URL that can be used (${kind})`);
  }
}

function databaseOf(url: string): string {
  const [, name = ''] = /^mongodb(?:\+srv)?:\/\/[^/?]*\/([^?]*)/.exec(url) ?? [];
  return decodeURIComponent(name) || DEFAULT_DATABASE;
}

/** False for a replica set; a standalone server is refused. */
async function isCluster(client: MongoClient, where: string): Promise<boolean> {
  const hello = await client.db('admin').command({ hello: 1 });
  if (hello.setName !== undefined) return false;
  if (hello.msg === 'isdbgrid') return true;
  throw new HistoryError(
    'UNUSABLE',
    `${where} is a standalone server, and the history needs transactions, which MongoDB has on replica sets ` +
      'only. One server is enough: start it with "mongod --replSet rs0" and run "rs.initiate()" in mongosh once',
  );
}
