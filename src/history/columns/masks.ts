import { isAscii } from 'node:buffer';
import type { ListedKind } from '../../resources/registry.js';
import { type FieldValue, type Filter, fold, isMatch } from '../../values/filter.js';
import type { Unit } from '../statistics.js';
import { BLOCK_COLUMNS, type Block, itemColumn, type TimeRange } from './block.js';
import { type Column, NULL_CODE, toCell, toTime } from './column.js';

/*
 * Which rows of a block match a filter, with the meaning of `isMatch`: each comparison is made once for each different
 * value of a column, not once for each row.
 */

type Leaf = Extract<Filter, { readonly field: string }>;

/** 1 for each row that matches. */
export type Mask = Uint8Array;

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

export function maskOf(kind: ListedKind, block: Block, unit: Unit, filter: Filter): Mask {
  if ('not' in filter) return inverted(maskOf(kind, block, unit, filter.not));
  if ('some' in filter) {
    const mask = gathered(maskOf(kind, block, 'ITEM', filter.some), block.itemStarts);
    return unit === 'ITEM' ? spread(mask, block.itemStarts) : mask;
  }
  if ('and' in filter || 'or' in filter) {
    const [isAnd, parts] = 'and' in filter ? [true, filter.and] : [false, filter.or];
    // columns of blocks that one condition excludes, such as a time, are not read
    if (isAnd && parts.some((part) => isExcluded(kind, block, unit, part)))
      return new Uint8Array(sizeOf(block, unit));
    const mask = new Uint8Array(sizeOf(block, unit)).fill(isAnd ? 1 : 0);
    for (const part of parts) {
      combine(mask, maskOf(kind, block, unit, part), isAnd);
      if (!mask.includes(isAnd ? 1 : 0)) break;
    }
    return mask;
  }
  return leafMask(kind, block, unit, filter);
}

function inverted(mask: Mask): Mask {
  for (let i = 0; i < mask.length; i += 1) mask[i] = (mask[i] as number) ^ 1;
  return mask;
}

function combine(mask: Mask, other: Mask, isAnd: boolean): void {
  for (let i = 0; i < mask.length; i += 1) {
    const [own, its] = [mask[i] as number, other[i] as number];
    mask[i] = isAnd ? own & its : own | its;
  }
}

function leafMask(kind: ListedKind, block: Block, unit: Unit, leaf: Leaf): Mask {
  if (unit === 'ITEM' && !isItemField(kind, leaf.field))
    return spread(leafMask(kind, block, 'RECORD', leaf), block.itemStarts);
  const name = columnName(kind, unit, leaf.field);
  if (isOutOfRange(block.ranges[name], leaf)) return new Uint8Array(sizeOf(block, unit));
  const column = block.column(name);
  if (unit === 'RECORD' && name !== leaf.field) return anyMask(column, block.itemStarts, leaf);
  if (column.form === 'TIMES') return timesMask(column.times, leaf);
  return column.form === 'LISTS' ? anyMask(column, column.starts, leaf) : valuesMask(column, leaf);
}

/** The column of a field. What a record and its items both have is that of the unit. */
export function columnName(kind: ListedKind, unit: Unit, field: string): string {
  const isOfItem = unit === 'ITEM' ? isItemField(kind, field) : !isRecordField(kind, field);
  return isOfItem ? itemColumn(field) : field;
}

function isExcluded(kind: ListedKind, block: Block, unit: Unit, part: Filter): boolean {
  return 'field' in part && isOutOfRange(block.ranges[columnName(kind, unit, part.field)], part);
}

/** Whether a time that must be reached lies beyond all times of the block. */
function isOutOfRange(range: TimeRange | undefined, leaf: Leaf): boolean {
  if (range === undefined) return false;
  if ('gte' in leaf) return (toTime(leaf.gte) ?? Number.NEGATIVE_INFINITY) > range[1];
  return 'lte' in leaf && (toTime(leaf.lte) ?? Number.POSITIVE_INFINITY) < range[0];
}

/** The mask of records, for each of their items. */
export function spread(mask: Mask, starts: Uint32Array): Mask {
  const items = new Uint8Array(starts.at(-1) ?? 0);
  for (let i = 0; i < mask.length; i += 1) {
    if (mask[i] === 1) items.fill(1, starts[i], starts[i + 1]);
  }
  return items;
}

/** 1 for each record of which an item has 1. */
function gathered(items: Mask, starts: Uint32Array): Mask {
  const mask = new Uint8Array(starts.length - 1);
  for (let i = 0, n = items.indexOf(1); i < mask.length && n >= 0; i += 1) {
    if (n >= (starts[i + 1] as number)) continue;
    mask[i] = 1;
    n = items.indexOf(1, starts[i + 1]);
  }
  return mask;
}

function valuesMask(column: Column, leaf: Leaf): Mask {
  const { codes } = column;
  const found = matchingCodes(column, leaf);
  const mask = new Uint8Array(codes.length);
  if (found === null) return mask;
  for (let i = 0; i < mask.length; i += 1) mask[i] = found[codes[i] as number] as number;
  return mask;
}

/** Lists that match: one of their values does, or they have none and that is wanted. */
function anyMask(column: Column, starts: Uint32Array, leaf: Leaf): Mask {
  const mask = new Uint8Array(starts.length - 1);
  if (column.form === 'TIMES') return eachMask(column, starts, leaf, mask);
  const found = matchingCodes(column, leaf);
  const whenNone = isMatch({ [leaf.field]: [] }, leaf) ? 1 : 0;
  if (found === null && whenNone === 0) return mask;
  const { codes } = column;
  for (let i = 0, n = 0; i < mask.length; i += 1) {
    const end = starts[i + 1] as number;
    let [isEmpty, isFound] = [true, false];
    for (; n < end; n += 1) {
      const code = codes[n] as number;
      if (code === NULL_CODE) continue;
      isEmpty = false;
      if (found !== null && found[code] === 1) isFound = true;
    }
    mask[i] = isFound ? 1 : isEmpty ? whenNone : 0;
  }
  return mask;
}

function eachMask(column: Column, starts: Uint32Array, leaf: Leaf, mask: Mask): Mask {
  const cells = column.cells();
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
