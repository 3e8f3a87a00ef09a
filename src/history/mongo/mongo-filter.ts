import type { Document } from 'mongodb';
import { fieldSpec } from '../../resources/definition.js';
import type { ListedKind } from '../../resources/kind.js';
import { type Filter, fold } from '../../values/filter.js';
import { fieldPath, foldedPath, isAscii } from './mongo-fields.js';

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
  const path = fieldPath(leaf.field);
  if ('eq' in leaf) return { [path]: { $eq: leaf.eq } };
  if ('in' in leaf) return { [path]: { $in: leaf.in } };
  if ('gte' in leaf) return { [path]: { $gte: leaf.gte } };
  if ('lte' in leaf) return { [path]: { $lte: leaf.lte } };
  if (type === 'number' || type === 'boolean') return NEVER;
  const part = fold(leaf.contains);
  const $regex = literalPattern(part);
  const folded = foldedPath(leaf.field);
  const others = { [folded]: { $regex } };
  // what holds more than ASCII is judged as folded, and by that alone: to MongoDB more letters are alike
  return isAscii(part) ? { $or: [others, { [folded]: null, [path]: { $regex, $options: 'i' } }] } : others;
}

/** A regular expression that finds `text` to the letter; ASCII is escaped by number, NUL and all. */
function literalPattern(text: string): string {
  const byNumber = (char: string) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
  return text.replace(/[\0-/:-@[-`{-\x7f]/g, byNumber);
}
