import { setImmediate } from 'node:timers/promises';
import { type AnyRecord, LISTED_KINDS, type ListedKind } from '../../resources/registry.js';
import {
  BLOCK_LAYOUT,
  Block,
  type BlockBytes,
  type BlockRow,
  encodeBlock,
  mergeBlocks,
  packColumns,
  ROWS_COLUMN,
  recordValues,
  unpackColumns,
} from '../columns/block.js';
import { unpackText } from '../stored-texts.js';
import type { Connection } from './connection.js';
import { BLOCKS_TABLE } from './schema.js';

/*
 * The column blocks of a file. A batch adds a small block, all columns in one value. When there are enough of these,
 * they become one large block with a row for each column, so that a count reads only the columns that it needs.
 */

/** The name of all columns of a small block. */
const SMALL = '';

/** When small blocks become a large one: they have so many rows, or there are so many of them. */
const LARGE_ROWS = 4_096;
const SMALL_BLOCKS = 64;
/** How many records are read without letting other work in between. */
const ROWS_AT_ONCE = 100;
/** The kind and the name of the row that has the layout of the blocks. */
const LAYOUT = ['', 'layout'];

const INSERT = 'INSERT INTO column_blocks (kind, name, after, last, size, data) VALUES (?, ?, ?, ?, ?, ?)';
const NEWEST = 'SELECT last FROM column_blocks WHERE kind = ? AND name = ? ORDER BY after DESC LIMIT 1';
const OLDEST = 'SELECT after FROM column_blocks WHERE kind = ? AND name = ? ORDER BY after LIMIT 1';
const BLOCKS =
  'SELECT after, data FROM column_blocks WHERE kind = ? AND name = ? AND after < ? ORDER BY after';
const COLUMN = 'SELECT data FROM column_blocks WHERE kind = ? AND name = ? AND after = ?';

/** Adds the revisions of a kind that one batch wrote; the last revision before them is `lastRev`. */
export function writeBlock(
  connection: Connection,
  kind: ListedKind,
  rows: readonly BlockRow[],
  lastRev: number,
): void {
  const after = blockedUpTo(connection, kind) ?? (hasRows(connection, kind, lastRev, 0) ? lastRev : 0);
  insertSmall(
    connection,
    kind,
    after,
    rows.at(-1)?.rev ?? after,
    rows.length,
    encodeBlock(kind, after, rows),
  );
  const [count, size] = connection.first(
    'SELECT count(*), sum(size) FROM column_blocks WHERE kind = ? AND name = ?',
    [kind, SMALL],
  ) ?? [0, 0];
  if (Number(count) >= SMALL_BLOCKS || Number(size) >= LARGE_ROWS) merge(connection, kind);
}

/** The last revision that is in a block; `null` if there is no block. */
function blockedUpTo(connection: Connection, kind: ListedKind): number | null {
  const row = connection.first(NEWEST, [kind, SMALL]) ?? connection.first(NEWEST, [kind, ROWS_COLUMN]);
  return row ? Number(row[0]) : null;
}

/** Whether every revision of a kind up to `last` is in a block. */
export function isBlocked(connection: Connection, kind: ListedKind, last: number): boolean {
  return !hasRows(connection, kind, Math.min(unblocked(connection, kind), last), 0);
}

/** Whether there are revisions of a kind in `(after, last]`. */
export function hasRows(connection: Connection, kind: ListedKind, last: number, after: number): boolean {
  const sql = `SELECT 1 FROM "${kind}" WHERE rev > ? AND rev <= ? LIMIT 1`;
  return connection.first(sql, [after, last]) !== undefined;
}

/** Joins the small blocks. */
function merge(connection: Connection, kind: ListedKind): void {
  const blocks = smallBlocks(connection, kind, Number.MAX_SAFE_INTEGER);
  const after = blocks[0]?.after ?? 0;
  const last = blockedUpTo(connection, kind) ?? after;
  const size = blocks.reduce((sum, block) => sum + block.size, 0);
  const columns = mergeBlocks(kind, blocks);
  connection.run('DELETE FROM column_blocks WHERE kind = ? AND name = ?', [kind, SMALL]);
  if (size < LARGE_ROWS) insertSmall(connection, kind, after, last, size, columns);
  else insertLarge(connection, kind, after, last, size, columns);
}

