import type { ListedKind } from '../../resources/registry.js';
import {
  BlockBuilder,
  type BlockBytes,
  type BlockRow,
  encodeBlock,
  packColumns,
  ROWS_COLUMN,
} from '../columns/block.js';
import { HistoryError } from '../errors.js';
import { hasRows, readRows, SMALL } from './column-blocks.js';
import type { Connection } from './connection.js';
import type { SqlValue } from './driver.js';

/** How many rows are kept before they become columns. */
const AT_ONCE = 100;

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
  #made: BlockBuilder | null = null;
  /** Those that `#made` does not have yet. */
  #rows: BlockRow[] = [];
  /** The last row that was taken. */
  #taken = 0;
  #isReadable = true;

  constructor(
    private readonly connection: Connection,
    private readonly kind: ListedKind,
  ) {}

  get from(): number {
    return this.#from;
  }

  /** The blocks that end with this revision or before it. */
  *add({ values, ...row }: ReadRow): Generator<CheckedBlock> {
    if (this.#next === undefined) this.#next = nextBlock(this.connection, this.kind, this.#from);
    // a block whose last rows are missing
    while (this.#next && row.rev > this.#next.last) yield* this.next();
    if (!this.#next || row.rev <= this.#next.after) return;
    this.#made ??= new BlockBuilder(this.kind, this.#next.after);
    this.#taken = row.rev;
    if (values === undefined) this.#isReadable = false;
    else this.#rows.push({ ...row, values });
    if (this.#rows.length === AT_ONCE) this.#flush();
    if (row.rev === this.#next.last) yield* this.next();
  }

  /** The block after those that were compared; none at the end. */
  *next(): Generator<CheckedBlock> {
    const checked = this.connection.snapshot(() =>
      checkNextBlock(this.connection, this.kind, this.#from, (block) => this.#columns(block)),
    );
    this.#made = null;
    this.#rows = [];
    this.#isReadable = true;
    this.#from = checked?.last ?? this.#from;
    this.#next = nextBlock(this.connection, this.kind, this.#from);
    if (checked) yield checked;
  }

  #flush(): void {
    try {
      this.#made?.add(this.#rows.splice(0));
    } catch {
      this.#isReadable = false;
    }
  }

  /**
   * `null` if a record cannot be read. From the records themselves if not all rows were taken, which is so as well if
   * the block that was compared last has been joined to this one.
   */
  #columns({ after, last }: Stretch): BlockBytes | null {
    const isWhole = this.#next?.after === after && after >= this.#from && this.#taken === last;
    const made = isWhole ? this.#made : null;
    this.#flush();
    if (made !== null) return this.#isReadable ? made.columns : null;
    const rows = readRows(this.connection, this.kind, after, last, Number.MAX_SAFE_INTEGER);
    return encodeBlock(this.kind, after, rows);
  }
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
