import { type AnyRecord, type ListedKind, recordValues } from '../../resources/registry.js';
import {
  BLOCK_LAYOUT,
  Block,
  type BlockBytes,
  type BlockRow,
  encodeBlock,
  mergeBlocks,
  packColumns,
  ROWS_COLUMN,
  unpackColumns,
} from '../columns/block.js';
import type { KnownValues } from '../columns/values.js';
import { unpackText } from '../stored-texts.js';
import type { Connection } from './connection.js';
import { BLOCKS_TABLE } from './schema.js';

/*
 * The column blocks of a file. A batch adds a small block, all columns in one value. When there are enough of these,
 * they become one large block with a row for each column, so that a count reads only the columns that it needs.
 */

/** The name of all columns of a small block. */
export const SMALL = '';

/** When small blocks are joined: they have so many rows, which makes a large block, or there are so many of them. */
export interface BlockSizes {
  readonly rows: number;
  readonly blocks: number;
}

export const BLOCK_SIZES: BlockSizes = { rows: 4_096, blocks: 64 };

/** The kind and the name of the row that has the layout of the blocks. */
const LAYOUT = ['', 'layout'];

const INSERT = 'INSERT INTO column_blocks (kind, name, after, last, size, data) VALUES (?, ?, ?, ?, ?, ?)';
const NEWEST = 'SELECT last FROM column_blocks WHERE kind = ? AND name = ? ORDER BY after DESC LIMIT 1';
const OLDEST = 'SELECT after FROM column_blocks WHERE kind = ? AND name = ? ORDER BY after LIMIT 1';
const LARGE = 'SELECT after FROM column_blocks WHERE kind = ? AND name = ? AND after < ? ORDER BY after';
const BLOCKS =
  'SELECT after, data FROM column_blocks WHERE kind = ? AND name = ? AND after < ? ORDER BY after';
const COLUMN = 'SELECT data FROM column_blocks WHERE kind = ? AND name = ? AND after = ?';

/** The rows of a block: revisions in `(after, last]`. */
interface Place {
  readonly kind: ListedKind;
  readonly after: number;
  readonly last: number;
  readonly size: number;
}

