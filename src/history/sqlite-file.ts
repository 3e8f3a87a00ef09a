import { existsSync } from 'node:fs';
import { HistoryError } from './errors.js';
import { Connection } from './sqlite-connection.js';
import { isLaidOut, layOut } from './sqlite-reproject.js';
import { APPLICATION_ID, LAYOUT, SCHEMA_VERSION, schemaSql } from './sqlite-schema.js';
import type { OpenMode } from './store.js';

/** Pages (of 4 KiB) that the write-ahead log may grow to before a commit copies them into the file itself. */
const CHECKPOINT_PAGES = 2_000;

/** Opens a history's file; in write mode, a missing or empty file becomes a new history. */
export function openFile(path: string, mode: OpenMode): Connection {
  if (mode === 'read') return openToRead(path);
  return opened(new Connection(path, 'create'), (connection) => {
    const isNew = isEmpty(connection);
    if (!isNew) check(connection);
    connection.all('PRAGMA journal_mode = WAL');
    connection.exec(`PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    if (isNew) create(connection);
    else if (!isLaidOut(connection)) layOut(connection);
  });
}

function openToRead(path: string): Connection {
  if (!existsSync(path)) {
    throw new HistoryError(
      'UNAVAILABLE',
      `there is no history at ${path}: start the gateway once so that it makes one, or correct HISTORY`,
    );
  }
  return opened(new Connection(path, 'read'), (connection) => {
    check(connection);
    if (isLaidOut(connection)) return;
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

function check(connection: Connection): void {
  const [id, version] = ['application_id', 'user_version'].map((name) =>
    Number(connection.first(`PRAGMA ${name}`)?.[0]),
  );
  if (id !== APPLICATION_ID) {
    throw new HistoryError(
      'UNUSABLE',
      `${connection.path} is not a history of this gateway's; nothing in it was touched. Name another file in HISTORY`,
    );
  }
  if (version !== SCHEMA_VERSION) {
    throw new HistoryError(
      'UNUSABLE',
      `${connection.path} was written by another version of the gateway (its format is ${version}, this one reads ${SCHEMA_VERSION}); nothing in it was touched. Use that version, or name another file in HISTORY`,
    );
  }
}
