import { HistoryError } from './errors.js';
import { openSqliteStore } from './sqlite/store.js';
import type { HistoryStore, OpenMode, ReadsFrom } from './store.js';

interface OpenOptions {
  /** For leases, if the store has no clock of its own; in ms. */
  readonly now?: () => number;
  /** For MongoDB; not in mode `write`, in which every read goes to the primary. Default: `primary`. */
  readonly reads?: ReadsFrom;
}

/**
 * `sqlite:<file>`, `sqlite::memory:`, `mongodb://…` or `mongodb+srv://…`. Throws a HistoryError that says what to do.
 */
export async function openStore(
  url: string,
  mode: OpenMode,
  options: OpenOptions = {},
): Promise<HistoryStore> {
  if (url.startsWith('sqlite:')) return openSqliteStore(sqlitePath(url), mode, options);
  if (/^mongodb(\+srv)?:\/\//.test(url)) {
    // loaded on demand: the driver is large, and most gateways do not need it
    const { openMongoStore } = await import('./mongo/store.js');
    return openMongoStore(url, mode, options);
  }
  // the text is not repeated: it may contain a password
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
