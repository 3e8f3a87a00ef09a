import {
  type AnyBulkWriteOperation,
  type ClientSession,
  MongoServerError,
  type TransactionOptions,
} from 'mongodb';
import { type Observation, OPEN_SEQ } from '../../model/revision.js';
import type { Fields } from '../../values/filter.js';
import { toInstant, toMillis } from '../../values/instant.js';
import { statementOf } from '../batch-statement.js';
import { HistoryError } from '../errors.js';
import { type Extents, extentsOf, widening } from '../high-water-marks.js';
import type { Batch, Recorded } from '../store.js';
import { writeBodies } from './bodies.js';
import { releasedBy, writeBooks } from './ledger.js';
import { endAbandoned } from './mongo-abandoned.js';
import type { MongoConnection } from './mongo-connection.js';
import { observedFields } from './mongo-fields.js';
import { type Plan, planOf } from './mongo-plan.js';
import { oneOf } from './revisions.js';
import { KEY_INDEX, LAYOUT } from './schema.js';
import type { Collections, HeadDoc, RevisionDoc } from './stored-types.js';

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
    const head = await this.#advance(batch, extentsOf(fields), session);
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
      await writeBooks(this.collections, batch, released, seq, session);
      // last, so that a batch that is there already undoes all of it
      await this.collections.batches.insertOne(
        { _id: batch.id, ...pin, recorded, extents, stated },
        { session },
      );
    });
    return recorded;
  }

  /** Takes the next number. Every writer begins with this, so no two get past it at once. */
  async #advance(batch: Batch, added: Extents, session: ClientSession): Promise<HeadDoc> {
    const next = {
      seq: { $add: ['$seq', 1] },
      at: { $max: [toMillis(batch.now), { $add: ['$at', 1] }] },
      ...widening(added),
    };
    const options = { session, returnDocument: 'after' } as const;
    const own = { _id: 'head', layout: LAYOUT } as const;
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
    const current = { $or: oneOf(keys, { seqTo: OPEN_SEQ }) };
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
