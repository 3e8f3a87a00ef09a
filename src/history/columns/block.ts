import type { FieldSpec } from '../../resources/definition.js';
import { byKind, type ListedKind, type RecordValues } from '../../resources/registry.js';
import type { Fields, FieldValue } from '../../values/filter.js';
import { type Codes, Column, type ColumnCell, decodeCodes, isAllZero, lengthAt, startsOf } from './column.js';
import { ColumnBuilder, concatColumns, encodeCodes, encodeValues } from './column-builder.js';

/*
 * A block has the revisions of one kind that were recorded one after another, by columns. Counts and statistics read
 * only the columns that they need, a thousand times as fast as records. A block never changes: a revision is
 * visible until a later one names it as its predecessor.
 */

/** The account of a revision, as the store numbers or names it. */
export type Account = number | string;

export interface BlockRow {
  readonly rev: number;
  /** The revision of the same record before this one; 0 if it is the first. */
  readonly prior: number;
  readonly account: Account;
  /** `null` for a tombstone. */
  readonly values: RecordValues | null;
}

export type TimeRange = readonly [earliest: number, latest: number, nulls: number];

export type BlockBytes = ReadonlyMap<string, Uint8Array>;

type Specs = readonly (readonly [field: string, spec: FieldSpec])[];

/** The columns of each kind. What items have is not repeated for the record, and references have indexes. */
export const BLOCK_COLUMNS = byKind(
  ({ fields, facets, items }): { readonly record: Specs; readonly items: Specs } => {
    const ofItems = Object.entries(items?.fields ?? {});
    const own: [string, FieldSpec][] = Object.entries({ ...fields, ...facets?.fields });
    const isOwn = ([field, { type, reference }]: [string, FieldSpec]) =>
      field !== 'id' && !reference && !(type === 'texts' && items && Object.hasOwn(items.fields, field));
    return { record: own.filter(isOwn), items: ofItems };
  },
);

/** To be raised when the columns get other values out of the same records. */
const VERSION = 1;
/** Blocks of another layout are made again from the records. */
export const BLOCK_LAYOUT = `${VERSION} ${JSON.stringify(BLOCK_COLUMNS)}`;

/** The column that says which revisions a block has. */
export const ROWS_COLUMN = '$rows';

export function itemColumn(field: string): string {
  return `$item.${field}`;
}

/** Gives the cells of revisions that are added in the order of their numbers to columns, and keeps none. */
export class BlockColumns<C extends { add(cell: ColumnCell): void }> {
  readonly #heads: RowHead[] = [];
  readonly #record: readonly NamedColumn<C>[];
  readonly #items: readonly NamedColumn<C>[];

  constructor(
    kind: ListedKind,
    /** All revisions have greater numbers. */
    private readonly after: number,
    columnOf: (type: FieldSpec['type'], name: string) => C,
    wanted: (name: string) => boolean = () => true,
  ) {
    const columnsOf = (specs: Specs, nameOf: (field: string) => string) =>
      specs.flatMap(([field, { type }]) => {
        const name = nameOf(field);
        return wanted(name) ? { name, field, type, column: columnOf(type, name) } : [];
      });
    this.#record = columnsOf(BLOCK_COLUMNS[kind].record, (field) => field);
    this.#items = columnsOf(BLOCK_COLUMNS[kind].items, itemColumn);
  }

