import {
  BSON,
  type ClientSession,
  type Db,
  MongoBulkWriteError,
  MongoClient,
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  type TopologyDescription,
  type TransactionOptions,
} from 'mongodb';
import { damaged, HistoryError } from '../errors.js';

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

/**
 * Reads are snapshots of what a majority holds: a walk along an index that is being written to would otherwise
 * meet a document twice, and what is rolled back in a failover must never have been answered.
 */
export const CONCERNS = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', wtimeoutMS: 30_000 },
} as const;

const TRANSACTION: TransactionOptions = { ...CONCERNS, readPreference: 'primary' };

const DEFAULT_DATABASE = 'abnormal';
/** How long a server may take to answer a heartbeat, unless the URL gives another time. */
const CONNECT_MS = 10_000;
/** More, and the server refuses the connection. */
const APP_NAME_BYTES = 128;

/**
 * Connects to the database that `url` names (`abnormal` if it names none). A `HistoryError` if no primary is found
 * within `serverSelectionTimeoutMS` of the URL, or if the server cannot do transactions.
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
      // every operation waits for a primary as long as the URL says, by default 30 s: longer than an election
      ...(/[?&]connectTimeoutMS=/i.test(url) ? {} : { connectTimeoutMS: CONNECT_MS }),
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

const NOT_AUTHENTICATED = new Set([18, 8000]);
const NOT_AUTHORIZED = 13;
const MISSING_INDEX = /hint provided does not correspond to an existing index/;

/**
 * What a failure of the driver means to a person, `where` being the server without credentials. What is no
 * failure of MongoDB's is given back as it is.
 */
function toHistoryError(error: unknown, where: string, what: string): unknown {
  if (BSON.BSONError.isBSONError(error)) return damaged(what, { cause: error });
  if (error instanceof HistoryError || !(error instanceof MongoError)) return error;
  if (error instanceof MongoServerSelectionError) return unavailable(selectionProblem(error, where), error);
  if (isConnectionLost(error)) {
    return unavailable(`the connection to ${where} failed: ${error.message}`, error);
  }
  const code = error instanceof MongoServerError ? Number(error.code) : Number.NaN;
  if (NOT_AUTHENTICATED.has(code)) {
    return unavailable(`${where} refuses the user name or password in HISTORY`, error);
  }
  if (code === NOT_AUTHORIZED) {
    return unavailable(`${where} does not let the user in HISTORY do this: ${error.message}`, error);
  }
  if (MISSING_INDEX.test(error.message)) {
    const message = `${where} has an index missing: start the gateway once to create it`;
    return new HistoryError('UNUSABLE', message, { cause: error });
  }
  return unavailable(`${where} failed: ${error.message}`, error);
}

/** Runs `work`, with its failures as `HistoryError`s; `what` is what cannot be decoded, if so. */
export async function guarded<T>(
  where: string,
  work: () => Promise<T>,
  what = 'A document of the gateway',
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toHistoryError(error, where, what);
  }
}

/**
 * Runs `work` in a transaction, which must bear being run again after it was committed. The driver tries again by
 * itself, except if it knew already that the server was gone when the connection under a command ended.
 */
export async function inTransaction<T>(
  { client }: Pick<MongoConnection, 'client'>,
  work: (session: ClientSession) => Promise<T>,
): Promise<T> {
  const run = () => client.withSession((session) => session.withTransaction(work, TRANSACTION));
  return run().catch((error: unknown) => {
    if (isConnectionLost(error)) return run();
    throw error;
  });
}

/** Whether a document of that name is there already. */
export function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === 11_000;
}

function isConnectionLost(error: unknown): boolean {
  const cause = error instanceof MongoBulkWriteError ? (error.errorResponse as unknown) : error;
  return cause instanceof MongoNetworkError;
}

function unavailable(message: string, cause: MongoError): HistoryError {
  return new HistoryError('UNAVAILABLE', message, { cause });
}

function selectionProblem(error: MongoServerSelectionError, where: string): string {
  const servers = [...((error.reason as TopologyDescription | undefined)?.servers.values() ?? [])];
  if (servers.some(({ type }) => type === 'RSGhost')) {
    return `${where} runs with --replSet but its replica set was never initiated: run rs.initiate() in mongosh`;
  }
  const [first] = servers.flatMap((server) => server.error ?? []);
  if (first && isRefusal(first)) return `${where} refuses the user name or password in HISTORY`;
  const why = first?.message ?? 'no server there is the primary of the replica set that HISTORY names';
  return `${where} cannot be reached: ${why}. Is it running, and is HISTORY right?`;
}

function isRefusal(error: Error): boolean {
  return error instanceof MongoServerError && NOT_AUTHENTICATED.has(Number(error.code));
}

/** No writer leaves its transaction alone for this long between two commands, unless it is dead or stuck. */
const ABANDONED_MICROS = 3_000_000;

/**
 * Ends the transactions that writers of this history left open, which a process that is killed does: MongoDB
 * would keep them for a minute, and their writes would hold up everybody else's. Should the writer live after
 * all, its transaction fails as if by a conflict, and it tries again. Where the user may not do this, it is
 * left to MongoDB.
 */
export async function endAbandoned({ client, appName }: MongoConnection): Promise<void> {
  const admin = client.db('admin');
  const abandoned = {
    type: 'idleSession',
    appName,
    'transaction.timeInactiveMicros': { $gt: ABANDONED_MICROS },
  };
  try {
    const sessions = await admin
      .aggregate([{ $currentOp: { idleSessions: true } }, { $match: abandoned }, { $project: { lsid: 1 } }])
      .toArray();
    if (sessions.length === 0) return;
    await admin.command({ killSessions: sessions.map(({ lsid }) => ({ id: lsid.id })) });
  } catch {
    // not allowed, or not possible here
  }
}
