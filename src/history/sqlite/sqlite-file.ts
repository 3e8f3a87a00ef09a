import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { HistoryError } from '../errors.js';
import type { OpenMode } from '../store.js';
import { makeTemporaryFolder, removeTemporaryFolder } from '../temporary-files.js';
import { failureOf } from './driver.js';
import { isLaidOut, layOut } from './relayout.js';
import { type Access, Connection } from './sqlite-connection.js';
import {
  APPLICATION_ID,
  LAYOUT,
  missingIndexesSql,
  SCHEMA_VERSION,
  schemaSql,
  upgradeSql,
} from './sqlite-schema.js';

/** Pages (of 4 KiB) that the write-ahead log may grow to before a commit copies them into the file itself. */
const CHECKPOINT_PAGES = 2_000;

/**
 * Opens a history's file. In write mode, a missing or empty file becomes a new history, and one that an earlier
 * version left is brought up to date; in the others it must be ready.
 */
export function openFile(path: string, mode: Exclude<OpenMode, 'read'>): Connection {
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

/** A connection that only reads, with what to do once it is closed. */
export interface ReadFile {
  readonly connection: Connection;
  readonly release?: () => void;
}

/** Opens a history's file for reading, also where neither the file nor its folder can be written. */
export function openToRead(path: string): ReadFile {
  if (!existsSync(path)) {
    throw new HistoryError(
      'UNAVAILABLE',
      `there is no history at ${path}: start the gateway once so that it makes one, or correct HISTORY`,
    );
  }
  try {
    return { connection: openCurrent(path, 'read', path) };
  } catch (error) {
    if (!isUnwritable(error, path)) throw error;
    return openUnwritable(path);
  }
}

/**
 * Without a folder that SQLite can write to, it opens a file in WAL mode only as one that never changes, and then
 * ignores the log beside it. If the log holds something, both are read from a copy.
 */
function openUnwritable(path: string): ReadFile {
  const log = `${path}-wal`;
  if (!existsSync(log) || statSync(log).size === 0)
    return { connection: openCurrent(path, 'immutable', path) };
  const folder = makeTemporaryFolder();
  const release = () => removeTemporaryFolder(folder);
  try {
    const copy = join(folder, 'history.db');
    copyFileSync(path, copy);
    copyFileSync(log, `${copy}-wal`);
    return { connection: openCurrent(copy, 'read', path), release };
  } catch (error) {
    release();
    throw error;
  }
}

/** Whether SQLite cannot make the files that it needs beside the history; where one is there, a writer may be at work. */
function isUnwritable(error: unknown, path: string): boolean {
  if (!(error instanceof HistoryError) || existsSync(`${path}-shm`)) return false;
  return ['READONLY', 'OTHER'].includes(failureOf(error.cause) ?? '');
}

function openCurrent(file: string, access: Access, path: string): Connection {
  return opened(new Connection(file, access), (connection) => {
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
