import type { Kind, RecordKey } from '../resources/registry.js';
import { compareValues } from '../values/filter.js';

/** The order of the versions that one batch records. */
export function compareWritten(a: RecordKey, b: RecordKey): number {
  return (
    compareValues(a.kind, b.kind) || compareValues(a.integration, b.integration) || compareValues(a.id, b.id)
  );
}

/** The keys of one kind and integration, each with its place in the list that they are from. */
export interface KeyGroup<K extends Kind = Kind> {
  readonly kind: K;
  readonly integration: string;
  readonly ids: string[];
  readonly places: number[];
}

/** The keys by kind and integration, as stores look them up, in that order. */
export function groupKeys<K extends Kind>(keys: Iterable<RecordKey & { readonly kind: K }>): KeyGroup<K>[] {
  const groups = new Map<string, KeyGroup<K>>();
  let place = 0;
  for (const { kind, integration, id } of keys) {
    const name = `${kind} ${integration}`;
    const group = groups.get(name) ?? { kind, integration, ids: [], places: [] };
    groups.set(name, group);
    group.ids.push(id);
    group.places.push(place);
    place += 1;
  }
  return [...groups].sort(([a], [b]) => compareValues(a, b)).map(([, group]) => group);
}
