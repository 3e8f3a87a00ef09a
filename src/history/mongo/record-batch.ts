import {
  type AnyBulkWriteOperation,
  type ClientSession,
  MongoServerError,
  ObjectId,
  type TransactionOptions,
} from 'mongodb';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import { isListed, keyText, type RecordKey } from '../../resources/registry.js';
import type { Fields } from '../../values/filter.js';
import { type Instant, latest, toInstant, toMillis } from '../../values/instant.js';
import { statementOf } from '../batch-statement.js';
import { HistoryError } from '../errors.js';
import { type HighWaterMarks, marksOf, widenStage } from '../high-water-marks.js';
import type { Batch, Confirmation, Pin, Recorded } from '../store.js';
import { writeBodies } from './bodies.js';
import { endAbandoned, type MongoConnection } from './connection.js';
import { foldedFields, observedFields, storedFields } from './filter.js';
import { releasedBy, writeLedger } from './ledger.js';
import { matchesOne } from './revisions.js';
import { KEY_INDEX, PROJECTION_KEY } from './schema.js';
import { type Collections, type HeadDoc, type RevisionDoc, revisionId } from './stored-types.js';

const DUPLICATE_KEY = 11_000;
/** How often a transaction may fail before it looks as if a dead writer stood in its way. */
const PATIENCE = 8;

const TRANSACTION: TransactionOptions = {
  readConcern: { level: 'snapshot' },
  writeConcern: { w: 'majority', wtimeoutMS: 30_000 },
  readPreference: 'primary',
};

/** Writes batches, each in one transaction. */
export class MongoRecorder {
  #last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly connection: MongoConnection,
    private readonly collections: Collections,
  ) {}

  /**
   * Records one batch after the other: those of one process would otherwise only conflict with each other,
   * as those of several do, which MongoDB detects and the driver tries again.
   */
  record(batch: Batch): Promise<Recorded> {
    const recorded = this.#last.then(() => this.#recordOnce(batch));
    this.#last = recorded.catch(() => {});
    return recorded;
  }

  /** Waits for what is being recorded. */
  async settled(): Promise<void> {
    await this.#last;
  }

  async #recordOnce(batch: Batch): Promise<Recorded> {
    const fields = new Map(batch.observations.map((seen) => [seen, observedFields(seen)]));
    let attempts = 0;
    const attempt = async (session: ClientSession) => {
      attempts += 1;
      if (attempts > PATIENCE) await endAbandoned(this.connection);
      return this.#write(batch, fields, session);
    };
    try {
      return await this.connection.client.withSession((session) =>
        session.withTransaction(attempt, TRANSACTION),
      );
    } catch (error) {
      const before = isDuplicate(error) ? await this.#before(batch) : null;
      if (before) return before;
      throw error;
    }
  }

  /** What was answered when the batch was recorded, once a majority is known to hold it. */
  async #before({ id }: Batch): Promise<Recorded | null> {
    const settled = { readConcern: { level: 'linearizable' }, maxTimeMS: 30_000 } as const;
    return (await this.collections.batches.findOne({ _id: id }, settled))?.recorded ?? null;
  }

  async #write(
    batch: Batch,
    fields: ReadonlyMap<Observation, Fields | null>,
    session: ClientSession,
  ): Promise<Recorded> {
    const head = await this.#advance(batch, marksOf(fields), session);
    const { seq } = head;
    const pin = { seq, at: toInstant(head.at) };
    const extents = head.isWhole ? head.extents : null;
    const [currents, released] = await Promise.all([
      this.#currents(batch, session),
      releasedBy(this.collections, batch),
    ]);
    const plan = planOf(batch, fields, pin, currents);
    const { recorded } = plan;
    const stated = statementOf(batch, released, plan.verified);
    await bothOf(writeBodies(this.collections, plan.bodies), async () => {
      await this.#writeRevisions(plan, session);
      await writeLedger(this.collections, batch, released, seq, session);
      // last, so that a batch that is there already undoes all of it
      await this.collections.batches.insertOne(
        { _id: batch.id, ...pin, recorded, extents, stated },
        { session },
      );
    });
    return recorded;
  }

  /** Takes the next number. Every writer begins with this, so no two get past it at once. */
  async #advance(batch: Batch, added: HighWaterMarks, session: ClientSession): Promise<HeadDoc> {
    const next = {
      seq: { $add: ['$seq', 1] },
      at: { $max: [toMillis(batch.now), { $add: ['$at', 1] }] },
      ...widenStage(added),
    };
    const options = { session, returnDocument: 'after' } as const;
    const own = { _id: 'head', layout: PROJECTION_KEY } as const;
    const head = await this.collections.meta.findOneAndUpdate(own, [{ $set: next }], options);
    if (head) return head as HeadDoc;
    throw new HistoryError(
      'UNUSABLE',
      `another version of the gateway has laid out the history in ${this.connection.where} anew: restart this one as that version`,
    );
  }

  async #currents(batch: Batch, session: ClientSession): Promise<RevisionDoc[]> {
    const keys = [...batch.observations.map(({ key }) => key), ...batch.tombstones];
    if (keys.length === 0) return [];
    const current = { $or: matchesOne(keys, { seqTo: OPEN_SEQ }) };
    const options = { session, hint: KEY_INDEX, projection: { f: 0, c: 0 }, batchSize: keys.length + 1 };
    return this.collections.revisions.find(current, options).toArray();
  }

  async #writeRevisions(
    { recorded, revisions, closed, confirmed }: Plan,
    session: ClientSession,
  ): Promise<void> {
    const { seq, at } = recorded;
    const changes: AnyBulkWriteOperation<RevisionDoc>[] = [...confirmed].map(([_id, verifiedAt]) => ({
      updateOne: { filter: { _id }, update: { $set: { verifiedAt, confirmedBy: seq } } },
    }));
    if (closed.length > 0) {
      const end = { $set: { seqTo: seq, observedTo: at } };
      changes.push({ updateMany: { filter: { _id: { $in: [...closed] } }, update: end } });
    }
    const options = { session, ordered: false };
    if (changes.length > 0) await this.collections.revisions.bulkWrite(changes, options);
    if (revisions.length > 0) await this.collections.revisions.insertMany([...revisions], options);
  }
}

