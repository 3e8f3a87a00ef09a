import { toInstant } from '../../values/instant.js';
import { walkStatistics } from '../columns/walk-statistics.js';
import { HistoryError } from '../errors.js';
import type { Batch, HistoryStore, OpenMode, Pin, Recorded } from '../store.js';
import { connect, guarded, type MongoConnection } from './connection.js';
import { MongoDerivedCheck } from './derived.js';
import { MongoDocuments } from './documents.js';
import { MongoLedger } from './ledger.js';
import { MongoLists } from './lists.js';
import { MongoRecorder } from './record-batch.js';
import { MongoRevisions } from './revisions.js';
import { find, prepare } from './schema.js';
import type { Collections, HeadDoc } from './stored-types.js';

/**
 * Opens the history in the MongoDB database that `url` names. But in mode `read`, where nothing is written, what
 * is missing of its collections and indexes is made (`now` says when). Throws a HistoryError that says what is
 * wrong and what to do.
 */
export async function openMongoStore(
  url: string,
  mode: OpenMode,
  { now = Date.now }: { readonly now?: () => number } = {},
): Promise<HistoryStore> {
  const connection = await connect(url);
  try {
    const collections = await guarded(connection.where, () =>
      mode === 'read' ? find(connection) : prepare(connection, mode, now()),
    );
    return new MongoStore(connection, collections, mode);
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
  ) {
    this.description = `mongodb (${connection.where})`;
    this.#recorder = new MongoRecorder(connection, collections);
    this.#revisions = new MongoRevisions(collections);
    this.#lists = new MongoLists(collections);
    this.#ledger = new MongoLedger(collections);
    this.#documents = new MongoDocuments(collections);
  }

  #guarded<T>(work: () => Promise<T>, what?: string): Promise<T> {
    return guarded(this.connection.where, work, what);
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

  head(): Promise<Pin> {
    return this.#guarded(async () => {
      // what a failover could undo must not be announced
      const options = { readConcern: { level: 'majority' } } as const;
      const head = (await this.collections.meta.findOne({ _id: 'head' }, options)) as HeadDoc | null;
      if (!head)
        throw new HistoryError('UNUSABLE', `the history in ${this.connection.where} has lost its head`);
      if (head.isWhole) this.#lists.know(head.seq, head.extents);
      return { seq: head.seq, at: toInstant(head.at) };
    });
  }

  pinAt(asOf: string): Promise<Pin> {
    return this.#guarded(async () => {
      const options = { sort: { at: -1 }, projection: { seq: 1, at: 1, extents: 1 } } as const;
      const batch = await this.collections.batches.findOne({ at: { $lte: asOf } }, options);
      if (!batch) return { seq: 0, at: toInstant(0) };
      this.#lists.know(batch.seq, batch.extents);
      return { seq: batch.seq, at: batch.at };
    });
  }

  firstRecorded: HistoryStore['firstRecorded'] = (query) =>
    this.#guarded(() => this.#ledger.firstRecorded(query));
  get: HistoryStore['get'] = (...query) => this.#guarded(() => this.#revisions.get(...query), A_VERSION);
  revisions: HistoryStore['revisions'] = (...query) =>
    this.#guarded(() => this.#revisions.revisions(...query), A_VERSION);
  versions: HistoryStore['versions'] = (...query) => this.#streamed(this.#revisions.versions(...query));
  countRevisions: HistoryStore['countRevisions'] = (...query) =>
    this.#guarded(() => this.#revisions.countRevisions(...query));
  changes: HistoryStore['changes'] = (query) =>
    this.#guarded(() => this.#revisions.changes(query), A_VERSION);
  changesReceived: HistoryStore['changesReceived'] = (query) =>
    this.#guarded(() => this.#revisions.changesReceived(query), A_VERSION);
  received: HistoryStore['received'] = (...query) =>
    this.#guarded(() => this.#revisions.received(...query), A_VERSION);

  page: HistoryStore['page'] = (query) => this.#guarded(() => this.#lists.page(query), A_VERSION);
  recorded: HistoryStore['recorded'] = (query) => this.#guarded(() => this.#lists.recorded(query));
  count: HistoryStore['count'] = (query) => this.#guarded(() => this.#lists.count(query));
  statistics: HistoryStore['statistics'] = async (query) =>
    walkStatistics(this, query, await this.#guarded(() => this.#lists.itemSpan(query)));
  referrers: HistoryStore['referrers'] = (...query) => this.#guarded(() => this.#lists.referrers(...query));

  ledger: HistoryStore['ledger'] = (...query) =>
    this.#guarded(() => this.#ledger.ledger(...query), 'A reading of a stream');
  streams: HistoryStore['streams'] = () =>
    this.#guarded(() => this.#ledger.streams(), 'The state of a stream');
  runs: HistoryStore['runs'] = (query) => this.#guarded(() => this.#ledger.runs(query), 'A run');
  countRuns: HistoryStore['countRuns'] = (whose, trigger) =>
    this.#guarded(() => this.#ledger.countRuns(whose, trigger));
  run: HistoryStore['run'] = (id) => this.#guarded(() => this.#ledger.run(id), 'A run');
  quarantine: HistoryStore['quarantine'] = (query) =>
    this.#guarded(() => this.#ledger.quarantine(query), 'An entry in quarantine');
  countQuarantine: HistoryStore['countQuarantine'] = (query) =>
    this.#guarded(() => this.#ledger.countQuarantine(query));
  quarantined: HistoryStore['quarantined'] = (keys) =>
    this.#guarded(() => this.#ledger.quarantined(keys), 'An entry in quarantine');

  batches: HistoryStore['batches'] = (query) => this.#guarded(() => this.#ledger.batches(query), 'A batch');
  confirmations: HistoryStore['confirmations'] = () => this.#streamed(this.#revisions.confirmations());
  checkDerived: HistoryStore['checkDerived'] = (seq) =>
    this.#streamed(new MongoDerivedCheck(this.collections, seq).run());

  document: HistoryStore['document'] = (...query) => this.#guarded(() => this.#documents.document(...query));
  documents: HistoryStore['documents'] = (collection) =>
    this.#guarded(() => this.#documents.documents(collection));
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
