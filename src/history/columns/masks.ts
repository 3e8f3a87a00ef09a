import { isAscii } from 'node:buffer';
import type { ListedKind } from '../../resources/registry.js';
import { type FieldValue, type Filter, fold, isMatch } from '../../values/filter.js';
import type { Unit } from '../statistics.js';
import { BLOCK_COLUMNS, type Block, itemColumn } from './block.js';
import { type Column, NULL_CODE, toCell, toTime } from './column.js';

/*
 * Which rows of a block match a filter, with the meaning of `isMatch`: each comparison is made once for each different
 * value of a column, not once for each row.
 */

type Leaf = Extract<Filter, { readonly field: string }>;

/** 1 for each row that matches. */
export type Mask = Uint8Array;

/** Which rows match. Where all do or none does, no mask is made, and columns that are not needed are not read. */
export type FoundRows = Mask | 'ALL' | 'NONE';

/** Whether blocks have every field of the filter. They have no references and no ids. */
export function isInBlocks(kind: ListedKind, filter: Filter): boolean {
  if ('and' in filter) return filter.and.every((part) => isInBlocks(kind, part));
  if ('or' in filter) return filter.or.every((part) => isInBlocks(kind, part));
  if ('not' in filter) return isInBlocks(kind, filter.not);
  if ('some' in filter) return isInBlocks(kind, filter.some);
  return isRecordField(kind, filter.field) || isItemField(kind, filter.field);
}

export function isRecordField(kind: ListedKind, field: string): boolean {
  return BLOCK_COLUMNS[kind].record.some(([name]) => name === field);
}

export function isItemField(kind: ListedKind, field: string): boolean {
  return BLOCK_COLUMNS[kind].items.some(([name]) => name === field);
}

export function sizeOf(block: Block, unit: Unit): number {
  return unit === 'RECORD' ? block.size : block.itemCount;
}

export function foundIn(kind: ListedKind, block: Block, unit: Unit, filter: Filter): FoundRows {
  if ('not' in filter) return inverted(foundIn(kind, block, unit, filter.not));
  if ('some' in filter) {
    const found = gathered(foundIn(kind, block, 'ITEM', filter.some), block.itemStarts);
    return unit === 'ITEM' ? spread(found, block.itemStarts) : found;
  }
  if ('field' in filter) return leafFound(kind, block, unit, filter);
  const [isAnd, parts] = 'and' in filter ? [true, filter.and] : [false, filter.or];
  const [undecided, decided] = isAnd ? (['ALL', 'NONE'] as const) : (['NONE', 'ALL'] as const);
  // columns of blocks that one condition excludes, such as a time, are not read
  if (isAnd && parts.some((part) => 'field' in part && rangeFound(kind, block, unit, part) === 'NONE'))
    return 'NONE';
  let found: FoundRows = undecided;
  for (const part of parts) {
    const other = foundIn(kind, block, unit, part);
    if (other === decided) return decided;
    if (found === undecided) found = other;
    else if (other !== undecided) combine(found as Mask, other as Mask, isAnd);
    if (found !== undecided && !(found as Mask).includes(isAnd ? 1 : 0)) return decided;
  }
  return found;
}

function inverted(found: FoundRows): FoundRows {
  if (typeof found === 'string') return found === 'ALL' ? 'NONE' : 'ALL';
  for (let i = 0; i < found.length; i += 1) found[i] = (found[i] as number) ^ 1;
  return found;
}

function combine(mask: Mask, other: Mask, isAnd: boolean): void {
  for (let i = 0; i < mask.length; i += 1) {
    const [own, its] = [mask[i] as number, other[i] as number];
    mask[i] = isAnd ? own & its : own | its;
  }
}

function leafFound(kind: ListedKind, block: Block, unit: Unit, leaf: Leaf): FoundRows {
  if (unit === 'ITEM' && !isItemField(kind, leaf.field))
    return spread(leafFound(kind, block, 'RECORD', leaf), block.itemStarts);
  const range = rangeFound(kind, block, unit, leaf);
  if (range !== null) return range;
  const { column, starts } = columnIn(kind, block, unit, leaf);
  if (starts !== null) return anyFound(column, starts, leaf);
  return column.form === 'TIMES' ? timesMask(column.times, leaf) : valuesFound(column, leaf);
}

