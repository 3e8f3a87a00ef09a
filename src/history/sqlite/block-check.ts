import type { ListedKind } from '../../resources/registry.js';
import { type BlockBytes, type BlockRow, encodeBlock, packColumns, ROWS_COLUMN } from '../columns/block.js';
import { HistoryError } from '../errors.js';
import { hasRows, readRows, SMALL } from './column-blocks.js';
import type { Connection } from './connection.js';
import type { SqlValue } from './driver.js';

/** Revisions in `(after, last]`. */
interface Stretch {
  readonly after: number;
  readonly last: number;
}

/** A block that was compared with its records. */
export interface CheckedBlock extends Stretch {
  /** `null` if one of its records cannot be read. */
  readonly isRight: boolean | null;
}

/** A revision, with `undefined` instead of values that cannot be read. */
type ReadRow = Omit<BlockRow, 'values'> & { readonly values: BlockRow['values'] | undefined };

/** Makes the blocks of a kind again from revisions that are read anyway, in their order, and compares them. */
export class BlockCheck {
  /** The last revision of the block that was compared last. */
  #from = 0;
  /** The block whose rows are being taken; `null`: there is none, `undefined`: it was not looked for yet. */
  #next: Stretch | null | undefined;
  #rows: ReadRow[] = [];

  constructor(
    private readonly connection: Connection,
    private readonly kind: ListedKind,
  ) {}

  /** The block that ends with this revision, if one does. */
  add(row: ReadRow): CheckedBlock | null {
    if (this.#next === undefined) this.#next = nextBlock(this.connection, this.kind, this.#from);
    if (this.#next === null || row.rev <= this.#next.after) return null;
    this.#rows.push(row);
    return row.rev < this.#next.last ? null : this.#check();
  }

  get from(): number {
    return this.#from;
  }

  /** The block after those that were compared; `null` at the end. */
  next(): CheckedBlock | null {
    return this.#check();
  }

  #check(): CheckedBlock | null {
    const [rows, from] = [this.#rows, this.#from];
    this.#rows = [];
    const checked = this.connection.snapshot(() =>
      checkNextBlock(this.connection, this.kind, from, (block) => this.#made(block, rows)),
    );
    this.#from = checked?.last ?? from;
    this.#next = nextBlock(this.connection, this.kind, this.#from);
    return checked;
  }

  /** `null` if a record cannot be read. From the records themselves if blocks were joined since the rows were taken. */
  #made({ after, last }: Stretch, rows: readonly ReadRow[]): BlockBytes | null {
    const isTaken = rows.length > 0 && this.#next?.after === after && this.#next.last === last;
    const all = isTaken ? rows : readRows(this.connection, this.kind, after, last, Number.MAX_SAFE_INTEGER);
    const own = all.filter(({ rev }) => rev <= last);
    return own.every(isReadable) ? encodeBlock(this.kind, after, own) : null;
  }
}

function isReadable(row: ReadRow): row is BlockRow {
  return row.values !== undefined;
}

function nextBlock(
  connection: Connection,
  kind: ListedKind,
  from: number,
): (Stretch & { name: string }) | null {
  const next = connection.first(
    'SELECT name, after, last FROM column_blocks WHERE kind = ? AND name IN (?, ?) AND last > ? ORDER BY after LIMIT 1',
    [kind, ROWS_COLUMN, SMALL, from],
  );
  return next ? { name: String(next[0]), after: Number(next[1]), last: Number(next[2]) } : null;
}

function checkNextBlock(
  connection: Connection,
  kind: ListedKind,
  from: number,
  made: (block: Stretch) => BlockBytes | null,
): CheckedBlock | null {
  const block = nextBlock(connection, kind, from);
  if (block === null) return null;
  const { name, after, last } = block;
  const columns = tolerant(() => made(block));
  if (columns === null) return { after, last, isRight: null };
  const wanted = name === SMALL ? new Map([[SMALL, packColumns(columns)]]) : columns;
  const found = connection.all(
    'SELECT name, data FROM column_blocks WHERE kind = ? AND after = ? AND (name = ?) = ?',
    [kind, after, SMALL, name === SMALL ? 1 : 0],
  );
  const isSame = found.every(([column, data]) => isEqual(data, wanted.get(String(column))));
  // blocks that were joined since the last call begin before `from`
  const isNext = from === 0 || after < from || !hasRows(connection, kind, after, from);
  const isInPlace = isNext && isAlone(connection, kind, after, last);
  return { after, last, isRight: isSame && found.length === wanted.size && isInPlace };
}

/** Whether no other block has revisions in `(after, last]`. */
function isAlone(connection: Connection, kind: ListedKind, after: number, last: number): boolean {
  const sql =
    'SELECT count(*) FROM column_blocks WHERE kind = ? AND name IN (?, ?) AND after < ? AND last > ?';
  return connection.first(sql, [kind, ROWS_COLUMN, SMALL, last, after])?.[0] === 1;
}

function tolerant(made: () => BlockBytes | null): BlockBytes | null {
  try {
    return made();
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    return null;
  }
}

function isEqual(data: SqlValue | undefined, wanted: Uint8Array | undefined): boolean {
  return data instanceof Uint8Array && wanted !== undefined && Buffer.compare(data, wanted) === 0;
}
