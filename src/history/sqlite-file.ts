import { existsSync } from 'node:fs';
import { HistoryError } from './errors.js';
import { Connection } from './sqlite-connection.js';
import { isLaidOut, layOut } from './sqlite-reproject.js';
import {
  APPLICATION_ID,
  LAYOUT,
  missingIndexesSql,
  SCHEMA_VERSION,
  schemaSql,
  upgradeSql,
} from './sqlite-schema.js';
import type { OpenMode } from './store.js';

/** Pages (of 4 KiB) that the write-ahead log may grow to before a commit copies them into the file itself. */
const CHECKPOINT_PAGES = 2_000;

/**
 * Opens a history's file. In write mode, a missing or empty file becomes a new history, and one that an earlier
 * version left is brought up to date; in the others it must be ready.
 */
export function openFile(path: string, mode: OpenMode): Connection {
  if (mode === 'read') return openToRead(path);
  if (mode === 'manage') return opened(new Connection(path, 'write'), makeDurable);
  return opened(new Connection(path, 'create'), (connection) => {
    const isNew = isEmpty(connection);
    const version = isNew ? SCHEMA_VERSION : check(connection);
    connection.all('PRAGMA journal_mode = WAL');
    makeDurable(connection);
    if (isNew) create(connection);
    if (version < SCHEMA_VERSION) upgrade(connection, version);
    if (!isLaidOut(connection)) layOut(connection);
    connection.exec(missingIndexesSql());
  });
}

function makeDurable(connection: Connection): void {
  connection.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
}

/**
 * Whether the file, which must be there, needs nothing done before it can be used. Throws a HistoryError when it
 * is no history, or one of a later version.
 */
export function isReady(path: string): boolean {
  const connection = new Connection(path, 'read');
  try {
    return !isEmpty(connection) && isCurrent(connection);
  } finally {
    connection.close();
  }
}

function isCurrent(connection: Connection): boolean {
  return check(connection) === SCHEMA_VERSION && isLaidOut(connection);
}

function openToRead(path: string): Connection {
  if (!existsSync(path)) {
    throw new HistoryError(
      'UNAVAILABLE',
      `there is no history at ${path}: start the gateway once so that it makes one, or correct HISTORY`,
    );
  }
  return opened(new Connection(path, 'read'), (connection) => {
    if (isCurrent(connection)) return;
    throw new HistoryError(
      'UNUSABLE',
      `${path} was last written by another version of the gateway; start this one once (npm start) so that it brings the history up to date`,
    );
  });
}

function opened(connection: Connection, prepare: (connection: Connection) => void): Connection {
  try {
    prepare(connection);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function isEmpty(connection: Connection): boolean {
  return connection.first('SELECT count(*) FROM sqlite_master')?.[0] === 0;
}

function create(connection: Connection): void {
  connection.transaction(() => {
    connection.exec(schemaSql());
    connection.run('INSERT INTO layout (fields) VALUES (?)', [LAYOUT]);
    connection.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

function upgrade(connection: Connection, from: number): void {
  connection.transaction(() => {
    connection.exec(upgradeSql(from));
    connection.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}

/** The version of the tables; refuses what is no history, and what a later version of the gateway wrote. */
function check(connection: Connection): number {
  const [id = 0, version = 0] = ['application_id', 'user_version'].map((name) =>
    Number(connection.first(`PRAGMA ${name}`)?.[0]),
  );
  if (id !== APPLICATION_ID) {
    throw new HistoryError(
      'UNUSABLE',
      `${connection.path} is not a history of this gateway's; nothing in it was touched. Name another file in HISTORY`,
    );
  }
  if (version < 1 || version > SCHEMA_VERSION) {
    throw new HistoryError(
      'UNUSABLE',
      `${connection.path} was written by another version of the gateway (its format is ${version}, this one reads ${SCHEMA_VERSION}); nothing in it was touched. Use that version, or name another file in HISTORY`,
    );
  }
  return version;
}
