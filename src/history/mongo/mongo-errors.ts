import {
  MongoError,
  MongoNetworkError,
  MongoServerError,
  MongoServerSelectionError,
  type TopologyDescription,
} from 'mongodb';
import { HistoryError } from '../errors.js';

const NOT_AUTHENTICATED = new Set([18, 8000]);
const NOT_AUTHORIZED = 13;
const MISSING_INDEX = /hint provided does not correspond to an existing index/;

/**
 * What a failure of the driver means to a person, `where` being the server without credentials. What is no
 * failure of MongoDB's is given back as it is.
 */
export function toHistoryError(error: unknown, where: string): unknown {
  if (error instanceof HistoryError || !(error instanceof MongoError)) return error;
  if (error instanceof MongoServerSelectionError) return unavailable(selectionProblem(error, where), error);
  if (error instanceof MongoNetworkError) {
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
    const message = `${where} lacks an index of the history (${error.message}): start the gateway, which makes it again`;
    return new HistoryError('UNUSABLE', message, { cause: error });
  }
  return unavailable(`${where} failed: ${error.message}`, error);
}

/** Runs `work`, with its failures as `HistoryError`s. */
export async function guarded<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toHistoryError(error, where);
  }
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
