import type { DatabaseSyncInstance, StatementSyncInstance } from '@photostructure/sqlite';

/*
 * The API of `node:sqlite`: the module of the running Node where that has it stable, else the package with the same
 * API. docs/adr/0007-sqlite-driver.md has the reasons. The package cuts text at the first NUL character, in both
 * directions; this file hides that, and every other difference between the two.
 */

/** What goes in and out of SQLite. Integers beyond 2^53 come as bigint. */
export type SqlValue = string | number | bigint | Uint8Array | null;
/** One row, its values in the order of the statement's columns. */
export type Row = readonly SqlValue[];

/**
 * Why SQLite refused; `OTHER` where it makes no difference. A file is `UNFINISHED` for a reader while its first
 * transaction is being written.
 */
export type SqliteFailure = 'BUSY' | 'CORRUPT' | 'FULL' | 'UNFINISHED' | 'READONLY' | 'OTHER';

const STABLE_SINCE = 24;
const isBuiltIn = Number.parseInt(process.versions.node, 10) >= STABLE_SINCE;
const { DatabaseSync } = isBuiltIn ? builtIn() : await import('@photostructure/sqlite');

/** Which of the two is in use, for tests. */
export const driverName = isBuiltIn ? 'node:sqlite' : '@photostructure/sqlite';

function builtIn(): typeof import('@photostructure/sqlite') {
  return process.getBuiltinModule(
    'node:sqlite' as 'node:fs',
  ) as unknown as typeof import('@photostructure/sqlite');
}

export class Database {
  readonly #db: DatabaseSyncInstance;

  /** `location` is a file's URI, or `:memory:`. */
  constructor(location: string) {
    this.#db = new DatabaseSync(location);
  }

  get isOpen(): boolean {
    return this.#db.isOpen;
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction;
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  prepare(sql: string): Statement {
    return new Statement(this.#db, sql);
  }

  /** Ends the statements too. */
  close(): void {
    this.#db.close();
  }
}

/** A prepared statement. Only the rows of a SELECT keep the text after a NUL character, not those of RETURNING. */
export class Statement {
  readonly #prepared: StatementSyncInstance;

  constructor(
    private readonly db: DatabaseSyncInstance,
    private readonly sql: string,
  ) {
    this.#prepared = prepared(db, sql);
  }

  all(params: readonly SqlValue[]): Row[] {
    const rows = this.#reading(params, (statement) => statement.all(...bindable(params)) as Row[]);
    for (const row of rows) toText(row);
    return rows;
  }

  get(params: readonly SqlValue[]): Row | undefined {
    const row = this.#reading(params, (statement) => statement.get(...bindable(params)) as Row | undefined);
    return row && toText(row);
  }

  run(params: readonly SqlValue[]): void {
    this.#for(params).run(...bindable(params));
  }

  #for(params: readonly SqlValue[]): StatementSyncInstance {
    return isBuiltIn || !params.some(hasNul) ? this.#prepared : prepared(this.db, castSql(this.sql, params));
  }

  #reading<T>(params: readonly SqlValue[], read: (statement: StatementSyncInstance) => T): T {
    const statement = this.#for(params);
    try {
      return read(statement);
    } catch (error) {
      if (!(error instanceof Error && /too large to be represented/.test(error.message))) throw error;
      statement.setReadBigInts(true);
      try {
        return read(statement);
      } finally {
        statement.setReadBigInts(false);
      }
    }
  }
}

function prepared(db: DatabaseSyncInstance, sql: string): StatementSyncInstance {
  const statement = db.prepare(sql);
  const whole =
    !isBuiltIn && /^\s*(?:SELECT|WITH)\b/i.test(sql) ? db.prepare(wholeTextSql(sql, statement)) : statement;
  whole.setReturnArrays(true);
  return whole;
}

/** A column of this name has JSON, in which a NUL character is always escaped: it is not searched for one. */
const JSON_COLUMN = 'json';

/** The same rows, in which a text with a NUL character comes as bytes that begin with another one. */
function wholeTextSql(sql: string, statement: StatementSyncInstance): string {
  const columns = statement.columns().map(({ type, name }, i) => ({
    ...{ name: `c${i}`, isText: type !== 'INTEGER' && name !== JSON_COLUMN },
  }));
  const values = columns.map(({ name, isText }) =>
    isText
      ? `iif(typeof(${name}) = 'text' AND instr(${name}, char(0)), CAST(char(0) || ${name} AS BLOB), ${name})`
      : name,
  );
  return `WITH r(${columns.map(({ name }) => name).join(', ')}) AS (${sql}) SELECT ${values.join(', ')} FROM r`;
}

/** The statement with those parameters as bytes made text again that hold a NUL character. */
function castSql(sql: string, params: readonly SqlValue[]): string {
  let next = 0;
  return sql.replace(/'[^']*'|"[^"]*"|\?(\d*)/g, (token, digits: string | undefined) => {
    if (digits === undefined) return token;
    const place = digits === '' ? next++ : Number(digits) - 1;
    // the plus takes away the affinity that a CAST has and a parameter has not
    return hasNul(params[place]) ? `(+CAST(${token} AS TEXT))` : token;
  });
}

function hasNul(value: SqlValue | undefined): boolean {
  return typeof value === 'string' && value.includes('\0');
}

/** The parameters as both drivers take them. They would take a few other things, each in its way. */
function bindable(params: readonly SqlValue[]): SqlValue[] {
  return params.map((value) => {
    if (typeof value === 'string') return !isBuiltIn && hasNul(value) ? Buffer.from(value) : value;
    if (value === null || typeof value === 'number' || typeof value === 'bigint') return value;
    if (value instanceof Uint8Array) return value;
    throw new TypeError(`SQLite takes text, numbers and bytes, not ${typeof value}`);
  });
}

/** Changes the row in place: text that came as bytes becomes text, bigints become numbers where these are exact. */
function toText(row: Row): Row {
  const cells = row as unknown[];
  for (let i = 0; i < cells.length; i += 1) {
    const cell = cells[i];
    if (!isBuiltIn && cell instanceof Uint8Array && cell[0] === 0)
      cells[i] = Buffer.from(cell.buffer, cell.byteOffset + 1, cell.length - 1).toString();
    else if (typeof cell === 'bigint' && Number.isSafeInteger(Number(cell))) cells[i] = Number(cell);
  }
  return row;
}

const FAILURES: readonly (readonly [SqliteFailure, codes: readonly number[], message: RegExp])[] = [
  ['BUSY', [5, 6], /(?:database|table) is locked/],
  ['CORRUPT', [11, 26], /malformed$|file is not a database/],
  ['FULL', [13], /disk is full/],
  ['UNFINISHED', [776], /^$/],
  ['READONLY', [8], /readonly database/],
];

/** Why SQLite refused; `null` for an error that is not SQLite's. */
export function failureOf(error: unknown): SqliteFailure | null {
  if (!(error instanceof Error)) return null;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code !== 'ERR_SQLITE_ERROR' && !/not open/.test(error.message)) return null;
  // the package gives no number for what fails while rows are read
  const known = FAILURES.find(([, codes, message]) =>
    typeof errcode === 'number'
      ? codes.some((code) => code === errcode || code === (errcode & 0xff))
      : message.test(error.message),
  );
  return known?.[0] ?? 'OTHER';
}
