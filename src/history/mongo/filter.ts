import type { Document } from 'mongodb';
import type { Observation } from '../../model/revision.js';
import {
  type AnyRecord,
  DEFINITION_OF,
  fieldSpec,
  fieldsOf,
  isListed,
  type Kind,
  type ListedKind,
} from '../../resources/registry.js';
import { type Comparison, type Fields, type Filter, fold, isNullSought } from '../../values/filter.js';
import type { StoredFields } from './stored-types.js';

/*
 * MongoDB compares a list by any of its values, and one value as it would a list of that alone; it takes a missing
 * value for null in filters, orders and indexes. So `f` of a revision has no nulls and no empty lists, and a list of
 * one as its value. `id` is part of the key and is outside `f`.
 *
 * `contains` ignores case by `fold`. MongoDB can do that for ASCII, so only fields with other text are stored a second
 * time, folded, in `c`.
 */

/** What filters and orders see of an observation; `null` where its kind is not listed. */
export function observedFields({ key, record }: Observation): Fields | null {
  return recordFields(key.kind, record);
}

/** What filters and orders see of a record; `null` where its kind is not listed. */
export function recordFields(kind: Kind, record: AnyRecord): Fields | null {
  return isListed(kind) ? fieldsOf(kind, record as Parameters<typeof fieldsOf>[1]) : null;
}

export function fieldPath(field: string): string {
  return field === 'id' ? 'id' : `f.${field}`;
}

export function storedFields(fields: Fields): StoredFields {
  const stored: Record<string, StoredFields[string]> = {};
  for (const [field, value] of Object.entries(fields)) {
    if (field === 'id' || value === null) continue;
    if (!isList(value)) stored[field] = value;
    else if (value.length > 0) stored[field] = value.length === 1 ? (value[0] ?? '') : value;
  }
  return stored;
}

/** Those of the fields that are more than ASCII, folded; `null` where none is. */
export function foldedFields(kind: ListedKind, fields: Fields): StoredFields | null {
  let folded: Record<string, StoredFields[string]> | null = null;
  for (const [field, value] of Object.entries(fields)) {
    if (isAscii(value)) continue;
    const type = fieldSpec(kind, field)?.type;
    if (type !== 'text' && type !== 'texts') continue;
    folded ??= {};
    folded[field] = isList(value) ? value.map(fold) : fold(String(value));
  }
  return folded;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII, all of it
const ASCII = /^[\x00-\x7f]*$/;

/** Whether MongoDB's own way to ignore case is that of `fold`. */
function isAscii(value: Fields[string]): boolean {
  if (isList(value)) return value.every((text) => ASCII.test(text));
  return typeof value !== 'string' || ASCII.test(value);
}

function isList(value: Fields[string]): value is readonly string[] {
  return Array.isArray(value);
}

const ALWAYS: Document = {};
export const NEVER: Document = { $nor: [{}] };

/** The filter as a condition on revisions of `kind`, with the meaning of `isMatch`. */
export function filterMatch(kind: ListedKind, filter: Filter): Document {
  if ('and' in filter) return joined('$and', filter.and, kind, ALWAYS);
  if ('or' in filter) return joined('$or', filter.or, kind, NEVER);
  if ('not' in filter) return { $nor: [filterMatch(kind, filter.not)] };
  if ('some' in filter) throw new TypeError('no revision has what items have');
  const spec = fieldSpec(kind, filter.field);
  if (!spec) return isNullSought(filter) ? ALWAYS : NEVER;
  return leafMatch(filter, spec.type);
}

function joined(
  operator: '$and' | '$or',
  parts: readonly Filter[],
  kind: ListedKind,
  none: Document,
): Document {
  return parts.length === 0 ? none : { [operator]: parts.map((part) => filterMatch(kind, part)) };
}

const ALL: Filter = { and: [] };
const NONE: Filter = { or: [] };

/** A filter of what revisions have that each match of the filter matches, and perhaps others. */
export function storedFilter(kind: ListedKind, filter: Filter): Filter {
  if ('and' in filter) return { and: filter.and.map((part) => storedFilter(kind, part)) };
  if ('or' in filter) return { or: filter.or.map((part) => storedFilter(kind, part)) };
  if ('not' in filter) return { not: certainFilter(kind, filter.not) };
  if ('some' in filter) return filterOfItems(kind, filter.some);
  return fieldSpec(kind, filter.field) ? filter : ALL;
}

/** A filter whose matches all match the filter. */
function certainFilter(kind: ListedKind, filter: Filter): Filter {
  if ('and' in filter) return { and: filter.and.map((part) => certainFilter(kind, part)) };
  if ('or' in filter) return { or: filter.or.map((part) => certainFilter(kind, part)) };
  if ('not' in filter) return { not: storedFilter(kind, filter.not) };
  return 'field' in filter && fieldSpec(kind, filter.field) ? filter : NONE;
}

/** What records match of which an item matches: by lists of the same name, and by the latest and the earliest time. */
function filterOfItems(kind: ListedKind, filter: Filter): Filter {
  if ('and' in filter) return { and: filter.and.map((part) => filterOfItems(kind, part)) };
  if ('or' in filter) return { or: filter.or.map((part) => filterOfItems(kind, part)) };
  if ('not' in filter || 'some' in filter || isNullSought(filter)) return ALL;
  const { items, defaultOrder, earliestField } = DEFINITION_OF[kind];
  const { field } = filter;
  if (field === items?.time) {
    if ('gte' in filter) return { ...filter, field: defaultOrder };
    return 'lte' in filter ? { ...filter, field: earliestField } : ALL;
  }
  const spec = fieldSpec(kind, field);
  return spec && (spec.type === 'texts' || !items?.fields[field]) ? filter : ALL;
}

/** On a list MongoDB's own comparisons mean "any of them", and like `isMatch` they never match across types. */
function leafMatch(leaf: Comparison, type: string): Document {
  const path = fieldPath(leaf.field);
  if ('eq' in leaf) return { [path]: { $eq: leaf.eq } };
  if ('in' in leaf) return { [path]: { $in: leaf.in } };
  if ('gte' in leaf) return { [path]: { $gte: leaf.gte } };
  if ('lte' in leaf) return { [path]: { $lte: leaf.lte } };
  if (type === 'number' || type === 'boolean') return NEVER;
  const part = fold('contains' in leaf ? leaf.contains : leaf.startsWith);
  const $regex = `${'contains' in leaf ? '' : '^'}${literalPattern(part)}`;
  const folded = `c.${leaf.field}`;
  const others = { [folded]: { $regex } };
  // what holds more than ASCII is judged as folded, and by that alone: to MongoDB more letters are alike
  return isAscii(part) ? { $or: [others, { [folded]: null, [path]: { $regex, $options: 'i' } }] } : others;
}

/** A regular expression that finds `text` to the letter; ASCII is escaped by number, NUL and all. */
function literalPattern(text: string): string {
  const byNumber = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text.replace(/[\0-/:-@[-`{-\x7f]/g, byNumber);
}
