import { HistoryError } from './errors.js';
import { openSqliteStore } from './sqlite/store.js';
import type { HistoryStore, OpenMode } from './store.js';

export interface OpenOptions {
  /** The clock that leases go by where the store has none of its own, in ms. */
  readonly now?: () => number;
}

/**
 * Opens the history that `url` names: `sqlite:<file>`, `sqlite::memory:`, `mongodb://…` or `mongodb+srv://…`.
 * Throws a HistoryError that says what is wrong and what to do.
 */
export async function openStore(
  url: string,
  mode: OpenMode,
  options: OpenOptions = {},
): Promise<HistoryStore> {
  if (url.startsWith('sqlite:')) return openSqliteStore(sqlitePath(url), mode, options);
  if (/^mongodb(\+srv)?:\/\//.test(url)) {
    // only now: the driver is large, and most gateways never need it
    const { openMongoStore } = await import('./mongo/store.js');
    return openMongoStore(url, mode, options);
  }
  // what is not understood is not repeated: it may hold a password
  throw new HistoryError(
    'UNUSABLE',
    'HISTORY must be sqlite:<file>, such as sqlite:./data/history.db, or mongodb://… or mongodb+srv://…',
  );
}

function sqlitePath(url: string): string {
  const path = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  if (path !== '' && !path.startsWith('//') && !path.endsWith('/')) return path;
  throw new HistoryError(
    'UNUSABLE',
    'HISTORY names no file: write sqlite:./data/history.db or sqlite:/an/absolute/path',
  );
}