/** Waits for both, also where one fails: a transaction must not be ended while it is still being written to. */
async function bothOf(a: Promise<void>, b: () => Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled([a, b()]);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed) throw failed.reason;
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}

/** What recording a batch comes to: its answer, and what is to be written. */
interface Plan {
  readonly recorded: Recorded;
  readonly revisions: readonly RevisionDoc[];
  /** The observations whose texts are to be kept, and as what. */
  readonly bodies: ReadonlyMap<ObjectId, Observation>;
  /** Revisions that this batch supersedes. */
  readonly closed: readonly string[];
  /** Revisions that it saw again, with their `verifiedAt`. */
  readonly confirmed: ReadonlyMap<string, Instant>;
  /** All versions that it brings or confirms, as it leaves them. */
  readonly verified: readonly Omit<Confirmation, 'confirmedBy'>[];
}

/**
 * Works out what becomes of `batch` as the batch `pin`, where `currents` are the revisions now current and
 * `fields` those of each observation.
 */
function planOf(
  batch: Batch,
  fields: ReadonlyMap<Observation, Fields | null>,
  pin: Pin,
  currents: readonly RevisionDoc[],
): Plan {
  return new Planner(batch, fields, pin, currents).plan();
}

type Version = Omit<
  RevisionDoc,
  '_id' | 'confirmedBy' | 'runId' | 'deleted' | 'seqFrom' | 'seqTo' | `observed${string}`
>;