/** Adds the revisions of a kind that one batch wrote; the last revision before them is `lastRev`. */
export function writeBlock(
  connection: Connection,
  kind: ListedKind,
  rows: readonly BlockRow[],
  lastRev: number,
): void {
  const after = blockedUpTo(connection, kind) ?? (hasRows(connection, kind, lastRev, 0) ? lastRev : 0);
  const place = { kind, after, last: rows.at(-1)?.rev ?? after, size: rows.length };
  insertSmall(connection, place, encodeBlock(kind, after, rows));
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

/** What a block is made of: all small ones, or the newest of the revisions that an earlier version did not put in one. */
export type BlockSource = 'SMALL' | 'EARLIER';

/** A block that is not written yet. */
export interface MadeBlock extends Place {
  readonly columns: BlockBytes;
  readonly isLarge: boolean;
}

/** Whether `makeBlock` has something to make. */
export function isBlockDue(
  connection: Connection,
  source: BlockSource,
  kind: ListedKind,
  { rows, blocks }: BlockSizes,
): boolean {
  if (source === 'EARLIER') return !isBlocked(connection, kind, Number.MAX_SAFE_INTEGER);
  const sql = 'SELECT count(*), sum(size) FROM column_blocks WHERE kind = ? AND name = ?';
  const [count, size] = connection.first(sql, [kind, SMALL]) ?? [0, 0];
  return Number(count) >= blocks || Number(size) >= rows;
}

/** Reads only, since it takes long: the query worker makes the block, and the writer writes it. */
export function makeBlock(
  connection: Connection,
  source: BlockSource,
  kind: ListedKind,
  { rows: most }: BlockSizes,
): MadeBlock {
  if (source === 'SMALL') {
    const blocks: Block[] = [];
    let size = 0;
    // when many are left, those that fill a large block
    for (const block of smallBlocks(connection, kind, Number.MAX_SAFE_INTEGER)) {
      if (size >= most) break;
      blocks.push(block);
      size += block.size;
    }
    const [after, last] = [blocks[0]?.after ?? 0, blocks.at(-1)?.revs.at(-1) ?? 0];
    return { kind, after, last, size, columns: mergeBlocks(kind, blocks), isLarge: size >= most };
  }
  const newest = `SELECT rev FROM "${kind}" WHERE rev <= ? ORDER BY rev DESC LIMIT 1 OFFSET ?`;
  const revAt = (offset: number) =>
    Number(connection.first(newest, [unblocked(connection, kind), offset])?.[0] ?? 0);
  const [after, last] = [revAt(most), revAt(0)];
  const rows = readRows(connection, kind, after, last, most);
  return { kind, after, last, size: rows.length, columns: encodeBlock(kind, after, rows), isLarge: true };
}

/** Writes a block, in the place of the small ones that it was made of. */
export function putBlock(connection: Connection, block: MadeBlock): void {
  const { kind, after, last, columns, isLarge } = block;
  const sql = 'DELETE FROM column_blocks WHERE kind = ? AND name = ? AND after >= ? AND last <= ?';
  connection.run(sql, [kind, SMALL, after, last]);
  (isLarge ? insertLarge : insertSmall)(connection, block, columns);
}

function insertSmall(connection: Connection, { kind, after, last, size }: Place, columns: BlockBytes): void {
  connection.run(INSERT, [kind, SMALL, after, last, size, packColumns(columns)]);
}

function insertLarge(connection: Connection, { kind, after, last, size }: Place, columns: BlockBytes): void {
  for (const [name, data] of columns) connection.run(INSERT, [kind, name, after, last, size, data]);
}

function smallBlocks(connection: Connection, kind: ListedKind, lastRev: number): Block[] {
  return connection.all(BLOCKS, [kind, SMALL, lastRev]).map(([after, data]) => {
    const columns = unpackColumns(data as Uint8Array);
    return new Block(Number(after), (name) => columns.get(name) ?? new Uint8Array());
  });
}

function largeBlocks(
  connection: Connection,
  kind: ListedKind,
  lastRev: number,
  known: KnownValues | null,
): Block[] {
  const blocks = known?.blocks(kind) ?? new Map<number, Block>();
  return connection.all(LARGE, [kind, ROWS_COLUMN, lastRev]).map(([from]) => {
    const after = Number(from);
    const load = (name: string) => connection.first(COLUMN, [kind, name, after])?.[0] as Uint8Array;
    const block = blocks.get(after) ?? new Block(after, load, known && ((name) => known.columns(kind, name)));
    blocks.set(after, block);
    return block;
  });
}

/** All revisions of a kind up to `lastRev`, in blocks; those of before there were blocks are made from the records. */
export function readBlocks(
  connection: Connection,
  kind: ListedKind,
  lastRev: number,
  known: KnownValues | null,
): Block[] {
  const start = unblocked(connection, kind);
  const made = madeBlocks(connection, kind, Math.min(start, lastRev));
  if (start >= lastRev) return made;
  const large = largeBlocks(connection, kind, lastRev, known);
  return [...made, ...large, ...smallBlocks(connection, kind, lastRev)];
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
    const rows = readRows(connection, kind, after, last, BLOCK_SIZES.rows);
    if (rows.length === 0) return blocks;
    const columns = encodeBlock(kind, after, rows);
    blocks.push(new Block(after, (name) => columns.get(name) ?? new Uint8Array()));
    after = rows.at(-1)?.rev ?? after;
  }
}

/** The first revisions of a kind in `(after, last]`, as blocks have them. */
export function readRows(
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

/** Whether a file has blocks, with the columns that this version of the gateway makes. */
export function isCurrentBlockLayout(connection: Connection): boolean {
  const row = hasTable(connection)
    ? connection.first('SELECT data FROM column_blocks WHERE kind = ? AND name = ?', LAYOUT)
    : undefined;
  return row !== undefined && Buffer.from(row[0] as Uint8Array).toString() === BLOCK_LAYOUT;
}

function hasTable(connection: Connection): boolean {
  return connection.first("SELECT 1 FROM sqlite_master WHERE name = 'column_blocks'") !== undefined;
}

/** Removes blocks of another layout. They are made again while the store is in use. */
export function resetBlocks(connection: Connection): void {
  connection.transaction(() => {
    if (hasTable(connection)) connection.exec('DELETE FROM column_blocks');
    else connection.exec(BLOCKS_TABLE);
    connection.run(INSERT, [...LAYOUT, 0, 0, 0, Buffer.from(BLOCK_LAYOUT)]);
  });
}
