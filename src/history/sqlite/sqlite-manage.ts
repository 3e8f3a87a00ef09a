import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { HistoryError } from '../errors.js';
import type { Connection } from './sqlite-connection.js';
import { isReady, openFile } from './sqlite-file.js';
import { lockForWriting } from './sqlite-lock.js';

const TRIES = 50;
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