function insertSmall(
  connection: Connection,
  kind: ListedKind,
  after: number,
  last: number,
  size: number,
  columns: BlockBytes,
): void {
  connection.run(INSERT, [kind, SMALL, after, last, size, packColumns(columns)]);
}

function insertLarge(
  connection: Connection,
  kind: ListedKind,
  after: number,
  last: number,
  size: number,
  columns: BlockBytes,
): void {
  for (const [name, data] of columns) connection.run(INSERT, [kind, name, after, last, size, data]);
}

function smallBlocks(connection: Connection, kind: ListedKind, lastRev: number): Block[] {
  return connection.all(BLOCKS, [kind, SMALL, lastRev]).map(([after, data]) => {
    const columns = unpackColumns(data as Uint8Array);
    return new Block(Number(after), (name) => columns.get(name) ?? new Uint8Array());
  });
}

function largeBlocks(connection: Connection, kind: ListedKind, lastRev: number): Block[] {
  return connection.all(BLOCKS, [kind, ROWS_COLUMN, lastRev]).map(([after, rows]) => {
    const load = (name: string) => connection.first(COLUMN, [kind, name, Number(after)])?.[0] as Uint8Array;
    return new Block(Number(after), (name) => (name === ROWS_COLUMN ? (rows as Uint8Array) : load(name)));
  });
}

/** All revisions of a kind up to `lastRev`, in blocks; those of before there were blocks are made from the records. */
export function readBlocks(connection: Connection, kind: ListedKind, lastRev: number): Block[] {
  const start = unblocked(connection, kind);
  const made = madeBlocks(connection, kind, Math.min(start, lastRev));
  if (start >= lastRev) return made;
  return [
    ...made,
    ...largeBlocks(connection, kind, lastRev),
    ...smallBlocks(connection, kind, lastRev),
  ];
}

/** Revisions up to this one are in no block. */
function unblocked(connection: Connection, kind: ListedKind): number {
  if (!isCurrentBlockLayout(connection)) return Number.MAX_SAFE_INTEGER;
  const row = connection.first(OLDEST, [kind, ROWS_COLUMN]) ?? connection.first(OLDEST, [kind, SMALL]);
  return row ? Number(row[0]) : Number.MAX_SAFE_INTEGER;
}

function madeBlocks(connection: Connection, kind: ListedKind, last: number): Block[] {
  const blocks: Block[] = [];
  for (let after = 0; ; ) {
    const rows = readRows(connection, kind, after, last, LARGE_ROWS);
    const columns = encodeBlock(kind, after, rows);
    if (rows.length === 0) return blocks;
    blocks.push(new Block(after, (name) => columns.get(name) ?? new Uint8Array()));
    after = rows.at(-1)?.rev ?? after;
  }
}

/** The first revisions of a kind in `(after, last]`, as blocks have them. */
function readRows(
  connection: Connection,
  kind: ListedKind,
  after: number,
  last: number,
  limit: number,
): BlockRow[] {
  const sql = `SELECT t.rev, t.integration, t.deleted, b.record, (SELECT p.rev FROM "${kind}" p
        WHERE p.integration = t.integration AND p.id = t.id AND p.seq_to = t.seq_from AND p.seq_from < p.seq_to)
      FROM "${kind}" t JOIN bodies b ON b.rev = coalesce(t.body, t.rev)
      WHERE t.rev > ? AND t.rev <= ? ORDER BY t.rev LIMIT ?`;
  return connection.all(sql, [after, last, limit]).map(([rev, account, deleted, record, prior]) => ({
    ...{ rev: Number(rev), prior: Number(prior ?? 0), account: Number(account) },
    values: deleted === 1 ? null : recordValues(kind, JSON.parse(unpackText(record) ?? '') as AnyRecord),
  }));
}

