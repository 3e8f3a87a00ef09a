import DataLoader from 'dataloader';
import type { ClientSession } from 'mongodb';
import type { Collection, StoredDocument } from '../../model/documents.js';
import { type RecordedEntry, streamText } from '../../model/ledger.js';
import { toInstant } from '../../values/instant.js';
import { walkStatistics } from '../columns/walk-statistics.js';
import { HistoryError } from '../errors.js';
import type { Batch, HistoryStore, OpenMode, Pin, ReadsFrom, Recorded } from '../store.js';
import { connect, guarded, type MongoConnection } from './connection.js';
import { MongoDerivedCheck } from './derived.js';
import { MongoDocuments } from './documents.js';
import { type LedgerQuery, MongoLedger } from './ledger.js';
import { MongoLists } from './lists.js';
import { MongoRecorder } from './record-batch.js';
import { MongoRevisions } from './revisions.js';
import { find, forgetComplete, prepare } from './schema.js';
import { SecondaryReads } from './secondary-reads.js';
import { type BatchDoc, type Collections, type HeadDoc, WITH_EXTENTS } from './stored-types.js';

/**
 * Opens the history in the MongoDB database that `url` names. But in mode `read`, where nothing is written, what
 * is missing of its collections and indexes is made (`now` says when). In mode `write`, all reads go to the primary,
 * whatever `reads` says. Throws a HistoryError that says what is wrong and what to do.
 */
export async function openMongoStore(
  url: string,
  mode: OpenMode,
  { now = Date.now, reads = 'primary' }: { readonly now?: () => number; readonly reads?: ReadsFrom } = {},
): Promise<HistoryStore> {
  const connection = await connect(url);
  try {
    const collections = await guarded(connection.where, () =>
      mode === 'read' ? find(connection) : prepare(connection, mode, now()),
    );
    const isPrimaryOnly = mode === 'write' || reads === 'primary';
    const secondaries = isPrimaryOnly ? null : new SecondaryReads(connection.client, collections);
    return new MongoStore(connection, collections, mode, secondaries);
  } catch (error) {
    await connection.client.close();
    throw error;
  }
}

/**
 * The history in MongoDB, for several writers and readers at once. Each read sees one point of what a majority
 * of the replica set holds; which of that is visible follows from `seq` alone.
 */
/** Named where a document cannot be decoded. */
const A_VERSION = 'A version of a record';

class MongoStore implements HistoryStore {
  readonly description: string;
  readonly #recorder: MongoRecorder;
  readonly #revisions: MongoRevisions;
  readonly #lists: MongoLists;
  readonly #ledger: MongoLedger;
  readonly #documents: MongoDocuments;

  constructor(
    private readonly connection: MongoConnection,
    private readonly collections: Collections,
    private readonly mode: OpenMode,
    private readonly secondaries: SecondaryReads | null,
  ) {
    this.description = `mongodb (${connection.where})`;
    this.#recorder = new MongoRecorder(connection, collections);
    const readable = secondaries?.collections ?? collections;
    this.#revisions = new MongoRevisions(readable);
    this.#lists = new MongoLists(readable);
    this.#ledger = new MongoLedger(readable);
    this.#documents = new MongoDocuments(collections);
  }

