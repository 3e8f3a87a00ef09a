import { OPEN_SEQ } from '../../model/revision.js';
import type { RunRecord } from '../../model/run.js';
import { DEFAULT_ORDER, FIRST_FIELDS, isListed, KINDS, type Kind } from '../../resources/registry.js';
import { parsedJson } from '../../values/canonical-json.js';
import { type Fields, isRecord } from '../../values/filter.js';
import { packOwn, unpackText } from '../stored-texts.js';
import { COLUMN_NAMES, COLUMNS, references, type SqlColumn } from './columns.js';
import type { Connection } from './connection.js';

/*
 * The tables, as docs/adr/0002-history-in-sqlite.md explains them. A kind's table has a row a revision, with
 * the columns that lists are filtered and ordered by; what is large lies apart in `bodies`.
 */

/** `abgh`: marks a SQLite file as a history of this gateway's. */
export const APPLICATION_ID = 0x61626768;
/** The tables' version; a file of a later one is refused, one of an earlier is upgraded by its writer. */
export const SCHEMA_VERSION = 7;
/**
 * Files of this version and later can be read without an upgrade: later versions only store texts in another way, and
 * batches of several runs.
 */
export const READABLE_SINCE = 2;

/** To be raised when `fieldsOf` reads other values out of the same records. */
const PROJECTION = 1;

/** What the columns that lists go by are made from; where a file has another layout they are made anew. */
export const PROJECTION_KEY = `${PROJECTION} ${JSON.stringify(FIRST_FIELDS)}`;

/**
 * What every kind's table has of a revision. Numbers are INTEGER where they count; the columns of fields have
 * no affinity, so that `'5' = 5` stays false. When a batch wrote and for which run is in `batches`. What is
 * nearly always the same is left to its default.
 */
const REVISION = `
  rev INTEGER PRIMARY KEY,
  integration INTEGER NOT NULL,
  id TEXT NOT NULL,
  seq_from INTEGER NOT NULL,
  seq_to INTEGER NOT NULL DEFAULT ${OPEN_SEQ},
  verified_at TEXT NOT NULL,
  verified_seq INTEGER,
  digest TEXT NOT NULL,
  origin TEXT NOT NULL,
  deleted INTEGER NOT NULL DEFAULT 0,
  body INTEGER,
  ahead INTEGER NOT NULL DEFAULT 0`;

/** What the gateway keeps of its own, beside what it read. */
const KEPT = `
CREATE TABLE documents (
  collection TEXT NOT NULL,
  id TEXT NOT NULL,
  version INTEGER NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE TABLE journals (
  journal TEXT NOT NULL,
  n INTEGER NOT NULL,
  at TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (journal, n)
);
`;

/** Runs of revisions by columns, which column-blocks.ts explains. */
export const BLOCKS_TABLE = `
CREATE TABLE column_blocks (
  n INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  after INTEGER NOT NULL,
  last INTEGER NOT NULL,
  size INTEGER NOT NULL,
  data BLOB NOT NULL
);
CREATE INDEX column_blocks_place ON column_blocks (kind, name, after, last, size);
`;

/** What makes the tables of each earlier version those of the next. */
const UPGRADES = new Map([[1, KEPT]]);

const COMMON = `
CREATE TABLE layout (fields TEXT NOT NULL);
CREATE TABLE batches (
  seq INTEGER PRIMARY KEY,
  at TEXT NOT NULL UNIQUE,
  id TEXT NOT NULL UNIQUE,
  run_id TEXT NOT NULL,
  last_rev INTEGER NOT NULL,
  outcome TEXT NOT NULL
);
CREATE TABLE integrations (n INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE bodies (rev INTEGER PRIMARY KEY, record TEXT NOT NULL, received TEXT NOT NULL);
CREATE TABLE tallies (
  kind TEXT NOT NULL,
  integration INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  live INTEGER NOT NULL,
  PRIMARY KEY (kind, integration, seq)
) WITHOUT ROWID;
CREATE TABLE tops (
  kind TEXT NOT NULL,
  field TEXT NOT NULL,
  integration INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  top TEXT NOT NULL,
  PRIMARY KEY (kind, field, integration, seq)
) WITHOUT ROWID;
CREATE TABLE ledger (
  n INTEGER PRIMARY KEY,
  stream TEXT NOT NULL,
  win_from TEXT NOT NULL,
  win_to TEXT NOT NULL,
  seq INTEGER NOT NULL,
  entry TEXT NOT NULL
);
CREATE INDEX ledger_window ON ledger (stream, win_to, win_from, seq);
CREATE TABLE streams (stream TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
  id TEXT PRIMARY KEY,
  integration TEXT NOT NULL,
  started_at TEXT NOT NULL,
  run TEXT NOT NULL
);
CREATE INDEX runs_started ON runs (started_at, id);
CREATE INDEX runs_integration ON runs (integration, started_at, id);
CREATE INDEX runs_trigger ON runs (json_extract(run, '$.trigger'), started_at, id);
CREATE TABLE quarantine (
  integration TEXT NOT NULL,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  entry TEXT NOT NULL,
  PRIMARY KEY (integration, kind, id)
) WITHOUT ROWID;
CREATE TABLE leases (name TEXT PRIMARY KEY, holder TEXT NOT NULL, expires_ms INTEGER NOT NULL) WITHOUT ROWID;
`;

