import type { Document } from 'mongodb';
import { fieldSpec } from '../model/fields.js';
import { type Fields, type Filter, fold } from '../model/filter.js';
import type { ListedKind } from '../model/kind.js';

type Leaf = Extract<Filter, { readonly field: string }>;

const ALWAYS: Document = {};
const NEVER: Document = { $nor: [{}] };

/** The filter as a condition on revisions of `kind`, with the meaning of `isMatch`. */
export function filterMatch(kind: ListedKind, filter: Filter): Document {
  if ('and' in filter) return joined('$and', filter.and, kind, ALWAYS);
  if ('or' in filter) return joined('$or', filter.or, kind, NEVER);
  if ('not' in filter) return { $nor: [filterMatch(kind, filter.not)] };
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

function isNullSought(leaf: Leaf): boolean {
  if ('eq' in leaf) return leaf.eq === null;
  return 'in' in leaf && leaf.in.includes(null);
}

/** On a list MongoDB's own comparisons mean "any of them", and like `isMatch` they never match across types. */
function leafMatch(leaf: Leaf, type: string): Document {
  const path = `f.${leaf.field}`;
  if ('eq' in leaf) return { [path]: { $in: sought([leaf.eq]) } };
  if ('in' in leaf) return { [path]: { $in: sought(leaf.in) } };
  if ('gte' in leaf) return { [path]: { $gte: leaf.gte } };
  if ('lte' in leaf) return { [path]: { $lte: leaf.lte } };
  const pattern = literalPattern(fold(leaf.contains));
  // instants are ASCII and kept once, as they are
  if (type === 'instant') return { [path]: { $regex: pattern, $options: 'i' } };
  return type === 'text' || type === 'texts' ? { [`c.${leaf.field}`]: { $regex: pattern } } : NEVER;
}

/** Where null is sought, a list with nothing in it is what is meant too. */
function sought(values: readonly unknown[]): unknown[] {
  return values.includes(null) ? [...values, []] : [...values];
}

/** A regular expression that finds `text` to the letter; ASCII is escaped by number, NUL and all. */
function literalPattern(text: string): string {
  const byNumber = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text.replace(/[\0-/:-@[-`{-\x7f]/g, byNumber);
}

/** The texts among `fields`, folded as `contains` compares them. */
export function foldedFields(kind: ListedKind, fields: Fields): Fields {
  const folded: Record<string, Fields[string]> = {};
  for (const [field, value] of Object.entries(fields)) {
    const type = fieldSpec(kind, field)?.type;
    if (type === 'text') folded[field] = typeof value === 'string' ? fold(value) : null;
    if (type === 'texts' && Array.isArray(value)) folded[field] = value.map(fold);
  }
  return folded;
}