  async #guarded<T>(work: () => Promise<T>, what?: string): Promise<T> {
    try {
      return await guarded(this.connection.where, work, what);
    } catch (error) {
      const isUnusable = error instanceof HistoryError && error.code === 'UNUSABLE';
      // an index may be missing: the next start looks at all of them, however many there are
      if (isUnusable && this.mode === 'write') await forgetComplete(this.collections).catch(() => {});
      throw error;
    }
  }

  /** Reads what is visible at `seq`, which a secondary may have too. */
  #at<T>(seq: number, read: () => Promise<T>, what?: string): Promise<T> {
    return this.#guarded(() => this.secondaries?.at(seq, read) ?? read(), what);
  }

  async *#streamed<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
    const iterator = items[Symbol.asyncIterator]();
    for (;;) {
      const { done, value } = await this.#guarded(() => iterator.next(), A_VERSION);
      if (done) return;
      yield value;
    }
  }

  #writing<T>(work: () => Promise<T>): Promise<T> {
    if (this.mode === 'write') return this.#guarded(work);
    const what = this.mode === 'read' ? 'reading only' : 'documents and journals only';
    throw new HistoryError('UNUSABLE', `${this.connection.where} was opened for ${what}`);
  }

  async #keeping<T>(work: () => Promise<T>): Promise<T> {
    return this.mode === 'read' ? this.#writing(work) : this.#guarded(work);
  }

  async record(batch: Batch): Promise<Recorded> {
    return this.#writing(() => this.#recorder.record(batch));
  }

  async acquireLease(name: string, holder: string, ttlMs: number): Promise<boolean> {
    return this.#writing(() => acquireLease(this.collections, name, holder, ttlMs));
  }

  async releaseLease(name: string, holder: string): Promise<void> {
    return this.#writing(() => releaseLease(this.collections, name, holder));
  }

  head: HistoryStore['head'] = shared(() => {
    const work = async (session: ClientSession) => {
      // what a failover could undo must not be announced
      const options = { session, readConcern: { level: 'majority' } } as const;
      const head = (await this.collections.meta.findOne({ _id: 'head' }, options)) as HeadDoc | null;
      if (!head)
        throw new HistoryError('UNUSABLE', `the history in ${this.connection.where} has lost its head`);
      if (head.isWhole) this.#lists.know(head.seq, head.extents);
      this.secondaries?.know(head.seq, session.operationTime);
      return { seq: head.seq, at: toInstant(head.at) };
    };
    return this.#guarded(() => this.connection.client.withSession(work));
  });

  pinAt(asOf: string): Promise<Pin> {
    return this.#guarded(async () => {
      const newest = [{ $match: { at: { $lte: asOf } } }, { $sort: { at: -1 } }, { $limit: 1 }];
      const [batch] = await this.collections.batches
        .aggregate<BatchDoc>([...newest, ...WITH_EXTENTS])
        .toArray();
      if (!batch) return { seq: 0, at: toInstant(0) };
      this.#lists.know(batch.seq, batch.extents);
      return { seq: batch.seq, at: batch.at };
    });
  }

  firstRecorded: HistoryStore['firstRecorded'] = (query) =>
    this.#guarded(() => this.#ledger.firstRecorded(query));
  get: HistoryStore['get'] = (keys, seq) => this.#at(seq, () => this.#revisions.get(keys, seq), A_VERSION);
  revisions: HistoryStore['revisions'] = (key, beforeSeq, limit) =>
    this.#at(beforeSeq - 1, () => this.#revisions.revisions(key, beforeSeq, limit), A_VERSION);
  versions: HistoryStore['versions'] = (...query) => this.#streamed(this.#revisions.versions(...query));
  countRevisions: HistoryStore['countRevisions'] = (key, seq) =>
    this.#at(seq, () => this.#revisions.countRevisions(key, seq));
  changes: HistoryStore['changes'] = (query) =>
    this.#at(query.toSeq, () => this.#revisions.changes(query), A_VERSION);
  changesReceived: HistoryStore['changesReceived'] = (query) =>
    this.#at(query.toSeq, () => this.#revisions.changesReceived(query), A_VERSION);
  received: HistoryStore['received'] = (key, seqFrom) =>
    this.#at(seqFrom, () => this.#revisions.received(key, seqFrom), A_VERSION);

  page: HistoryStore['page'] = (query) => this.#at(query.seq, () => this.#lists.page(query), A_VERSION);
  recorded: HistoryStore['recorded'] = (query) => this.#at(query.seq, () => this.#lists.recorded(query));
  count: HistoryStore['count'] = (query) => this.#at(query.seq, () => this.#lists.count(query));
  statistics: HistoryStore['statistics'] = async (query) =>
    walkStatistics(this, query, await this.#at(query.seq, () => this.#lists.itemSpan(query)));
  referrers: HistoryStore['referrers'] = (...query) =>
    this.#at(query[4], () => this.#lists.referrers(...query));

  ledger: HistoryStore['ledger'] = (stream, from, to, seq) =>
    this.#ledgers.load({ stream: streamText(stream), from, to, seq });
  readonly #ledgers = new DataLoader<LedgerQuery, RecordedEntry[]>((queries) => {
    const seq = Math.max(...queries.map((query) => query.seq));
    return this.#at(seq, () => this.#ledger.ledgers(queries), 'A reading of a stream');
  }, IN_ONE_TURN);
  streams: HistoryStore['streams'] = shared(() =>
    this.#guarded(() => this.#ledger.streams(), 'The state of a stream'),
  );
  runs: HistoryStore['runs'] = (query) => this.#guarded(() => this.#ledger.runs(query), 'A run');
  countRuns: HistoryStore['countRuns'] = (whose, trigger) =>
    this.#guarded(() => this.#ledger.countRuns(whose, trigger));
  run: HistoryStore['run'] = (id) => this.#guarded(() => this.#ledger.run(id), 'A run');
  // it is nearly always empty, which is read once for all passes that begin in one turn
  quarantine: HistoryStore['quarantine'] = (query) =>
    this.#guarded(
      async () => ((await this.#isQuarantined()) ? this.#ledger.quarantine(query) : []),
      'An entry in quarantine',
    );
  readonly #isQuarantined = shared(() => this.#ledger.isQuarantined());
  countQuarantine: HistoryStore['countQuarantine'] = (query) =>
    this.#guarded(() => this.#ledger.countQuarantine(query));
  quarantined: HistoryStore['quarantined'] = (keys) =>
    this.#guarded(() => this.#ledger.quarantined(keys), 'An entry in quarantine');

  batches: HistoryStore['batches'] = (query) => this.#guarded(() => this.#ledger.batches(query), 'A batch');
  confirmations: HistoryStore['confirmations'] = () => this.#streamed(this.#revisions.confirmations());
  checkDerived: HistoryStore['checkDerived'] = (seq) =>
    this.#streamed(new MongoDerivedCheck(this.collections, seq).run());

  document: HistoryStore['document'] = (...query) => this.#guarded(() => this.#documents.document(...query));
  documents: HistoryStore['documents'] = (collection) => this.#documentsOf.load(collection);
  readonly #documentsOf = new DataLoader<Collection, StoredDocument[]>(
    (wanted) => this.#guarded(() => this.#documents.documents(wanted)),
    IN_ONE_TURN,
  );
  putDocument: HistoryStore['putDocument'] = (...document) =>
    this.#keeping(() => this.#documents.putDocument(...document));
  removeDocument: HistoryStore['removeDocument'] = (...document) =>
    this.#keeping(() => this.#documents.removeDocument(...document));
  append: HistoryStore['append'] = (...entry) => this.#keeping(() => this.#documents.append(...entry));
  journal: HistoryStore['journal'] = (query) => this.#guarded(() => this.#documents.journal(query));
  journalLength: HistoryStore['journalLength'] = (journal) =>
    this.#guarded(() => this.#documents.journalLength(journal));

  async joinReadings(seq: number): Promise<void> {
    await this.#writing(() => this.#ledger.join(seq, this.connection.client));
  }

  async ping(): Promise<void> {
    await this.#guarded(() => this.connection.db.command({ ping: 1 }));
  }

  async close(): Promise<void> {
    await this.#recorder.settled();
    await this.connection.client.close();
  }
}