/** Everything that a new history needs. */
export function schemaSql(): string {
  return [COMMON, KEPT, BLOCKS_TABLE, ...KINDS.map(kindSql)].join('\n');
}

/** Makes each index that is not there, which a file that was worked on by hand may lack. */
export function missingIndexesSql(): string {
  const indexes = schemaSql().match(/CREATE INDEX [^;]+;/g) ?? [];
  return indexes.map((sql) => sql.replace('CREATE INDEX', 'CREATE INDEX IF NOT EXISTS')).join('\n');
}

/** What brings the tables of version `from` up to date. */
export function upgradeSql(from: number): string {
  const later = [...UPGRADES].filter(([version]) => version >= from);
  return later.map(([, sql]) => sql).join('\n');
}

/** A run as its column has it: what an index finds it by, and the whole, which earlier versions stored as it is. */
export function packRun(run: RunRecord): string {
  return JSON.stringify({ trigger: run.trigger, packed: packOwn(JSON.stringify(run)).toString('base64') });
}

/** A run from its column, not yet checked; `null` or `undefined` if it cannot be read. */
export function unpackRun(cell: unknown): unknown {
  const stored = parsedJson(unpackText(cell) ?? '');
  if (!isRecord(stored) || typeof stored.packed !== 'string') return stored;
  const run = parsedJson(unpackText(Buffer.from(stored.packed, 'base64')) ?? '');
  // the index goes by what is outside
  return isRecord(run) && run.trigger === stored.trigger ? run : null;
}

/** The table that holds who refers to what by one field. */
export function referenceTable(kind: Kind, field: string): string {
  return `"${kind}_${field}"`;
}

/**
 * How a value stands in a reference table. Most are 64-bit integers as text: as integers they take a third of
 * the space, and references, which come in no order, are most of what a write has to touch.
 */
export function referenceValue(sql: string): string {
  return `iif(CAST(CAST(${sql} AS INTEGER) AS TEXT) = ${sql}, CAST(${sql} AS INTEGER), ${sql})`;
}

/** The index by which a kind's revisions are found by their key, and pages ordered by id are walked. */
export function keyIndex(kind: Kind): string {
  return `"${kind}_key"`;
}

/** The index that pages ordered by a field walk. */
export function orderIndex(kind: Kind, field: string): string {
  return `"${kind}_by_${field}"`;
}

/**
 * Whether an order has an index of its own to walk. Numbers have not: they are few and come in no order, so
 * every revision written would touch another page of it. They are sorted instead, out of the index of the
 * default order, which has them too.
 */
export function isWalked({ spec, field }: SqlColumn): boolean {
  return field === 'id' || (spec.order === true && spec.type !== 'number');
}

/** As `orderIndex`, of the few revisions only that are ahead (see `high-water-marks.ts`). */
export function aheadIndex(kind: Kind, field: string): string {
  return `"${kind}_ahead_${field}"`;
}

/** The table of a kind with its indexes and reference tables. */
export function kindSql(kind: Kind): string {
  const fields = isListed(kind) ? COLUMN_NAMES[kind] : [];
  const columns = isListed(kind) ? COLUMNS[kind] : [];
  return [
    `CREATE TABLE "${kind}" (${[REVISION, ...fields].join(',\n  ')}\n);`,
    `CREATE INDEX ${keyIndex(kind)} ON "${kind}" (integration, id, seq_to, seq_from, deleted);`,
    ...columns.filter(isWalked).flatMap((column) => orderSql(kind, column, columns)),
    ...columns.filter(({ spec }) => spec.reference).map(({ field }) => referenceSql(kind, field)),
  ].join('\n');
}

