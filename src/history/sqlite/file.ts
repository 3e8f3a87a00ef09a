import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HistoryError } from '../errors.js';
import type { OpenMode } from '../store.js';
import { makeTemporaryFolder, removeTemporaryFolder } from '../temporary-files.js';
import { isCurrentBlockLayout, resetBlocks } from './column-blocks.js';
import { Connection, type ConnectionOptions, type OpenAccess } from './connection.js';
import { failureOf } from './driver.js';
import { isCurrentLayout, relayout } from './relayout.js';
import {
  APPLICATION_ID,
  missingIndexesSql,
  PROJECTION_KEY,
  READABLE_SINCE,
  SCHEMA_VERSION,
  schemaSql,
  upgradeSql,
} from './schema.js';

/** Pages (of 4 KiB) that the write-ahead log may grow to before a commit copies them into the file itself. */
const CHECKPOINT_PAGES = 2_000;

/**
 * Opens a history's file. In write mode, a missing or empty file becomes a new history, and one that an earlier
 * version left is brought up to date; in the others it must be ready.
 */
export function openFile(
  path: string,
  mode: Exclude<OpenMode, 'read'>,
  options?: ConnectionOptions,
): Connection {
  if (mode === 'manage') return opened(new Connection(path, 'write', options), makeDurable);
  return opened(new Connection(path, 'create'), (connection) => {
    const isNew = isEmpty(connection);
    const version = isNew ? SCHEMA_VERSION : check(connection);
    connection.all('PRAGMA journal_mode = WAL');
    makeDurable(connection);
    if (isNew) create(connection);
    if (version < SCHEMA_VERSION) upgrade(connection, version);
    if (!isCurrentLayout(connection)) relayout(connection);
    if (!isCurrentBlockLayout(connection)) resetBlocks(connection);
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
function isReady(path: string): boolean {
  let connection: Connection | undefined;
  try {
    connection = new Connection(path, 'read');
    return !isEmpty(connection) && isReadable(connection);
  } catch (error) {
    if (isUnfinished(error)) return false;
    throw error;
  } finally {
    connection?.close();
  }
}

function isReadable(connection: Connection): boolean {
  return check(connection) >= READABLE_SINCE && isCurrentLayout(connection);
}

/** A connection that only reads, with what to do once it is closed. */
interface ReadFile {
  readonly connection: Connection;
  readonly release?: () => void;
}

/** Opens a history's file for reading, also where neither the file nor its folder can be written. */
export function openToRead(path: string): ReadFile {
  if (!existsSync(path)) throw nothingAt(path);
  try {
    return { connection: openCurrent(path, 'read', path) };
  } catch (error) {
    if (isUnfinished(error)) throw nothingAt(path);
    if (!isUnwritable(error, path)) throw error;
    return openUnwritable(path);
  }
}

/** Whether another process is creating the file, or was killed while it did so. */
function isUnfinished(error: unknown): boolean {
  return error instanceof HistoryError && failureOf(error.cause) === 'UNFINISHED';
}

function nothingAt(path: string): HistoryError {
  const text = `there is no history at ${path}: start the gateway once so that it makes one, or correct HISTORY`;
  return new HistoryError('UNAVAILABLE', text);
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

function openCurrent(file: string, access: OpenAccess, path: string): Connection {
  return opened(new Connection(file, access), (connection) => {
    if (isEmpty(connection)) throw nothingAt(path);
    if (isReadable(connection)) return;
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
    connection.run('INSERT INTO layout (fields) VALUES (?)', [PROJECTION_KEY]);
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

/** The right to write to one SQLite file, held until it is released or its process ends, however it ends. */
export interface WriterLock {
  release(): void;
}

/**
 * Takes the right to write to `path`, whose folder is made where there is none; a HistoryError `IN_USE`, after a moment,
 * while another store has it.
 *
 * SQLite would let two writers take turns, but each keeps the history's head in memory. So the writer holds an
 * exclusive transaction on a file beside it, `<path>-writer`: a lock of the operating system's, which goes
 * with the process and leaves nothing to clean up.
 */
export function lockForWriting(path: string): WriterLock {
  makeFolder(dirname(path));
  try {
    return takeLock(`${path}-writer`);
  } catch (error) {
    if (!(error instanceof HistoryError) || failureOf(error.cause) !== 'BUSY') throw error;
    throw new HistoryError('IN_USE', inUse(path), { cause: error });
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `the folder ${folder} for the history cannot be made (${why}); name another file in HISTORY`;
    throw new HistoryError('UNAVAILABLE', text, { cause: error });
  }
}

const LOCK_WAIT_MS = 250;

function takeLock(file: string): WriterLock {
  // where two ask at once, SQLite refuses both unless they wait a moment
  const connection = new Connection(file, 'create', { busyTimeoutMs: LOCK_WAIT_MS });
  try {
    connection.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    connection.close();
    throw error;
  }
  return { release: () => connection.close() };
}

function inUse(path: string): string {
  return `the history ${path} is in use: another gateway (serve, poll or backfill) writes to it. Stop that one first, or give this one a history of its own with HISTORY=sqlite:<another file>. Commands that only read work beside it.`;
}

const TRIES = 20;
const PAUSE_MS = 100;

/**
 * Opens a history's file to write documents and journals beside whoever records batches. Only where the file is
 * missing, or was left by an earlier version, is the writer's lock held, for as long as it takes to make it
 * ready; whoever has that lock may be doing just that, so it is waited for a few seconds.
 */
export async function openToManage(path: string): Promise<Connection> {
  for (let tries = 1; !(existsSync(path) && isReady(path)); tries += 1) {
    try {
      makeReady(path);
    } catch (error) {
      const isInUse = error instanceof HistoryError && error.code === 'IN_USE';
      if (!isInUse || tries === TRIES) throw error;
      await setTimeout(PAUSE_MS);
    }
  }
  return openFile(path, 'manage');
}

function makeReady(path: string): void {
  const lock = lockForWriting(path);
  try {
    openFile(path, 'write').close();
  } finally {
    lock.release();
  }
}