/** Collects what is asked for in one turn of the event loop, as by passes that run at the same time. */
const IN_ONE_TURN = { cache: false, maxBatchSize: 20, batchScheduleFn: setImmediate } as const;

/**
 * Reads once for all that ask in one turn of the event loop. The read begins after all of them asked, so none gets what
 * is older than its own read would have been.
 */
function shared<T>(read: () => Promise<T>): () => Promise<T> {
  const loader = new DataLoader<true, T>(async (asked) => {
    const result = await read();
    return asked.map(() => result);
  }, IN_ONE_TURN);
  return () => loader.load(true);
}

/** Takes or renews a lease; whether one still lasts is judged by the server's clock alone. */
async function acquireLease(
  { leases }: Collections,
  name: string,
  holder: string,
  ttlMs: number,
): Promise<boolean> {
  const mine = { $eq: ['$holder', { $literal: holder }] };
  // true as well of a lease that is only now added, since what is missing comes before every date
  const free = { $lte: ['$until', '$$NOW'] };
  const mayTake = { $or: [mine, free] };
  const taken = {
    holder: { $cond: [mayTake, { $literal: holder }, '$holder'] },
    until: { $cond: [mayTake, { $add: ['$$NOW', ttlMs] }, '$until'] },
  };
  const options = { upsert: true, returnDocument: 'after' } as const;
  const lease = await leases.findOneAndUpdate({ _id: name }, [{ $set: taken }], options);
  return lease?.holder === holder;
}

async function releaseLease({ leases }: Collections, name: string, holder: string): Promise<void> {
  await leases.deleteOne({ _id: name, holder });
}
