import { OPEN_SEQ } from '../../model/revision.js';
import { LISTED_KINDS } from '../../resources/registry.js';
import { compareValues } from '../../values/filter.js';
import type { LiveChange } from '../batch-plan.js';
import type { DerivedFault, ListQuery } from '../store.js';
import { inTransaction, type MongoConnection } from './connection.js';
import type { BatchDoc, Collections, HeadDoc, LiveCount, RevisionDoc } from './stored-types.js';

/*
 * How many records were live after each batch, so that a count without a filter reads one document. A batch that an
 * earlier version of the gateway recorded has no counts, and neither have those after it until the next start.
 */

/** The counts after a batch; `null` if those before it are not known. */
export function liveAfter(
  before: readonly LiveCount[] | null,
  changes: readonly LiveChange[],
): LiveCount[] | null {
  if (before === null) return null;
  const counts = new Map(before.map((count) => [groupOf(count), count]));
  for (const { kind, integration, change } of changes) {
    const group = groupOf({ kind, integration });
    counts.set(group, { kind, integration, n: (counts.get(group)?.n ?? 0) + change });
  }
  return inOrder(counts.values());
}

/** How many records of a kind are live in a view; `null` if that was not counted. */
export async function liveCountAt(
  { batches }: Collections,
  { kind, integrations, seq }: Omit<ListQuery, 'filter'>,
): Promise<number | null> {
  const options = { sort: { seq: -1 }, projection: { _id: 0, live: 1 } } as const;
  const batch = await batches.findOne({ seq: { $lte: seq } }, options);
  const own = batch?.live?.filter(
    (count) => count.kind === kind && (integrations === null || integrations.includes(count.integration)),
  );
  return own?.reduce((sum, { n }) => sum + n, 0) ?? null;
}

/** Counts what is live if the newest batch does not say it. */
export async function startCounting(connection: MongoConnection, collections: Collections): Promise<void> {
  const { batches, meta, revisions } = collections;
  const newest = await batches.findOne({}, { sort: { seq: -1 }, projection: { live: 1 } });
  if (newest === null || newest.live) return;
  await inTransaction(connection, async (session) => {
    // every writer begins with the head, so that none records a batch meanwhile
    const counting = { $currentDate: { countedAt: true } } as const;
    const head = await meta.findOneAndUpdate({ _id: 'head' }, counting, { session });
    const live = await revisions
      .aggregate<LiveCount>(
        [
          { $match: { kind: { $in: LISTED_KINDS }, seqTo: OPEN_SEQ, deleted: false } },
          { $group: { _id: { kind: '$kind', integration: '$integration' }, n: { $sum: 1 } } },
          { $project: { _id: 0, kind: '$_id.kind', integration: '$_id.integration', n: 1 } },
        ],
        { session },
      )
      .toArray();
    const { seq } = head as HeadDoc;
    await batches.updateOne({ seq }, { $set: { live: inOrder(live) } }, { session });
  });
}

function groupOf({ kind, integration }: Pick<LiveCount, 'kind' | 'integration'>): string {
  return `${kind} ${integration}`;
}

function inOrder(counts: Iterable<LiveCount>): LiveCount[] {
  return [...counts].sort((a, b) => compareValues(groupOf(a), groupOf(b)));
}

/** Counts again what was live after each batch, from versions in the order in which they were written. */
export class LiveCountCheck {
  readonly #live = new Map<string, number>();
  /** By the batch that ended them, how many versions of each group ended. */
  readonly #ended = new Map<number, Map<string, number>>();

  add(doc: Pick<RevisionDoc, 'kind' | 'integration' | 'deleted' | 'seqTo'>): void {
    const group = groupOf(doc);
    if (doc.deleted || !LISTED_KINDS.some((kind) => kind === doc.kind)) return;
    raise(this.#live, group, 1);
    if (doc.seqTo === OPEN_SEQ) return;
    const ended = this.#ended.get(doc.seqTo) ?? new Map<string, number>();
    raise(ended, group, 1);
    this.#ended.set(doc.seqTo, ended);
  }

  /** After all versions of the batch were added, and none of a later one. */
  *after({ seq, live }: Pick<BatchDoc, 'seq' | 'live'>): Generator<DerivedFault> {
    for (const [group, n] of this.#ended.get(seq) ?? []) raise(this.#live, group, -n);
    this.#ended.delete(seq);
    if (!live) return;
    const said = new Map(live.map((count) => [groupOf(count), count.n]));
    for (const group of new Set([...said.keys(), ...this.#live.keys()])) {
      const [found, wanted] = [said.get(group) ?? 0, this.#live.get(group) ?? 0];
      if (found === wanted) continue;
      const message = `The history counts ${found} records of ${group} after batch ${seq}, and there are ${wanted}.`;
      yield { what: group, seq, message };
    }
  }
}

function raise(counts: Map<string, number>, group: string, by: number): void {
  counts.set(group, (counts.get(group) ?? 0) + by);
}
