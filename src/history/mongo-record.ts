import {
  type AnyBulkWriteOperation,
  type ClientSession,
  MongoServerError,
  type TransactionOptions,
} from 'mongodb';
import { toInstant, toMillis } from '../model/instant.js';
import { keyText } from '../model/kind.js';
import { OPEN_SEQ } from '../model/revision.js';
import { streamText } from '../model/stream.js';
import { endAbandoned } from './mongo-abandoned.js';
import { writeBodies } from './mongo-bodies.js';
import type { MongoConnection } from './mongo-connection.js';
import type { Collections, HeadDoc, RevisionDoc } from './mongo-documents.js';
import { extentsOf, widening } from './mongo-extents.js';
import { type Plan, planOf } from './mongo-plan.js';
import { KEY_INDEX } from './mongo-schema.js';
import type { Batch, Recorded } from './store.js';

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
    let attempts = 0;
    const attempt = async (session: ClientSession) => {
      attempts += 1;
      if (attempts > PATIENCE) await endAbandoned(this.connection);
      return this.#write(batch, session);
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

  async #write(batch: Batch, session: ClientSession): Promise<Recorded> {
    const head = await this.#advance(batch, session);
    const at = toInstant(head.at);
    const plan = planOf(batch, { seq: head.seq, at }, await this.#currents(batch, session));
    await this.#writeRevisions(plan, session);
    await writeBodies(this.collections, plan.bodies, session);
    await this.#writeBooks(batch, head.seq, session);
    const { recorded } = plan;
    const { extents } = head;
    // last, so that a batch that is there already undoes all of it
    await this.collections.batches.insertOne(
      { _id: batch.id, seq: head.seq, at, recorded, extents },
      { session },
    );
    return recorded;
  }

  /** Takes the next number. Every writer begins with this, so no two get past it at once. */
  async #advance(batch: Batch, session: ClientSession): Promise<HeadDoc> {
    const next = {
      seq: { $add: ['$seq', 1] },
      at: { $max: [toMillis(batch.now), { $add: ['$at', 1] }] },
      ...widening(extentsOf(batch.observations)),
    };
    const options = { session, returnDocument: 'after' } as const;
    const head = await this.collections.meta.findOneAndUpdate({ _id: 'head' }, [{ $set: next }], options);
    if (!head) throw new Error('the history has no head');
    return head as HeadDoc;
  }

  async #currents(batch: Batch, session: ClientSession): Promise<RevisionDoc[]> {
    const keys = [...batch.observations.map(({ key }) => key), ...batch.tombstones].map(keyText);
    if (keys.length === 0) return [];
    const current = { k: { $in: [...new Set(keys)] }, seqTo: OPEN_SEQ };
    return this.collections.revisions.find(current, { session, hint: KEY_INDEX }).toArray();
  }

  async #writeRevisions(
    { recorded, revisions, closed, confirmed }: Plan,
    session: ClientSession,
  ): Promise<void> {
    const { seq, at } = recorded;
    const changes: AnyBulkWriteOperation<RevisionDoc>[] = [
      ...(closed.length > 0
        ? [
            {
              updateMany: {
                filter: { _id: { $in: closed } },
                update: { $set: { seqTo: seq, observedTo: at } },
              },
            },
          ]
        : []),
      ...[...confirmed].map(([_id, verifiedAt]) => ({
        updateOne: { filter: { _id }, update: { $set: { verifiedAt, confirmedBy: seq } } },
      })),
    ];
    if (changes.length > 0) await this.collections.revisions.bulkWrite(changes, { session, ordered: false });
    if (revisions.length > 0) {
      await this.collections.revisions.insertMany([...revisions], { session, ordered: false });
    }
  }

  async #writeBooks(batch: Batch, seq: number, session: ClientSession): Promise<void> {
    const { runs, ledger, streams } = this.collections;
    const { id, ...run } = batch.run;
    await runs.replaceOne({ _id: id }, run, { session, upsert: true });
    const entries = batch.ledger.map((entry, n) => ({
      ...entry,
      ...{ _id: `${seq} ${n}`, stream: streamText(entry), seq, n },
    }));
    if (entries.length > 0) await ledger.insertMany(entries, { session });
    const states = batch.streams.map((state) => ({
      replaceOne: { filter: { _id: streamText(state) }, replacement: state, upsert: true },
    }));
    if (states.length > 0) await streams.bulkWrite(states, { session });
    await this.#writeQuarantine(batch, session);
  }

  async #writeQuarantine(batch: Batch, session: ClientSession): Promise<void> {
    const { quarantine } = this.collections;
    const entries = batch.quarantine.map(({ key, ...entry }) => ({
      replaceOne: { filter: { _id: keyText(key) }, replacement: { ...key, ...entry }, upsert: true },
    }));
    if (entries.length > 0) await quarantine.bulkWrite(entries, { session });
    const seen = batch.observations.map(({ key }) => key);
    const released = [...batch.released, ...seen, ...batch.tombstones].map(keyText);
    if (released.length > 0) await quarantine.deleteMany({ _id: { $in: released } }, { session });
  }
}

function isDuplicate(error: unknown): boolean {
  return error instanceof MongoServerError && error.code === DUPLICATE_KEY;
}
