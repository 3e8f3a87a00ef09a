import { setImmediate } from 'node:timers/promises';
import { damageOf, HistoryError } from '../../history/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import { KINDS } from '../../resources/registry.js';

/** What one batch brought, as far as the store says so. */
export interface BatchRevisions {
  readonly seq: number;
  readonly revisions: readonly RevisionRecord[];
  /** Revisions whose records cannot be read; everything else of them can. */
  readonly damaged: readonly RevisionRecord[];
  /** Set where the store cannot read what the batch brought, though it answers otherwise. */
  readonly isBroken?: boolean;
}

const AT_ONCE = 250;
/** How many batches are asked for one by one where a store's answer is out of order. */
const DETOUR = 50;

/**
 * The revisions of the batches `(afterSeq, toSeq]`, batch by batch; batches that brought none are left out. It
 * goes by the batches' numbers alone, so that rows which were tampered with can neither hold it up nor turn it
 * back: where they are out of order, each comes with the batch in whose place it stands.
 */
export async function* walkBatches(
  store: HistoryStore,
  afterSeq: number,
  toSeq: number,
): AsyncGenerator<BatchRevisions> {
  let detour = 0;
  for (let from = afterSeq, limit = AT_ONCE; from < toSeq; ) {
    const to = detour > 0 ? from + 1 : toSeq;
    const found = await changesOf(store, from, to, limit + 1);
    // one page after another would otherwise keep all else waiting
    await setImmediate();
    if (detour > 0) {
      if (found !== null && found.length > limit) limit *= 4;
      else {
        if (found === null) yield { seq: to, revisions: [], damaged: [], isBroken: true };
        else if (found.length > 0) yield batchOf(to, found);
        [from, limit, detour] = [to, AT_ONCE, detour - 1];
      }
    } else if (found === null || !isAscending(found, from, to)) detour = DETOUR;
    else {
      const groups = byBatch(found);
      // the last one may go on beyond the page
      if (found.length > limit) groups.pop();
      const last = found.length > limit ? groups.at(-1)?.seq : toSeq;
      yield* groups;
      limit = last === undefined ? limit * 4 : AT_ONCE;
      from = last ?? from;
    }
  }
}

/** `null` where rows are such that the store cannot make revisions of them. */
async function changesOf(store: HistoryStore, afterSeq: number, toSeq: number, limit: number) {
  const query = { afterSeq, toSeq, kinds: KINDS, integrations: null, after: null, limit };
  return (await tolerantRead(store, () => store.changes(query))) ?? null;
}

function isAscending(found: readonly RevisionRecord[], from: number, to: number): boolean {
  let before = from + 1;
  for (const { seqFrom } of found) {
    if (!(seqFrom >= before && seqFrom <= to)) return false;
    before = seqFrom;
  }
  return true;
}

function byBatch(found: readonly RevisionRecord[]): BatchRevisions[] {
  const groups: RevisionRecord[][] = [];
  for (const revision of found) {
    const last = groups.at(-1);
    if (last?.[0]?.seqFrom === revision.seqFrom) last.push(revision);
    else groups.push([revision]);
  }
  return groups.map((group) => batchOf(group[0]?.seqFrom ?? 0, group));
}

function batchOf(seq: number, found: readonly RevisionRecord[]): BatchRevisions {
  const damaged = found.filter((revision) => damageOf(revision) !== null);
  const isWhole = damaged.length === 0;
  return { seq, revisions: isWhole ? found : found.filter((each) => !damaged.includes(each)), damaged };
}

/**
 * What `get` gives; `undefined` where what is there does not read as what it should be. A store that does not
 * answer at all is no such case: that rejects.
 */
export async function tolerantRead<T>(store: HistoryStore, get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof HistoryError)) return undefined;
    if (error.code === 'DAMAGED') return undefined;
    if (error.code !== 'UNAVAILABLE') throw error;
    // rows can be such that a query fails on them; then the store is well, and fails at them again
    await store.ping();
    return get().catch(() => undefined);
  }
}