/** Connections to files whose blocks have the columns that this version of the gateway makes. */
const current = new WeakSet<Connection>();

/** Whether a file has blocks, with the columns that this version of the gateway makes. */
export function isCurrentBlockLayout(connection: Connection): boolean {
  if (current.has(connection)) return true;
  const row = hasTable(connection)
    ? connection.first('SELECT data FROM column_blocks WHERE kind = ? AND name = ?', LAYOUT)
    : undefined;
  const isCurrent = row !== undefined && Buffer.from(row[0] as Uint8Array).toString() === BLOCK_LAYOUT;
  if (isCurrent) current.add(connection);
  return isCurrent;
}

function hasTable(connection: Connection): boolean {
  return connection.first("SELECT 1 FROM sqlite_master WHERE name = 'column_blocks'") !== undefined;
}

/** Removes blocks of another layout. `blockEarlier` makes them again. */
export function resetBlocks(connection: Connection): void {
  connection.transaction(() => {
    if (hasTable(connection)) connection.exec('DELETE FROM column_blocks');
    else connection.exec(BLOCKS_TABLE);
    connection.run(INSERT, [...LAYOUT, 0, 0, 0, Buffer.from(BLOCK_LAYOUT)]);
  });
}

/**
 * Makes the blocks of revisions that a version without blocks wrote, the newest first, a few records at a time. Ends
 * early if `isOver`; the next start continues.
 */
export async function blockEarlier(connection: Connection, isOver: () => boolean): Promise<void> {
  for (const kind of LISTED_KINDS) {
    for (;;) {
      const last = connection.first(`SELECT max(rev) FROM "${kind}" WHERE rev <= ?`, [
        unblocked(connection, kind),
      ])?.[0];
      if (last === null || last === undefined) break;
      const before = `SELECT rev FROM "${kind}" WHERE rev <= ? ORDER BY rev DESC LIMIT 1 OFFSET ${LARGE_ROWS}`;
      const after = Number(connection.first(before, [last])?.[0] ?? 0);
      const rows: BlockRow[] = [];
      while ((rows.at(-1)?.rev ?? after) < Number(last)) {
        await setImmediate();
        if (isOver()) return;
        rows.push(...readRows(connection, kind, rows.at(-1)?.rev ?? after, Number(last), ROWS_AT_ONCE));
      }
      const columns = encodeBlock(kind, after, rows);
      connection.transaction(() => insertLarge(connection, kind, after, Number(last), rows.length, columns));
    }
  }
}

/** A block that was compared with its records. */
export interface CheckedBlock {
  readonly after: number;
  readonly last: number;
  readonly isRight: boolean;
}

/** Makes the next block after revision `from` again and compares it; `null` if there is none. */
export function checkNextBlock(connection: Connection, kind: ListedKind, from: number): CheckedBlock | null {
  const next = connection.first(
    'SELECT name, after, last FROM column_blocks WHERE kind = ? AND name IN (?, ?) AND last > ? ORDER BY after LIMIT 1',
    [kind, ROWS_COLUMN, SMALL, from],
  );
  if (!next) return null;
  const [name, after, last] = [next[0], Number(next[1]), Number(next[2])];
  const columns = encodeBlock(kind, after, readRows(connection, kind, after, last, Number.MAX_SAFE_INTEGER));
  const wanted = name === SMALL ? new Map([[SMALL, packColumns(columns)]]) : columns;
  const isSmall = name === SMALL ? 1 : 0;
  const found = connection.all(
    'SELECT name, data FROM column_blocks WHERE kind = ? AND after = ? AND (name = ?) = ?',
    [kind, after, SMALL, isSmall],
  );
  const isSame = found.every(
    ([column, data]) =>
      Buffer.compare(data as Uint8Array, wanted.get(String(column)) ?? new Uint8Array()) === 0,
  );
  const isInPlace = from === 0 || (after >= from && !hasRows(connection, kind, after, from));
  return { after, last, isRight: isSame && found.length === wanted.size && isInPlace };
}
