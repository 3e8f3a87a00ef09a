import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { HistoryError } from '../errors.js';
import { failureOf } from './driver.js';
import { Connection } from './sqlite-connection.js';

/** The right to write to one SQLite file, held until it is released or its process ends, however it ends. */
export interface WriterLock {
  release(): void;
}

/**
 * Takes the right to write to `path`, whose folder is made where there is none; a HistoryError `IN_USE`, at once, while another store has it.
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

function takeLock(file: string): WriterLock {
  // a lock held by another process can make opening fail already, not only the transaction
  const connection = new Connection(file, 'create', { busyTimeoutMs: 0 });
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
