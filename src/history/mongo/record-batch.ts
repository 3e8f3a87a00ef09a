import DataLoader from 'dataloader';
import { type AnyBulkWriteOperation, type ClientSession, ObjectId } from 'mongodb';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import { isListed, keyText } from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { toInstant, toMillis } from '../../values/instant.js';
import { type BatchOperation, keysOf, planBatch, releasedKeys, statementOf } from '../batch-plan.js';
import { HistoryError } from '../errors.js';
import { type HighWaterMarks, marksOf, widenStage } from '../high-water-marks.js';
import type { Batch, Pin, Recorded } from '../store.js';
import { writeBodies } from './bodies.js';
import { endAbandoned, inTransaction, isDuplicate, type MongoConnection } from './connection.js';
import { foldedFields, observedFields, storedFields } from './filter.js';
import { readBefore, writeLedger } from './ledger.js';
import { liveAfter } from './live-counts.js';
import { outcomeDoc, storedOutcomeOf } from './packed.js';
import { matchesOne } from './revisions.js';
import { KEY_INDEX, PROJECTION_KEY } from './schema.js';
import {
  type BatchDoc,
  type Collections,
  type HeadDoc,
  type Left,
  type RevisionDoc,
  revisionId,
} from './stored-types.js';

/** How often a transaction may fail before it looks as if a dead writer stood in its way. */
const PATIENCE = 8;

interface Written extends Left {
  readonly recorded: Recorded;
}

/** Writes batches, each in one transaction. */
export class MongoRecorder {
  #last: Promise<unknown> = Promise.resolve();
  /** What this process recorded last: what was live then need not be read if the next batch follows it. */
  #newest: Written | null = null;

  constructor(
    private readonly connection: MongoConnection,
    private readonly collections: Collections,
  ) {}

