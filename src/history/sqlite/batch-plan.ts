import type { Observation } from '../../model/revision.js';
import { KINDS, keyText, type RecordKey } from '../../resources/registry.js';
import { compareValues } from '../../values/filter.js';
import type { Batch } from '../store.js';
import { isName } from './columns.js';

/** What is to happen to one key. */
export interface BatchOperation {
  readonly key: RecordKey;
  /** The key as `keyText`. */
  readonly text: string;
  /** `null`: a tombstone. */
  readonly seen: Observation | null;
}

/**
 * What a batch does, key by key. Revisions are numbered in the order in which `changes` gives them, so that
 * their numbers are their places. A key that is both observed and tombstoned is observed.
 */
export function planBatch({ observations, tombstones }: Batch): BatchOperation[] {
  const observed = observations.map(
    (seen): BatchOperation => ({ key: seen.key, text: keyText(seen.key), seen }),
  );
  const texts = new Set(observed.map(({ text }) => text));
  const gone = tombstones
    .map((key): BatchOperation => ({ key, text: keyText(key), seen: null }))
    .filter(({ text }) => !texts.has(text));
  const operations = [...observed, ...gone];
  for (const { key } of operations) assertKey(key);
  return operations.sort((a, b) => compareWritten(a.key, b.key));
}

/** The order of the revisions of one batch. */
export function compareWritten(a: RecordKey, b: RecordKey): number {
  return (
    compareValues(a.kind, b.kind) || compareValues(a.integration, b.integration) || compareValues(a.id, b.id)
  );
}

/** The items by the group that each is of, in the order in which groups first occur. */
export function grouped<T, G>(items: readonly T[], groupOf: (item: T) => G): Map<G, T[]> {
  const groups = new Map<G, T[]>();
  for (const item of items) {
    const group = groups.get(groupOf(item));
    if (group) group.push(item);
    else groups.set(groupOf(item), [item]);
  }
  return groups;
}

function assertKey({ kind, id, integration }: RecordKey): void {
  if (KINDS.includes(kind) && isName(id) && isName(integration)) return;
  throw new TypeError(`not the key of a record: ${JSON.stringify({ integration, kind, id })}`);
}
