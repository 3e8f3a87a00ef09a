import type { Filter } from '../values/filter.js';
import { fieldSpec, type ListedKind } from './registry.js';

export interface Undecided {
  readonly field: string;
  /** Matches those records. Its top level requires `field` to be null, so that an index finds them. */
  readonly filter: Filter;
}

type Leaf = Extract<Filter, { readonly field: string }>;

/** Those with a null time that `filter` compares. One part per time field; no record is in two parts. */
export function undecidedBy(kind: ListedKind, filter: Filter | null): Undecided[] {
  if (filter === null) return [];
  const fields = [...new Set(comparedTimes(kind, filter))];
  const open = { and: [possible(kind, filter), { not: certain(kind, filter) }] };
  return fields.map((field, index) => ({
    field,
    filter: {
      and: [
        { field, eq: null },
        unknown(field),
        ...fields.slice(0, index).map((earlier) => ({ not: unknown(earlier) })),
        open,
      ],
    },
  }));
}

/** Records with an unknown time: null, unless null is its correct value. */
function unknown(field: string): Filter {
  const absent: Filter = { field, eq: null };
  if (field !== 'latestRemediationTime') return absent;
  // a threat that was not remediated has no time of remediation: known, not missing
  return { and: [absent, { field: 'remediationState', in: ['REMEDIATED', 'PARTLY', 'UNKNOWN'] }] };
}

/** What may match once unknown times are known. */
function possible(kind: ListedKind, filter: Filter): Filter {
  if ('and' in filter) return { and: filter.and.map((part) => possible(kind, part)) };
  if ('or' in filter) return { or: filter.or.map((part) => possible(kind, part)) };
  if ('not' in filter) return { not: certain(kind, filter.not) };
  return isOpen(kind, filter) ? { or: [filter, unknown(filter.field)] } : filter;
}

/** What matches for all values of unknown times. */
function certain(kind: ListedKind, filter: Filter): Filter {
  if ('and' in filter) return { and: filter.and.map((part) => certain(kind, part)) };
  if ('or' in filter) return { or: filter.or.map((part) => certain(kind, part)) };
  if ('not' in filter) return { not: possible(kind, filter.not) };
  return filter;
}

function comparedTimes(kind: ListedKind, filter: Filter): string[] {
  if ('and' in filter) return filter.and.flatMap((part) => comparedTimes(kind, part));
  if ('or' in filter) return filter.or.flatMap((part) => comparedTimes(kind, part));
  if ('not' in filter) return comparedTimes(kind, filter.not);
  return isOpen(kind, filter) ? [filter.field] : [];
}

/** Whether a comparison is undecided for null: one with a time, unless it asks for null. */
function isOpen(kind: ListedKind, leaf: Leaf): boolean {
  if (fieldSpec(kind, leaf.field)?.type !== 'instant') return false;
  if ('eq' in leaf) return leaf.eq !== null;
  return !('in' in leaf) || !leaf.in.includes(null);
}