  /**
   * Records one batch after the other: those of one process would otherwise only conflict with each other,
   * as those of several do, which MongoDB detects and the driver tries again. What has come meanwhile is taken at once.
   */
  readonly #queue = new DataLoader<Batch, Recorded>((batches) => this.#recordAll(batches), {
    cache: false,
    maxBatchSize: Number.POSITIVE_INFINITY,
    batchScheduleFn: (take) => void this.#last.then(take),
  });

  record(batch: Batch): Promise<Recorded> {
    return this.#queue.load(batch);
  }

  /** Waits for what is being recorded, and for what waits for that. */
  async settled(): Promise<void> {
    for (let last: unknown = null; last !== this.#last; await this.#last) last = this.#last;
  }

  #recordAll(batches: readonly Batch[]): Promise<(Recorded | Error)[]> {
    const recorded = (async () => {
      const results: (Recorded | Error)[] = [];
      for (const group of togetherOf(batches)) results.push(...(await this.#recordGroup(group)));
      return results;
    })();
    this.#last = recorded;
    return recorded;
  }

  /** If they cannot be recorded together, each is recorded alone. */
  async #recordGroup(group: readonly Batch[]): Promise<(Recorded | Error)[]> {
    try {
      return await this.#recordOnce(group);
    } catch (error) {
      const [only, ...others] = group;
      if (!only || others.length === 0) return [error as Error];
      const results: (Recorded | Error)[] = [];
      for (const batch of group) results.push(...(await this.#recordGroup([batch])));
      return results;
    }
  }

  async #recordOnce(batches: readonly Batch[]): Promise<Recorded[]> {
    const observations = batches.flatMap((batch) => batch.observations);
    const fields = new Map(observations.map((seen) => [seen, observedFields(seen)]));
    let attempts = 0;
    const attempt = async (session: ClientSession) => {
      attempts += 1;
      if (attempts > PATIENCE) await endAbandoned(this.connection);
      return this.#write(batches, fields, session);
    };
    try {
      const written = await inTransaction(this.connection, attempt);
      this.#newest = written.at(-1) ?? null;
      return written.map(({ recorded }) => recorded);
    } catch (error) {
      const [batch] = batches;
      const before = batch && batches.length === 1 && isDuplicate(error) ? await this.#before(batch) : null;
      if (before) return [before];
      throw error;
    }
  }

  /** What was answered when the batch was recorded, once a majority is known to hold it. */
  async #before({ id }: Batch): Promise<Recorded | null> {
    const settled = { readConcern: { level: 'linearizable' }, maxTimeMS: 30_000 } as const;
    const doc = await this.collections.batches.findOne({ _id: id }, settled);
    return doc && storedOutcomeOf(doc).recorded;
  }

  async #write(
    batches: readonly Batch[],
    fields: ReadonlyMap<Observation, Fields | null>,
    session: ClientSession,
  ): Promise<Written[]> {
    const head = await this.#advance(batches, marksOf(fields), session);
    const first = head.seq - batches.length + 1;
    const names = batches.flatMap((batch) => [...releasedKeys(batch).keys()]);
    const last = this.#newest?.recorded.seq === first - 1 ? this.#newest : null;
    const [held, { freed, before }] = await Promise.all([
      this.#heldRevisions(batches, session),
      last?.live && names.length === 0
        ? { freed: [], before: last }
        : readBefore(this.collections, first, names),
    ]);
    let left: Left = before;
    const parts = batches.map((batch, n) => {
      const pin = { seq: first + n, at: toInstant(head.at - head.seq + first + n) };
      const { recorded, operations, liveChanges, verified } = planBatch(batch, pin, held);
      const writes = writesOf(operations, fields, pin, batch.run.id);
      const stated = statementOf(batch, freed, verified);
      const reach = reachOf(head, writes.inserted.length === 0 ? left.extentsOf : null);
      const live = liveAfter(left.live, liveChanges);
      left = { live, extentsOf: reach.extentsOf ?? (reach.extents && pin.seq) };
      return {
        ...{ ...writes, written: { recorded, ...left } },
        doc: { _id: batch.id, ...pin, ...outcomeDoc(recorded, stated), ...reach, live },
      };
    });
    await bothOf(
      writeBodies(this.collections, new Map(parts.flatMap(({ bodies }) => [...bodies]))),
      async () => {
        const changed = parts.flatMap((part) => part.changed);
        const inserted = parts.flatMap((part) => part.inserted);
        await this.#writeRevisions({ changed, inserted }, session);
        await writeLedger(this.collections, batches, freed, first, session);
        // last, so that a batch that is there already undoes all of it
        await this.collections.batches.insertMany(
          parts.map(({ doc }) => doc),
          { session },
        );
      },
    );
    return parts.map(({ written }) => written);
  }

  /** Takes the next numbers. Every writer begins with this, so no two get past it at once. */
  async #advance(batches: readonly Batch[], added: HighWaterMarks, session: ClientSession): Promise<HeadDoc> {
    const now = Math.max(...batches.map((batch) => toMillis(batch.now)));
    const next = {
      seq: { $add: ['$seq', batches.length] },
      at: { $add: [{ $max: [now, { $add: ['$at', 1] }] }, batches.length - 1] },
      ...widenStage(added),
    };
    const options = { session, returnDocument: 'after' } as const;
    const own = { _id: 'head', layout: PROJECTION_KEY } as const;
    const head = await this.collections.meta.findOneAndUpdate(own, [{ $set: next }], options);
    if (head) return head as HeadDoc;
    throw new HistoryError(
      'UNUSABLE',
      `another version of the gateway has converted the history in ${this.connection.where}: restart this one with that version`,
    );
  }

  async #heldRevisions(batches: readonly Batch[], session: ClientSession): Promise<Map<string, RevisionDoc>> {
    const keys = batches.flatMap((batch) => [...keysOf(batch).values()]);
    if (keys.length === 0) return new Map();
    const current = { $or: matchesOne(keys, { seqTo: OPEN_SEQ }) };
    const options = { session, hint: KEY_INDEX, projection: { f: 0, c: 0 }, batchSize: keys.length + 1 };
    const docs = await this.collections.revisions.find(current, options).toArray();
    return new Map(docs.map((doc) => [keyText(doc), doc]));
  }

  async #writeRevisions(
    { changed, inserted }: Pick<ReturnType<typeof writesOf>, 'changed' | 'inserted'>,
    session: ClientSession,
  ): Promise<void> {
    const options = { session, ordered: false };
    if (changed.length > 0) await this.collections.revisions.bulkWrite(changed, options);
    if (inserted.length > 0) await this.collections.revisions.insertMany(inserted, options);
  }
}