/** The column of a field, and where the values of each row begin in it; `null`: each row has one. */
function columnIn(kind: ListedKind, block: Block, unit: Unit, { field }: Leaf) {
  const name = columnName(kind, unit, field);
  const column = block.keptColumn(name);
  const ofLists = column.form === 'LISTS' ? column.starts : null;
  return { column, starts: isOfItems(name, unit, field) ? block.itemStarts : ofLists };
}

/** How many records of a block match, by how many of them have each value; `null` where that does not tell. */
export function countByValues(kind: ListedKind, block: Block, filter: Filter): number | null {
  if ('and' in filter) {
    const ranges = filter.and.map((part) =>
      'field' in part ? rangeFound(kind, block, 'RECORD', part) : null,
    );
    if (ranges.includes('NONE')) return 0;
    const [rest, ...more] = filter.and.filter((_, i) => ranges[i] === null);
    if (rest === undefined) return block.size;
    return more.length === 0 ? countByValues(kind, block, rest) : null;
  }
  if (!('field' in filter)) return null;
  const range = rangeFound(kind, block, 'RECORD', filter);
  if (range !== null) return range === 'ALL' ? block.size : 0;
  const { column, starts } = columnIn(kind, block, 'RECORD', filter);
  if (!column.isNarrow) return null;
  const found = matchingCodes(column, filter);
  const isNoneFound = starts !== null && isMatch({ [filter.field]: [] }, filter);
  if (isNoneFound) return null;
  if (found === null) return 0;
  // a record may have several values, and is counted once
  if (starts !== null) found[NULL_CODE] = 0;
  const [first, last] = [found.indexOf(1), found.lastIndexOf(1)];
  if (starts !== null && first !== last) return null;
  const counts = column.counts(starts);
  return counts.reduce((sum, count, code) => sum + (found[code] === 1 ? count : 0), 0);
}

/** The column of a field. What a record and its items both have is that of the unit. */
export function columnName(kind: ListedKind, unit: Unit, field: string): string {
  const isOfItem = unit === 'ITEM' ? isItemField(kind, field) : !isRecordField(kind, field);
  return isOfItem ? itemColumn(field) : field;
}

/** Whether a column has a value for each item of a record. */
function isOfItems(name: string, unit: Unit, field: string): boolean {
  return unit === 'RECORD' && name !== field;
}

/** What the range of all times of a block decides: `null` if a time that must be reached lies within it. */
function rangeFound(kind: ListedKind, block: Block, unit: Unit, leaf: Leaf): 'ALL' | 'NONE' | null {
  const name = columnName(kind, unit, leaf.field);
  const range = block.ranges[name];
  const limit = 'gte' in leaf ? toTime(leaf.gte) : 'lte' in leaf ? toTime(leaf.lte) : null;
  if (range === undefined || limit === null) return null;
  const [earliest, latest, nulls] = range;
  const [isNone, isAll] =
    'gte' in leaf ? [limit > latest, limit <= earliest] : [limit < earliest, limit >= latest];
  if (isNone) return 'NONE';
  // a record may have no item
  return isAll && nulls === 0 && !isOfItems(name, unit, leaf.field) ? 'ALL' : null;
}

/** What is found of records, for each of their items. */
export function spread(found: FoundRows, starts: Uint32Array): FoundRows {
  if (typeof found === 'string') return found;
  const items = new Uint8Array(starts.at(-1) ?? 0);
  for (let i = 0; i < found.length; i += 1) {
    if (found[i] === 1) items.fill(1, starts[i], starts[i + 1]);
  }
  return items;
}

/** 1 for each record of which an item is found. */
function gathered(items: FoundRows, starts: Uint32Array): FoundRows {
  if (items === 'NONE') return items;
  const mask = new Uint8Array(starts.length - 1);
  for (let i = 0, n = 0; i < mask.length; i += 1) {
    const end = starts[i + 1] as number;
    let any = 0;
    for (; n < end; n += 1) any |= items === 'ALL' ? 1 : (items[n] as number);
    mask[i] = any;
  }
  return mask;
}

function valuesFound(column: Column, leaf: Leaf): FoundRows {
  const found = matchingCodes(column, leaf);
  return found === null ? 'NONE' : column.mapped(found);
}

