import Database from 'libsql';
import { LRUCache } from 'lru-cache';
import { HistoryError } from './errors.js';

/** What goes in and out of SQLite here. Booleans are 0 and 1; anything else aborts the driver's process. */
export type SqlValue = string | number | null;
/** One row, its values in the order of the statement's columns. */
export type Row = readonly SqlValue[];

export interface Query {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** `create` makes the file where there is none, `write` and `read` need it to be there. */
export type Access = 'create' | 'write' | 'read';

/** Where queries are answered: on a connection of this thread, or on the worker's. */
export interface Reader {
  all(sql: string, params: readonly SqlValue[]): Row[];
}

const MODES: Record<Access, string> = { create: 'rwc', write: 'rw', read: 'ro' };
const MAX_STATEMENTS = 300;

type Prepared = ReturnType<InstanceType<typeof Database>['prepare']>;

/** One connection to a SQLite file, with its prepared statements. Failures are `HistoryError`s. */
export class Connection implements Reader {
  readonly #db: InstanceType<typeof Database>;
  readonly #statements = new LRUCache<string, Prepared>({ max: MAX_STATEMENTS });

  constructor(
    readonly path: string,
    access: Access,
    { busyTimeoutMs = 5_000, cacheKib = 16_384 }: { busyTimeoutMs?: number; cacheKib?: number } = {},
  ) {
    this.#db = this.#guard(() => new Database(path === ':memory:' ? path : fileUri(path, access)));
    this.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA cache_size = -${cacheKib}`);
  }

  /** The rows of a statement that returns some. */
  all(sql: string, params: readonly SqlValue[] = []): Row[] {
    return this.#guard(() => this.#prepare(sql, true).all(checked(params)) as Row[]);
  }

  /** The first row, if there is one. */
  first(sql: string, params: readonly SqlValue[] = []): Row | undefined {
    return this.#guard(() => this.#prepare(sql, true).get(checked(params)) as Row | undefined);
  }

  /** Runs a statement that returns no rows. */
  run(sql: string, params: readonly SqlValue[] = []): void {
    this.#guard(() => this.#prepare(sql, false).run(checked(params)));
  }

  /** Runs one or more statements without parameters. */
  exec(sql: string): void {
    this.#guard(() => this.#db.exec(sql));
  }

  /** All that `work` writes, or nothing of it when it throws. */
  transaction<T>(work: () => T): T {
    this.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.exec('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.exec('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.open) this.#db.close();
  }

  #prepare(sql: string, returnsRows: boolean): Prepared {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
    if (returnsRows) statement.raw();
    this.#statements.set(sql, statement);
    return statement;
  }

  #guard<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toHistoryError(error, this.path);
    }
  }
}

/** The parameters, if the driver takes them: at anything else it ends the process. */
function checked(params: readonly SqlValue[]): readonly SqlValue[] {
  for (const value of params) {
    if (value === null || typeof value === 'string' || typeof value === 'number') continue;
    throw new TypeError(`SQLite takes text and numbers, not ${typeof value}`);
  }
  return params;
}

function fileUri(path: string, access: Access): string {
  const escaped = path.replace(/[%?#]/g, encodeURIComponent);
  return `file:${escaped}?mode=${MODES[access]}`;
}

function toHistoryError(error: unknown, path: string): unknown {
  if (error instanceof HistoryError || !(error instanceof Error)) return error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const say = (kind: HistoryError['code'], text: string) => new HistoryError(kind, text, { cause: error });
  if (/^SQLITE_(NOTADB|CORRUPT)/.test(code)) {
    return say(
      'UNUSABLE',
      `${path} is damaged or not a SQLite file (${error.message}); restore it from a backup or name another file`,
    );
  }
  if (error.message.includes('no such index')) {
    return say(
      'UNUSABLE',
      `${path} lacks an index of the history (${error.message}); start the gateway once, which makes it again`,
    );
  }
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) {
    return say(
      'UNAVAILABLE',
      `${path} is locked by another process (${error.message}); end it and try again`,
    );
  }
  if (code.startsWith('SQLITE_') || /ConnectionFailed|not open/.test(error.message)) {
    return say(
      'UNAVAILABLE',
      `${path} cannot be used (${error.message}); check that it can be read and written and that its disk is not full`,
    );
  }
  return error;
}