/** What is recorded in one transaction: one batch, or several in a row that say nothing of any record. */
function togetherOf(batches: readonly Batch[]): Batch[][] {
  const groups: Batch[][] = [];
  let open: Batch[] | null = null;
  for (const batch of batches) {
    const isPlain = keysOf(batch).size + releasedKeys(batch).size + batch.quarantine.length === 0;
    if (isPlain && open) open.push(batch);
    else groups.push([batch]);
    open = isPlain ? (groups.at(-1) ?? null) : null;
  }
  return groups;
}

/** The extents after a batch, or `before`, the batch that has the same. */
function reachOf(
  { isWhole, extents }: HeadDoc,
  before: number | null,
): Pick<BatchDoc, 'extents' | 'extentsOf'> {
  if (!isWhole) return { extents: null };
  return before === null ? { extents } : { extents: null, extentsOf: before };
}

/** Waits for both, also where one fails: a transaction must not be ended while it is still being written to. */
async function bothOf(a: Promise<void>, b: () => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled([a, b()]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

/** What a batch writes of revisions, and the observations whose texts are stored, by the id under which they are. */
function writesOf(
  operations: readonly BatchOperation<RevisionDoc>[],
  fields: ReadonlyMap<Observation, Fields | null>,
  { seq, at }: Pin,
  runId: string,
) {
  const changed: AnyBulkWriteOperation<RevisionDoc>[] = [];
  const inserted: RevisionDoc[] = [];
  const bodies = new Map<ObjectId, Observation>();
  const ended: RevisionDoc[] = [];
  for (const operation of operations) {
    const { type, key, held, verifiedAt } = operation;
    if (type === 'CONFIRM') {
      const update = { $set: { verifiedAt, confirmedBy: seq } };
      changed.push({ updateOne: { filter: nameOf([held]), update } });
      continue;
    }
    if (held) ended.push(held);
    const recorded = {
      ...{ _id: revisionId(key, seq), seqFrom: seq, seqTo: OPEN_SEQ, observedFrom: at, observedTo: null },
      ...{ verifiedAt, confirmedBy: seq, runId },
    };
    // a tombstone is in no list, so it needs no fields
    if (type === 'TOMBSTONE') inserted.push({ ...held, ...recorded, deleted: true });
    else {
      const { observation } = operation;
      const { digest, origin } = observation;
      const body = new ObjectId();
      bodies.set(body, observation);
      const listed = listFields(observation, fields.get(observation));
      inserted.push({ ...key, ...recorded, digest, origin, body, deleted: false, ...listed });
    }
  }
  if (ended.length > 0) {
    const end = { $set: { seqTo: seq, observedTo: at } };
    changed.push({ updateMany: { filter: nameOf(ended), update: end } });
  }
  return { changed, inserted, bodies };
}

/** Finds versions by their names; the accounts are there for a cluster, which then asks the shards that have them. */
function nameOf(docs: readonly RevisionDoc[]) {
  const integrations = [...new Set(docs.map(({ integration }) => integration))];
  return { _id: { $in: docs.map(({ _id }) => _id) }, integration: { $in: integrations } };
}

function listFields({ key }: Observation, fields?: Fields | null): Pick<RevisionDoc, 'f' | 'c'> {
  if (!fields || !isListed(key.kind)) return {};
  const c = foldedFields(key.kind, fields);
  return { f: storedFields(fields), ...(c && { c }) };
}