/** Lists that match: one of their values does, or they have none and that is wanted. */
function anyFound(column: Column, starts: Uint32Array, leaf: Leaf): FoundRows {
  if (column.form === 'TIMES') return eachMask(column, starts, leaf);
  const found = matchingCodes(column, leaf);
  const whenNone = isMatch({ [leaf.field]: [] }, leaf) ? 1 : 0;
  if (found === null && whenNone === 0) return 'NONE';
  // of each value whether there is one, and whether it matches
  const flags = new Uint8Array(column.values.length).fill(1);
  for (let code = 0; found !== null && code < flags.length; code += 1) if (found[code] === 1) flags[code] = 2;
  flags[NULL_CODE] = 0;
  const [each, ofAny] = [column.mapped(flags), [whenNone, 0, 1, 1]];
  const mask = new Uint8Array(starts.length - 1);
  for (let i = 0, n = 0; i < mask.length; i += 1) {
    const end = starts[i + 1] as number;
    let any = 0;
    for (; n < end; n += 1) any |= each[n] as number;
    mask[i] = ofAny[any] as number;
  }
  return mask;
}

function eachMask(column: Column, starts: Uint32Array, leaf: Leaf): Mask {
  const [cells, mask] = [column.cells(), new Uint8Array(starts.length - 1)];
  for (let i = 0; i < mask.length; i += 1) {
    const values = cells.slice(starts[i], starts[i + 1]).filter((value) => value !== null) as string[];
    mask[i] = isMatch({ [leaf.field]: values }, leaf) ? 1 : 0;
  }
  return mask;
}

/** 1 for each code whose value matches; `null` if there is none. */
function matchingCodes(column: Column, leaf: Leaf): Uint8Array | null {
  if ('eq' in leaf) return codesOf(column, [leaf.eq]);
  if ('in' in leaf) return codesOf(column, leaf.in);
  if ('contains' in leaf && !mayContain(column.text, leaf.contains)) return null;
  return Uint8Array.from(column.values, (value) => (isMatch({ [leaf.field]: value }, leaf) ? 1 : 0));
}

function codesOf(column: Column, wanted: readonly FieldValue[]): Uint8Array | null {
  const text = bufferOf(column.text);
  const likely = wanted.filter((value) => value === null || text.includes(JSON.stringify(value)));
  if (likely.length === 0) return null;
  const found = new Uint8Array(column.values.length);
  for (const value of likely) {
    const code = column.values.indexOf(value);
    if (code >= 0) found[code] = 1;
  }
  return found;
}

/** The same bytes, not a copy. */
function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Whether a part may occur in one of the values, whose JSON is `text`. Never false if it does. */
function mayContain(text: Uint8Array, part: string): boolean {
  const wanted = fold(JSON.stringify(part).slice(1, -1));
  // folding plain ASCII is quick, and it has no composed characters
  const all = bufferOf(text);
  return (isAscii(text) ? all.toString('latin1').toLowerCase() : fold(all.toString())).includes(wanted);
}

function timesMask(times: Float64Array, leaf: Leaf): Mask {
  const mask = new Uint8Array(times.length);
  const limit = 'gte' in leaf ? toTime(leaf.gte) : 'lte' in leaf ? toTime(leaf.lte) : null;
  if (limit !== null) {
    const isLower = 'gte' in leaf;
    for (let i = 0; i < times.length; i += 1) {
      const ms = times[i] as number;
      mask[i] = (isLower ? ms >= limit : ms <= limit) ? 1 : 0;
    }
    return mask;
  }
  if (!('eq' in leaf || 'in' in leaf)) return timesOneByOne(times, leaf, mask);
  const wanted = new Set(('eq' in leaf ? [leaf.eq] : leaf.in).map(toCell));
  for (let i = 0; i < times.length; i += 1) mask[i] = wanted.has(times[i] as number) ? 1 : 0;
  return mask;
}

function timesOneByOne(times: Float64Array, leaf: Leaf, mask: Mask): Mask {
  const known = new Map<number, 0 | 1>();
  for (let i = 0; i < times.length; i += 1) {
    const ms = times[i] as number;
    let found = known.get(ms);
    if (found === undefined) {
      const value = Number.isNaN(ms) ? null : new Date(ms).toISOString();
      found = isMatch({ [leaf.field]: value }, leaf) ? 1 : 0;
      known.set(ms, found);
    }
    mask[i] = found;
  }
  return mask;
}
