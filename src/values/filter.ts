export type FieldValue = string | number | boolean | null;

/** The values that a filter compares; of several values any may match. */
export type Fields = Readonly<Record<string, FieldValue | readonly string[]>>;

/**
 * Two-valued: for `null`, `gte`, `lte`, `contains` and `startsWith` are false, and `not` turns false into true. The last
 * two ignore case. A field with several values matches if one of them does; `eq null` means no value.
 */
export type Filter =
  | { readonly and: readonly Filter[] }
  | { readonly or: readonly Filter[] }
  | { readonly not: Filter }
  /** One of the record's items, such as a message of a threat, matches all of it; an item has the record's fields too. */
  | { readonly some: Filter }
  | { readonly field: string; readonly eq: FieldValue }
  | { readonly field: string; readonly in: readonly FieldValue[] }
  | { readonly field: string; readonly gte: string | number }
  | { readonly field: string; readonly lte: string | number }
  | { readonly field: string; readonly contains: string }
  | { readonly field: string; readonly startsWith: string };

export function conjuncts(filter: Filter | null): Filter[] {
  if (filter === null) return [];
  return 'and' in filter ? filter.and.flatMap(conjuncts) : [filter];
}

export type Comparison = Extract<Filter, { readonly field: string }>;

/** The comparisons of a filter of records, or of items, each with which of them it is of. */
export function comparisonsIn(filter: Filter, isOfItem: boolean): (Comparison & { isOfItem: boolean })[] {
  if ('and' in filter) return filter.and.flatMap((part) => comparisonsIn(part, isOfItem));
  if ('or' in filter) return filter.or.flatMap((part) => comparisonsIn(part, isOfItem));
  if ('not' in filter) return comparisonsIn(filter.not, isOfItem);
  return 'some' in filter ? comparisonsIn(filter.some, true) : [{ ...filter, isOfItem }];
}

export function isNullSought(comparison: Comparison): boolean {
  return 'eq' in comparison ? comparison.eq === null : 'in' in comparison && comparison.in.includes(null);
}

/** Whether what matches has a value. */
export function isOfPresent(part: Filter): boolean {
  return 'gte' in part || 'lte' in part || ('eq' in part && part.eq !== null);
}

/** Case folding for `contains` and `startsWith`; both stores save text folded by this function. */
export function fold(text: string): string {
  return text.normalize('NFC').toLowerCase();
}

/** The meaning that every store's query must have. */
export function isMatch(fields: Fields, filter: Filter, items: readonly Fields[] = []): boolean {
  if ('and' in filter) return filter.and.every((part) => isMatch(fields, part, items));
  if ('or' in filter) return filter.or.some((part) => isMatch(fields, part, items));
  if ('not' in filter) return !isMatch(fields, filter.not, items);
  if ('some' in filter) return items.some((item) => isMatch({ ...fields, ...item }, filter.some));
  const value = fields[filter.field];
  const values: readonly FieldValue[] = Array.isArray(value) ? value : [value ?? null];
  if ('eq' in filter) return isEqual(values, filter.eq);
  if ('in' in filter) return filter.in.some((wanted) => isEqual(values, wanted));
  if ('gte' in filter) return values.some((v) => v !== null && compareValues(v, filter.gte) >= 0);
  if ('lte' in filter) return values.some((v) => v !== null && compareValues(v, filter.lte) <= 0);
  const part = fold('contains' in filter ? filter.contains : filter.startsWith);
  const isFound = (text: string) => ('contains' in filter ? text.includes(part) : text.startsWith(part));
  return values.some((v) => typeof v === 'string' && isFound(fold(v)));
}

function isEqual(values: readonly FieldValue[], wanted: FieldValue): boolean {
  return wanted === null ? values.length === 0 || values.includes(null) : values.includes(wanted);
}

/** Null first, text by UTF-8 bytes as in both stores, numbers by size. */
export function compareValues(a: FieldValue, b: FieldValue): number {
  if (a === b) return 0;
  if (a === null) return -1;
  if (b === null) return 1;
  if (typeof a === 'string' && typeof b === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b));
  return Number(a) < Number(b) ? -1 : 1;
}

export const INT_MAX = 2_147_483_647;

/** `null` if it is not a GraphQL `Int`. */
export function intOrNull(value: number | null): number | null {
  return value !== null && Number.isInteger(value) && Math.abs(value) <= INT_MAX ? value : null;
}

/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
