import type { FieldSpec } from '../../resources/definition.js';
import type { ListedKind } from '../../resources/registry.js';
import {
  type BlockBytes,
  BlockColumns,
  type BlockRow,
  encodeBlock,
  packColumns,
  ROWS_COLUMN,
  unpackColumns,
} from '../columns/block.js';
import { ColumnComparison } from '../columns/column-comparison.js';
import { HistoryError } from '../errors.js';
import { hasRows, readRows, SMALL } from './column-blocks.js';
import type { Connection } from './connection.js';
import type { SqlValue } from './driver.js';

/** How many rows are kept before they are compared. */
const AT_ONCE = 100;

/** Revisions in `(after, last]`. */
interface Stretch {
  readonly after: number;
  readonly last: number;
}

interface NamedStretch extends Stretch {
  /** `SMALL`, or that of one of the columns. */
  readonly name: string;
}

/** A block that was compared with its records. */
export interface CheckedBlock extends Stretch {
  /** `null` if one of its records cannot be read. */
  readonly isRight: boolean | null;
}

/** A revision, with `undefined` instead of values that cannot be read. */
type ReadRow = Omit<BlockRow, 'values'> & { readonly values: BlockRow['values'] | undefined };

/** Compares the blocks of a kind with revisions that are read anyway, in their order. */
export class BlockCheck {
  /** The last revision of the block that was compared last. */
  #from = 0;
  /** The block whose rows are being taken; `null`: there is none, `undefined`: it was not looked for yet. */
  #next: NamedStretch | null | undefined;
  /** `null` if none of its rows were taken, or it must be made again to be compared. */
  #compared: BlockColumns<ColumnComparison> | null = null;
  /** Those that `#compared` does not have yet. */
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
    if (this.#taken <= this.#next.after) this.#compared = this.#comparison(this.#next);
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
    this.#compared = null;
    this.#rows = [];
    this.#isReadable = true;
    this.#from = checked?.last ?? this.#from;
    this.#next = nextBlock(this.connection, this.kind, this.#from);
    if (checked) yield checked;
  }

  #comparison(block: NamedStretch): BlockColumns<ColumnComparison> | null {
    return tolerant(() => {
      const found = storedIn(this.connection, this.kind, block);
      const small = found.get(SMALL);
      const columns = small ? unpackColumns(small) : found;
      const columnOf = (type: FieldSpec['type'], name: string) =>
        new ColumnComparison(type, columns.get(name) ?? new Uint8Array());
      return new BlockColumns(this.kind, block.after, columnOf);
    });
  }

  #flush(): void {
    try {
      this.#compared?.add(this.#rows.splice(0));
    } catch {
      this.#compared = null;
    }
  }

  /**
   * What a block of the records is; `null` if one cannot be read. It is made of the records themselves if it differs from
   * the rows that were taken, or not all were, which is so as well if the block that was compared last has been joined to
   * this one.
   */
  #columns({ after, last }: Stretch): BlockBytes | null {
    const isWhole = this.#next?.after === after && after >= this.#from && this.#taken === last;
    if (isWhole && !this.#isReadable) return null;
    this.#flush();
    const compared = isWhole ? tolerant(() => this.#compared?.bytes(({ bytes }) => bytes) ?? null) : null;
    if (compared) return compared;
    const rows = readRows(this.connection, this.kind, after, last, Number.MAX_SAFE_INTEGER);
    return encodeBlock(this.kind, after, rows);
  }
}

function nextBlock(connection: Connection, kind: ListedKind, from: number): NamedStretch | null {
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
  const found = storedIn(connection, kind, block);
  const isSame = [...found].every(([column, data]) => isEqual(data, wanted.get(column)));
  // blocks that were joined since the last call begin before `from`
  const isNext = from === 0 || after < from || !hasRows(connection, kind, after, from);
  const isInPlace = isNext && isAlone(connection, kind, after, last);
  return { after, last, isRight: isSame && found.size === wanted.size && isInPlace };
}

/** All columns of a large block, or the one value of a small one; something else than bytes if they were altered. */
function storedIn(connection: Connection, kind: ListedKind, { name, after }: NamedStretch) {
  const sql = 'SELECT name, data FROM column_blocks WHERE kind = ? AND after = ? AND (name = ?) = ?';
  const rows = connection.all(sql, [kind, after, SMALL, name === SMALL ? 1 : 0]);
  return new Map(rows.map(([column, data]) => [String(column), data as Uint8Array]));
}

/** Whether no other block has revisions in `(after, last]`. */
function isAlone(connection: Connection, kind: ListedKind, after: number, last: number): boolean {
  const sql =
    'SELECT count(*) FROM column_blocks WHERE kind = ? AND name IN (?, ?) AND after < ? AND last > ?';
  return connection.first(sql, [kind, ROWS_COLUMN, SMALL, last, after])?.[0] === 1;
}

function tolerant<T>(made: () => T): T | null {
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
