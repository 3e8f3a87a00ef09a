import { type Missing, outstanding } from '../model/coverage.js';
import type { Stream } from '../model/stream.js';
import { KIND_OF } from '../resources/registry.js';
import type { HistoryStore } from './store.js';

/** Which of the missing records are not recorded by a later batch, each once: the newest reading that names it counts. */
export async function stillMissing(
  store: Pick<HistoryStore, 'get'>,
  stream: Stream,
  missing: readonly Missing[],
  seq: number,
): Promise<Missing[]> {
  if (missing.length === 0) return [];
  const newest = new Map<string, Missing>();
  for (const each of missing) if (each.seq >= (newest.get(each.id)?.seq ?? 0)) newest.set(each.id, each);
  const ids = [...newest.keys()].sort();
  const recordedAt = await newestBatches(store, stream, ids, seq);
  return outstanding(
    ids.flatMap((id) => newest.get(id) ?? []),
    recordedAt,
  );
}

const CHUNK = 100;

/** The batch that recorded the newest version of each record of a stream, by id; none for one that is not stored. */
export async function newestBatches(
  store: Pick<HistoryStore, 'get'>,
  { integration, resource }: Stream,
  ids: readonly string[],
  seq: number,
): Promise<Map<string, number>> {
  const kind = KIND_OF[resource];
  const batches = new Map<string, number>();
  for (let at = 0; at < ids.length; at += CHUNK) {
    const keys = ids.slice(at, at + CHUNK).map((id) => ({ integration, kind, id }));
    for (const revision of await store.get(keys, seq)) {
      if (revision) batches.set(revision.key.id, revision.seqFrom);
    }
  }
  return batches;
}
