import { conjuncts, type Filter } from '../values/filter.js';
import { fieldSpec, type ListedKind } from './registry.js';

/**
 * One field that lists can be filtered by.
 * `instant` and `text` hold one string, `texts` several; `order` marks those that lists can be ordered by,
 * and `reference` those that name other records and are looked up by value.
 */
export interface FieldSpec {
  readonly type: 'text' | 'texts' | 'instant' | 'number' | 'boolean';
  readonly order?: true;
  readonly reference?: true;
}

/** A time field that every match of the filter is without, if its top level asks for that: an index finds them. */
export function absentTime(kind: ListedKind, filter: Filter | null): string | null {
  for (const part of conjuncts(filter)) {
    if ('eq' in part && part.eq === null && fieldSpec(kind, part.field)?.type === 'instant')
      return part.field;
  }
  return null;
}
