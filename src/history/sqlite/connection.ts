import { setImmediate } from 'node:timers/promises';
import { BoundedCache } from '../../values/bounded-cache.js';
import { HistoryError, type HistoryErrorCode } from '../errors.js';
import {
  Database,
  failureOf,
  type Row,
  type SqliteFailure,
  type SqlValue,
  type Statement,
} from './driver.js';

export interface Query {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/**
 * `create` makes the file where there is none, the others need it to be there. `immutable` is for a file that nothing can
 * write to, such as one on a read-only medium: SQLite then needs no other files beside it.
 */
export type OpenAccess = 'create' | 'write' | 'read' | 'immutable';

const MODES: Record<OpenAccess, string> = {
  create: 'rwc',
  write: 'rw',
  read: 'ro',
  immutable: 'ro&immutable=1',
};
/** What a prepared statement takes in SQLite's memory, roughly: by itself, and for each letter of its text. */
const STATEMENT_BYTES = 8_000;
const BYTES_A_LETTER = 20;

export interface ConnectionOptions {
  readonly busyTimeoutMs?: number;
  /** How much of the file is kept in SQLite's memory. */
  readonly cacheKib?: number;
}

/** One connection to a SQLite file, with its prepared statements. Failures are `HistoryError`s. */
export class Connection {
  readonly #db: Database;
  readonly #statements = new BoundedCache<Statement>(
    'sqliteStatements',
    (_statement, sql) => STATEMENT_BYTES + BYTES_A_LETTER * sql.length,
  );

  constructor(
    readonly path: string,
    readonly access: OpenAccess,
    { busyTimeoutMs = 5_000, cacheKib = 8_192 }: ConnectionOptions = {},
  ) {
    this.#db = this.#guard(() => new Database(path === ':memory:' ? path : fileUri(path, access)));
    try {
      this.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA cache_size = -${cacheKib}`);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** The rows of a statement that returns some. */
  all(sql: string, params: readonly SqlValue[] = []): Row[] {
    return this.#guard(() => this.#prepare(sql).all(params));
  }

  /** The first row, if there is one. */
  first(sql: string, params: readonly SqlValue[] = []): Row | undefined {
    return this.#guard(() => this.#prepare(sql).get(params));
  }

  /** Runs a statement that returns no rows. */
  run(sql: string, params: readonly SqlValue[] = []): void {
    this.#guard(() => this.#prepare(sql).run(params));
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

  /** What `read` reads is one state of the file. */
  snapshot<T>(read: () => T): T {
    if (this.#db.inTransaction) return read();
    this.exec('BEGIN');
    try {
      return read();
    } finally {
      this.exec('COMMIT');
    }
  }

  close(): void {
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #prepare(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#db.prepare(sql);
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

/** Spreads reads that are asked for at once over turns of the event loop, about `most` records in each. */
export class ReadTurns {
  #taken = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly most: number) {}

  /** Waits for the turn of so many records. */
  async take(records: number): Promise<void> {
    if (this.#taken >= this.most) {
      this.#taken = 0;
      this.#last = this.#last.then(() => setImmediate());
    }
    this.#taken += records;
    await this.#last;
  }
}

function fileUri(path: string, access: OpenAccess): string {
  const escaped = path.replace(/[%?#]/g, encodeURIComponent);
  return `file:${escaped}?mode=${MODES[access]}`;
}

function toHistoryError(error: unknown, path: string): unknown {
  const failure = failureOf(error);
  if (failure === null || !(error instanceof Error)) return error;
  if (error.message.includes('no such index')) {
    const text = `${path} has an index missing (${error.message}); start the gateway once to create it`;
    return new HistoryError('UNUSABLE', text, { cause: error });
  }
  const [code, text] = EXPLAINED[failure];
  return new HistoryError(code, `${path} ${text.replace('%', error.message)}`, { cause: error });
}

const EXPLAINED: Record<SqliteFailure, readonly [HistoryErrorCode, string]> = {
  CORRUPT: ['UNUSABLE', 'is damaged or not a SQLite file (%); restore it from a backup or name another file'],
  BUSY: ['UNAVAILABLE', 'is locked by another process (%); end it and try again'],
  FULL: ['FULL', 'cannot be written (%): its disk is full; free some space, and the gateway continues'],
  UNFINISHED: ['UNAVAILABLE', 'is not complete yet (%); start the gateway, which completes it'],
  READONLY: ['UNAVAILABLE', 'cannot be written (%); check the permissions of the file and its folder'],
  OTHER: [
    'UNAVAILABLE',
    'cannot be used (%); check that it can be read and written and that its disk is not full',
  ],
};

/** The names of integrations and the small numbers that stand for them in tables and indexes. */
export class Integrations {
  readonly #numbers = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(private readonly connection: Connection) {}

  /** The number of an integration, given to it now if it has none: for the writer, in its transaction. */
  numberOf(name: string): number {
    const known = this.find(name);
    if (known !== undefined) return known;
    this.connection.run('INSERT INTO integrations (name) VALUES (?)', [name]);
    this.reload();
    return this.find(name) ?? Number.NaN;
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The name behind a number that stands in a row. */
  nameOf(n: number): string {
    if (!this.#names.has(n)) this.reload();
    return this.#names.get(n) ?? '';
  }

  /** The names asked for that are known, or all, in byte order of nothing in particular. */
  select(names: readonly string[] | null): { readonly n: number; readonly name: string }[] {
    const chosen = names === null ? [...this.#numbers.keys()] : [...new Set(names)];
    return chosen.flatMap((name) => {
      const n = this.#numbers.get(name);
      return n === undefined ? [] : [{ n, name }];
    });
  }

  /** Reads the table anew: after a rollback, and where another process writes. */
  reload(): void {
    this.#numbers.clear();
    this.#names.clear();
    for (const [n, name] of this.connection.all('SELECT n, name FROM integrations')) {
      this.#numbers.set(String(name), Number(n));
      this.#names.set(Number(n), String(name));
    }
  }
}