function orderSql(kind: Kind, { field, sql, spec }: SqlColumn, columns: readonly SqlColumn[]): string[] {
  const isDefault = isListed(kind) && field === DEFAULT_ORDER[kind];
  const scanned = isDefault
    ? columns.filter((column) => column.spec.order === true && !isWalked(column))
    : [];
  const on = `ON "${kind}" (${['integration', sql, 'id', 'seq_to', 'seq_from'].join(', ')}`;
  const also = scanned.map((column) => `, ${column.sql}`).join('');
  const all = `CREATE INDEX ${orderIndex(kind, field)} ${on}${also}) WHERE deleted = 0;`;
  if (spec.type !== 'instant') return [all];
  return [all, `CREATE INDEX ${aheadIndex(kind, field)} ${on}) WHERE deleted = 0 AND ahead = 1;`];
}

function referenceSql(kind: Kind, field: string): string {
  const table = referenceTable(kind, field);
  return `CREATE TABLE ${table} (
  integration INTEGER NOT NULL,
  value NOT NULL,
  rev INTEGER NOT NULL,
  PRIMARY KEY (integration, value, rev)
) WITHOUT ROWID;`;
}

/** What is written of one kind; made once, so that the connection knows each text by sight. */
interface KindStatements {
  /** The current revisions of the keys whose ids are in a list: (ids, integration, OPEN_SEQ). */
  readonly current: string;
  /** (rev, integration, id, seq, verified_at, digest, origin), then what the columns of `COLUMN_NAMES` hold. */
  readonly insert: string;
  /** A tombstone of the revision that comes last: (rev, seq, verified_at, rev before). */
  readonly bury: string;
  /** (seq_to, rev) */
  readonly close: string;
  /** (verified_at, verified_seq, rev) */
  readonly confirm: string;
  /** For each `reference` field: (integration, list of [value, rev]). */
  readonly refer: readonly { readonly field: string; readonly sql: string }[];
}

const STATEMENTS = new Map(KINDS.map((kind) => [kind, statementsOf(kind)]));

export function statements(kind: Kind): KindStatements {
  return STATEMENTS.get(kind) ?? statementsOf(kind);
}

function statementsOf(kind: Kind): KindStatements {
  const listed = isListed(kind) ? COLUMN_NAMES[kind] : [];
  const columns = ['rev', 'integration', 'id', 'seq_from', 'verified_at', 'digest', 'origin', ...listed];
  const references = isListed(kind) ? COLUMNS[kind].filter(({ spec }) => spec.reference) : [];
  return {
    current: `SELECT k.value, t.rev, t.seq_from, t.verified_at, coalesce(t.verified_seq, t.seq_from), t.digest,
        t.deleted
      FROM json_each(?) k
      CROSS JOIN "${kind}" t ON t.integration = ? AND t.id = k.value AND t.seq_to = ?`,
    insert: `INSERT INTO "${kind}" (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    bury: `INSERT INTO "${kind}" (rev, integration, id, seq_from, verified_at, digest, origin, deleted, body)
      SELECT ?, integration, id, ?, ?, digest, origin, 1, coalesce(body, rev) FROM "${kind}" WHERE rev = ?`,
    close: `UPDATE "${kind}" SET seq_to = ? WHERE rev = ?`,
    confirm: `UPDATE "${kind}" SET verified_at = ?, verified_seq = ? WHERE rev = ?`,
    refer: references.map(({ field }) => ({
      field,
      sql: `INSERT INTO ${referenceTable(kind, field)} (integration, value, rev)
        SELECT ?, ${referenceValue('value ->> 0')} AS value, value ->> 1 FROM json_each(?) ORDER BY 2`,
    })),
  };
}

/** Gathers what new revisions refer to, then writes it, all of one field in one go: several times as quick. */
export class References {
  /** By the statement that writes them: each value with the revision that has it. */
  readonly #found = new Map<string, Map<number, [value: string, rev: number][]>>();

  add(kind: Kind, integration: number, rev: number, fields: Fields): void {
    for (const { field, sql } of statements(kind).refer) {
      const values = references(fields, field);
      if (values.length === 0) continue;
      const ofField = this.#found.get(sql) ?? new Map<number, [string, number][]>();
      const pairs = ofField.get(integration) ?? [];
      for (const value of values) pairs.push([value, rev]);
      this.#found.set(sql, ofField.set(integration, pairs));
    }
  }

  write(connection: Connection): void {
    for (const [sql, ofField] of this.#found) {
      for (const [integration, pairs] of ofField) connection.run(sql, [integration, JSON.stringify(pairs)]);
    }
    this.#found.clear();
  }
}