  /** Column by column, which takes less time than row by row. */
  add(rows: readonly BlockRow[]): void {
    for (const { rev, prior, account, values } of rows)
      this.#heads.push({ rev, prior, account: values ? account : null, items: values?.items.length ?? 0 });
    const items = rows.flatMap(({ values }) => values?.items ?? []);
    for (const { field, type, column } of this.#record)
      for (const { values } of rows) column.add(cellOf(values?.fields, field, type));
    for (const { field, type, column } of this.#items)
      for (const item of items) column.add(cellOf(item, field, type));
  }

  /** The columns of the block, and the one that says which revisions it has; `null` if one has no bytes. */
  bytes(bytesOf: (column: C) => Uint8Array | null): Map<string, Uint8Array> | null {
    const columns = new Map<string, Uint8Array>();
    for (const { name, column } of [...this.#record, ...this.#items]) {
      const bytes = bytesOf(column);
      if (bytes === null) return null;
      columns.set(name, bytes);
    }
    return columns.set(ROWS_COLUMN, encodeRows(this.after, this.#heads, columns));
  }
}

interface NamedColumn<C> {
  readonly name: string;
  readonly field: string;
  readonly type: FieldSpec['type'];
  readonly column: C;
}

/** Makes a block of revisions; only with the `wanted` columns. */
export function encodeBlock(
  kind: ListedKind,
  after: number,
  rows: readonly BlockRow[],
  wanted?: (name: string) => boolean,
): Map<string, Uint8Array> {
  const block = new BlockColumns(kind, after, (type) => new ColumnBuilder(type), wanted);
  block.add(rows);
  return block.bytes(({ bytes }) => bytes) ?? new Map();
}

function cellOf(fields: Fields | undefined, field: string, type: FieldSpec['type']) {
  return fields?.[field] ?? (type === 'texts' ? [] : null);
}

interface RowHead {
  readonly rev: number;
  readonly prior: number;
  readonly account: FieldValue;
  readonly items: number;
}

function encodeRows(after: number, rows: readonly RowHead[], columns: BlockBytes): Uint8Array {
  const gaps = rows.map(({ rev }, i) => rev - (rows[i - 1]?.rev ?? after) - 1);
  return packColumns(
    new Map([
      ['gap', encodeCodes(gaps)],
      ['prior', encodeCodes(rows.map(({ prior }) => prior))],
      ['account', encodeValues(rows.map(({ account }) => account))],
      ['items', encodeCodes(rows.map(({ items }) => items))],
      ['ranges', Buffer.from(JSON.stringify(rangesOf(columns)))],
    ]),
  );
}

/** What each column of times ranges over. */
function rangesOf(columns: BlockBytes): Record<string, readonly number[]> {
  const all = [...columns].map(([name, bytes]) => [name, new Column(bytes)] as const);
  return Object.fromEntries(
    all.flatMap(([name, column]) => (column.form === 'TIMES' ? [[name, column.range]] : [])),
  );
}

/** Blocks that follow each other as one: equal, byte for byte, to the block of all their rows. */
export function mergeBlocks(kind: ListedKind, blocks: readonly Block[]): Map<string, Uint8Array> {
  const after = blocks[0]?.after ?? 0;
  const { record, items } = BLOCK_COLUMNS[kind];
  const rows = blocks.flatMap((block) =>
    Array.from(
      block.revs,
      (rev, i): RowHead => ({
        ...{ rev, prior: block.priors[i] ?? 0, account: block.accounts.valueAt(i) },
        items: lengthAt(block.itemStarts, i),
      }),
    ),
  );
  const columns = new Map<string, Uint8Array>();
  const named = [...record, ...items.map(([field, spec]) => [itemColumn(field), spec] as const)];
  for (const [name, { type }] of named)
    columns.set(
      name,
      concatColumns(
        type,
        blocks.map((block) => block.column(name)),
      ),
    );
  return columns.set(ROWS_COLUMN, encodeRows(after, rows, columns));
}

export function packColumns(columns: BlockBytes): Uint8Array {
  const directory = Buffer.from(JSON.stringify([...columns].map(([name, { length }]) => [name, length])));
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32LE(directory.length, 1);
  return Buffer.concat([head, directory, ...columns.values()]);
}

export function unpackColumns(bytes: Uint8Array): Map<string, Uint8Array> {
  const start = 5 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
  const directory = JSON.parse(Buffer.from(bytes.subarray(5, start)).toString()) as [string, number][];
  let from = start;
  return new Map(
    directory.map(([name, length]) => {
      from += length;
      return [name, bytes.subarray(from - length, from)];
    }),
  );
}

function revsOf(after: number, gaps: Codes): Uint32Array {
  const revs = new Uint32Array(gaps.length);
  let rev = after;
  for (let i = 0; i < revs.length; i += 1) {
    rev += (gaps[i] as number) + 1;
    revs[i] = rev;
  }
  return revs;
}

export class Block {
  readonly #rows: ReadonlyMap<string, Uint8Array>;
  readonly #columns = new Map<string, Column>();
  /** The revision before this one of the same record; 0 if it is the first. */
  readonly priors: Codes;
  readonly hasPriors: boolean;
  /** `null` for a tombstone. */
  readonly accounts: Column;
  /** The earliest and the latest time, in milliseconds, of each column of times, and how many rows have none. */
  readonly ranges: Readonly<Record<string, TimeRange>>;
  #revs: Uint32Array | null = null;
  #itemStarts: Uint32Array | null = null;
  #itemOwners: Uint32Array | null = null;

  constructor(
    /** Every revision of the kind after this one is in the block or in a later one. */
    readonly after: number,
    private readonly load: (name: string) => Uint8Array,
    /** Where columns of few values are kept; `null`: another block may begin after this revision later. */
    private readonly kept: ((name: string) => Map<number, Column>) | null = null,
  ) {
    this.#rows = unpackColumns(load(ROWS_COLUMN));
    this.priors = decodeCodes(this.#row('prior'));
    this.hasPriors = !isAllZero(this.#row('prior'));
    this.accounts = new Column(this.#row('account'));
    this.ranges = JSON.parse(Buffer.from(this.#row('ranges')).toString());
  }

  get revs(): Uint32Array {
    this.#revs ??= revsOf(this.after, decodeCodes(this.#row('gap')));
    return this.#revs;
  }

  /** Where the items of each record begin, and where the last ones end. */
  get itemStarts(): Uint32Array {
    this.#itemStarts ??= startsOf(decodeCodes(this.#row('items')));
    return this.#itemStarts;
  }

  /** The row of the record of each item. */
  get itemOwners(): Uint32Array {
    if (this.#itemOwners === null) {
      const [owners, starts] = [new Uint32Array(this.itemCount), this.itemStarts];
      for (let row = 0, item = 0; row < this.size; row += 1)
        for (const end = starts[row + 1] as number; item < end; item += 1) owners[item] = row;
      this.#itemOwners = owners;
    }
    return this.#itemOwners;
  }

  /** Whether this block is the only one that ever begins after this revision. */
  get isLasting(): boolean {
    return this.kept !== null;
  }

  get size(): number {
    return this.priors.length;
  }

  get itemCount(): number {
    return this.itemStarts.at(-1) ?? 0;
  }

  get bytes(): number {
    let bytes =
      this.priors.byteLength +
      this.accounts.codes.byteLength +
      (this.#revs?.byteLength ?? 0) +
      (this.#itemStarts?.byteLength ?? 0);
    for (const row of this.#rows.values()) bytes += row.length;
    return bytes;
  }

  column(name: string): Column {
    const known = this.kept?.(name).get(this.after) ?? this.#columns.get(name);
    if (known) return known;
    const column = new Column(this.load(name));
    this.#columns.set(name, column);
    return column;
  }

  /** For filters, which compare the same columns of few values with one value after another. */
  keptColumn(name: string): Column {
    const column = this.column(name);
    if (column.isNarrow) this.kept?.(name).set(this.after, column);
    return column;
  }

  /** Frees the memory of the columns that are not kept, which are read again when they are asked for. */
  forget(): void {
    // clearing an empty map takes as long as clearing one of some columns
    if (this.#columns.size > 0) this.#columns.clear();
    this.#itemOwners = null;
  }

  #row(name: string): Uint8Array {
    return this.#rows.get(name) ?? new Uint8Array();
  }
}
