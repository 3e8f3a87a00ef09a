import type { Observation } from '../../model/revision.js';
import { FIELDS, fieldSpec, fieldsOf } from '../../resources/definition.js';
import type { Kind, ListedKind } from '../../resources/kind.js';
import type { AnyRecord } from '../../resources/records.js';
import { type Fields, fold } from '../../values/filter.js';
import type { StoredFields } from './stored-types.js';

/*
 * How the fields of a record stand in its revision. MongoDB compares a list by any of its values, and one
 * value as it would a list of that alone; what is missing it takes for null, in filters, orders and indexes.
 * So `f` holds only what there is, a list of one as its value, and no empty list. `id` is a part of the key
 * and stands outside.
 *
 * `contains` ignores case by `fold`. On text of ASCII alone MongoDB can do that too, so only fields that hold
 * other text are kept a second time, folded, in `c`.
 */

export function isListed(kind: Kind): kind is ListedKind {
  return Object.hasOwn(FIELDS, kind);
}

/** What filters and orders see of an observation; `null` where its kind is not listed. */
export function observedFields({ key, record }: Observation): Fields | null {
  return recordFields(key.kind, record);
}

/** What filters and orders see of a record; `null` where its kind is not listed. */
export function recordFields(kind: Kind, record: AnyRecord): Fields | null {
  return isListed(kind) ? fieldsOf(kind, record as Parameters<typeof fieldsOf>[1]) : null;
}

/** Where a field stands in a revision. */
export function fieldPath(field: string): string {
  return field === 'id' ? 'id' : `f.${field}`;
}

/** Where a text field stands folded, if it does. */
export function foldedPath(field: string): string {
  return `c.${field}`;
}

/** The fields as they stand in a revision. */
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
export function isAscii(value: Fields[string]): boolean {
  if (isList(value)) return value.every((text) => ASCII.test(text));
  return typeof value !== 'string' || ASCII.test(value);
}

function isList(value: Fields[string]): value is readonly string[] {
  return Array.isArray(value);
}