class Planner {
  readonly #currents: Map<string, RevisionDoc>;
  readonly #revisions = new Map<string, RevisionDoc>();
  readonly #bodies = new Map<ObjectId, Observation>();
  readonly #closed: string[] = [];
  readonly #confirmed = new Map<string, Instant>();
  readonly #verified = new Map<string, Omit<Confirmation, 'confirmedBy'>>();
  readonly #conflicts: RecordKey[] = [];
  readonly #tally = { added: 0, changed: 0, unchanged: 0, deleted: 0 };

  constructor(
    private readonly batch: Batch,
    private readonly fields: ReadonlyMap<Observation, Fields | null>,
    private readonly pin: Pin,
    currents: readonly RevisionDoc[],
  ) {
    this.#currents = new Map(currents.map((current) => [keyText(current), current]));
  }

  plan(): Plan {
    const { observations, tombstones } = this.batch;
    for (const observation of observations) this.#observe(observation);
    if (tombstones.length > 0) {
      const observed = new Set(observations.map(({ key }) => keyText(key)));
      for (const key of tombstones) if (!observed.has(keyText(key))) this.#bury(key);
    }
    return {
      recorded: { ...this.pin, ...this.#tally, conflicts: this.#conflicts },
      revisions: [...this.#revisions.values()],
      bodies: this.#bodies,
      closed: this.#closed,
      confirmed: this.#confirmed,
      verified: [...this.#verified.values()],
    };
  }

  #observe(seen: Observation): void {
    const current = this.#currents.get(keyText(seen.key));
    if (!current) this.#add(seen, 'added');
    else if (!current.deleted && current.digest === seen.digest) this.#confirm(current, seen.fetchedAt);
    else if (current.confirmedBy > seen.basis) this.#conflicts.push(seen.key);
    else this.#add(seen, current.deleted ? 'added' : 'changed');
  }

  #confirm(current: RevisionDoc, fetchedAt: Instant): void {
    this.#tally.unchanged += 1;
    const verifiedAt = latest(current.verifiedAt, fetchedAt);
    const confirmed = { ...current, verifiedAt, confirmedBy: this.pin.seq };
    this.#hold(confirmed);
    if (this.#revisions.has(current._id)) this.#revisions.set(current._id, confirmed);
    else this.#confirmed.set(current._id, verifiedAt);
  }

  #add(seen: Observation, as: 'added' | 'changed'): void {
    this.#tally[as] += 1;
    const { key, digest, origin, fetchedAt } = seen;
    const body = new ObjectId();
    this.#bodies.set(body, seen);
    const version = { ...key, digest, origin, verifiedAt: fetchedAt, body, ...this.#storedFields(seen) };
    this.#supersede(version, false);
  }

  #storedFields(seen: Observation): Pick<RevisionDoc, 'f' | 'c'> {
    const { kind } = seen.key;
    const fields = this.fields.get(seen);
    if (!fields || !isListed(kind)) return {};
    const c = foldedFields(kind, fields);
    return { f: storedFields(fields), ...(c && { c }) };
  }

  #bury(key: RecordKey): void {
    const current = this.#currents.get(keyText(key));
    if (!current || current.deleted) return;
    this.#tally.deleted += 1;
    // it is in no list, so it needs no fields
    this.#supersede({ ...current, verifiedAt: this.pin.at }, true);
  }

  #supersede(version: Version, deleted: boolean): void {
    const current = this.#currents.get(keyText(version));
    if (current) this.#closed.push(current._id);
    const { seq, at } = this.pin;
    const revision = {
      ...version,
      ...{ _id: revisionId(version, seq), seqFrom: seq, seqTo: OPEN_SEQ, observedFrom: at, observedTo: null },
      ...{ confirmedBy: seq, runId: this.batch.run.id, deleted },
    };
    this.#hold(revision);
    this.#revisions.set(revision._id, revision);
  }

  #hold(revision: RevisionDoc): void {
    const { integration, kind, id, seqFrom, verifiedAt } = revision;
    this.#currents.set(keyText(revision), revision);
    this.#verified.set(revision._id, { key: { integration, kind, id }, seqFrom, verifiedAt });
  }
}
