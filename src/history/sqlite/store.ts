import { nextTurn } from '../../async/waiting.js';
import { LISTED_KINDS } from '../../resources/registry.js';
import { type Instant, toInstant } from '../../values/instant.js';
import { HistoryError } from '../errors.js';
import type { Batch, Confirmation, DerivedFault, HistoryStore, OpenMode, Pin, Recorded } from '../store.js';
import { BLOCK_SIZES, type BlockSizes, type BlockSource, isBlockDue } from './column-blocks.js';
import { type Connection, Integrations, type OpenAccess, ReadTurns } from './connection.js';
import { DerivedCheck } from './derived.js';
import { Documents } from './documents.js';
import { lockForWriting, openFile, openToManage, openToRead, type WriterLock } from './file.js';
import { dropLease, Ledger, storedOutcome, takeLease } from './ledger.js';
import { Lists } from './lists.js';
import {
  INLINE_LIMITS,
  inlineQueries,
  type Limits,
  QueryRunner,
  type QueryWorker,
  ThreadedQueries,
} from './query-worker.js';
import type { Head } from './record-batch.js';
import { Records } from './records.js';
import { Revisions, readConfirmations } from './revisions.js';

export interface SqliteOptions {
  /** The clock that leases go by, in ms; the system's if not given. */
  readonly now?: () => number;
  /** How much of decoded records is kept in memory, in characters of their JSON. */
  readonly cacheBytes?: number;
  /** How many rows may be looked at on the event loop. */
  readonly limits?: Limits;
  readonly blocks?: BlockSizes;
}

const IN_MEMORY = ':memory:';
const WRITES_A_CHECKPOINT = 100;
const KEYS_A_TURN = 50;
/** How many rows are scanned in the time in which one revision is checked. */
const CHECKED_AT_ONCE = 20;

/**
 * Opens the history in the file `path`, or one in memory for `:memory:`. But for reading, the file and its
 * folder are made where there is none. Throws a HistoryError: `IN_USE` when it is to be written while another
 * store writes to it, `UNUSABLE` when the file is something else, `UNAVAILABLE` when it cannot be opened.
 */
export async function openSqliteStore(
  path: string,
  mode: OpenMode,
  options: SqliteOptions = {},
): Promise<HistoryStore> {
  if (path === IN_MEMORY) return new SqliteStore(openFile(path, 'write'), null, 'write', options);
  if (mode === 'read') {
    const { connection, release } = openToRead(path);
    return new SqliteStore(connection, release ? { release } : null, mode, options);
  }
  if (mode === 'manage') return new SqliteStore(await openToManage(path), null, mode, options);
  const lock = lockForWriting(path);
  try {
    return new SqliteStore(openFile(path, mode), lock, mode, options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** How another connection reads the same file. */
function readingAs(access: OpenAccess): OpenAccess {
  return access === 'immutable' ? access : 'read';
}

class SqliteStore implements HistoryStore {
  readonly description = 'sqlite';
  readonly #integrations: Integrations;
  readonly #revisions: Revisions;
  readonly #records: Records;
  readonly #lists: Lists;
  readonly #ledger: Ledger;
  readonly #documents: Documents;
  readonly #worker: QueryWorker;
  readonly #answers: QueryRunner;
  readonly #checks = new Set<ThreadedQueries>();
  readonly #limits: Limits;
  readonly #sizes: BlockSizes;
  readonly #now: () => number;
  /** One operation may ask for many lists, and for the versions of hundreds of records, at once. */
  readonly #turns = new ReadTurns(KEYS_A_TURN);
  /** What the writer knows without asking; a reader asks, since another process writes. */
  #head: Head | null = null;
  #isClosed = false;
  #turn: Promise<unknown> = Promise.resolve();
  #writes = 0;
  /** The making of blocks while the store is in use; `null`: none is being made. */
  #blocking: Promise<void> | null = null;

  constructor(
    private readonly connection: Connection,
    private readonly lock: WriterLock | null,
    private readonly mode: OpenMode,
    { now = Date.now, cacheBytes, limits = INLINE_LIMITS, blocks = BLOCK_SIZES }: SqliteOptions,
  ) {
    this.#now = now;
    this.#integrations = new Integrations(connection);
    const isShared = connection.path !== IN_MEMORY;
    this.#worker = isShared
      ? new ThreadedQueries(connection.path, readingAs(connection.access))
      : inlineQueries(connection);
    const answers = new QueryRunner(connection, this.#worker);
    this.#answers = answers;
    this.#limits = limits;
    this.#sizes = blocks;
    this.#revisions = new Revisions(connection, this.#integrations, cacheBytes);
    this.#records = new Records(connection, this.#integrations, this.#revisions, answers, limits);
    this.#lists = new Lists(connection, this.#integrations, this.#revisions, answers, limits);
    this.#ledger = new Ledger(connection, answers, limits);
    this.#documents = new Documents(connection, answers, limits, mode);
    if (mode !== 'write') return;
    this.#makeBlocks(['EARLIER', 'SMALL']);
    // the first caller with a long query need not wait until the thread has started
    if (!this.#isShort()) void this.#worker.all([]).catch(() => {});
  }

  record: HistoryStore['record'] = (batch) => this.#write(() => this.#record(batch));

  async #record(batch: Batch): Promise<Recorded> {
    const before = this.connection.first('SELECT outcome FROM batches WHERE id = ?', [batch.id]);
    if (before) return storedOutcome(before[0]).recorded;
    const head = this.#headNow();
    const isSmall = this.#isShort() || batch.observations.length <= this.#limits.records;
    const written = await this.#answers.write({ type: 'RECORD', batch, head }, isSmall).catch((error) => {
      // the batch may have been written where the worker failed after it
      this.#head = null;
      throw error;
    });
    this.#head = written.head;
    this.#integrations.reload();
    this.#revisions.changed(written.touched, written.renewed);
    if (written.head.lastRev > head.lastRev) this.#makeBlocks(['SMALL']);
    return written.recorded;
  }

  async head(): Promise<Pin> {
    const { seq, at } = this.#headNow();
    return { seq, at };
  }

  async pinAt(asOf: Instant): Promise<Pin> {
    const sql = 'SELECT seq, at FROM batches WHERE at <= ? ORDER BY at DESC LIMIT 1';
    const row = this.connection.first(sql, [asOf]);
    return row ? { seq: Number(row[0]), at: String(row[1]) } : { seq: 0, at: toInstant(0) };
  }

  get: HistoryStore['get'] = async (...query) => {
    // a caller that reads all records of a window in a loop would block the event loop
    if (query[0].length >= KEYS_A_TURN) await nextTurn();
    return this.#upToDate().get(...query);
  };
  referrers: HistoryStore['referrers'] = async (...query) => this.#upToDate().referrers(...query);
  revisions: HistoryStore['revisions'] = async (...query) => {
    await this.#turns.take(1);
    return this.#upToDate().revisionsOf(...query);
  };
  versions: HistoryStore['versions'] = (...query) => this.#upToDate().versions(...query);
  countRevisions: HistoryStore['countRevisions'] = async (...query) =>
    this.#upToDate().countRevisions(...query);
  changes: HistoryStore['changes'] = async (query) => this.#upToDate().changes(query);
  changesReceived: HistoryStore['changesReceived'] = async (query) => this.#upToDate().changesReceived(query);
  received: HistoryStore['received'] = async (...query) => this.#upToDate().received(...query);

  page: HistoryStore['page'] = async (query) => {
    await this.#turns.take(query.limit);
    return this.#lists.page(query, this.#headNow());
  };
  count: HistoryStore['count'] = async (query) => this.#lists.count(query, this.#headNow());
  statistics: HistoryStore['statistics'] = async (query) => this.#lists.statistics(query, this.#headNow());
  recorded: HistoryStore['recorded'] = async (query) => this.#lists.recorded(query, this.#headNow());

  firstRecorded: HistoryStore['firstRecorded'] = (query) => this.#ledger.firstRecorded(query);
  ledger: HistoryStore['ledger'] = (...query) => this.#ledger.ledger(...query);
  streams: HistoryStore['streams'] = async () => this.#ledger.streams();
  runs: HistoryStore['runs'] = async (query) => this.#ledger.runs(query);
  countRuns: HistoryStore['countRuns'] = (...query) => this.#ledger.countRuns(...query);
  run: HistoryStore['run'] = async (id) => this.#ledger.run(id);
  quarantine: HistoryStore['quarantine'] = async (query) => this.#ledger.quarantine(query);
  countQuarantine: HistoryStore['countQuarantine'] = (query) => this.#ledger.countQuarantine(query);
  quarantined: HistoryStore['quarantined'] = async (keys) => keys.map((key) => this.#ledger.quarantined(key));
  batches: HistoryStore['batches'] = async (query) => this.#ledger.batches(query);

  confirmations(): AsyncIterable<readonly Confirmation[]> {
    return readConfirmations(this.connection, this.#integrations);
  }

  async *checkDerived(seq: number): AsyncGenerator<DerivedFault> {
    // each revision takes many times as long as a row of a scan
    const isSmall = this.#headNow().lastRev <= this.#limits.scan / CHECKED_AT_ONCE;
    if (isSmall || this.connection.path === IN_MEMORY) yield* new DerivedCheck(this.connection, seq).run();
    else {
      // not the worker that answers queries: they would wait until it ends
      const worker = new ThreadedQueries(this.connection.path, readingAs(this.connection.access));
      this.#checks.add(worker);
      try {
        yield* await worker.checkDerived(seq);
      } finally {
        this.#checks.delete(worker);
        await worker.close();
      }
    }
  }

  document: HistoryStore['document'] = (...query) => this.#documents.document(...query);
  documents: HistoryStore['documents'] = (collection) => this.#documents.documents(collection);
  putDocument: HistoryStore['putDocument'] = (...document) =>
    this.#inTurn(() => this.#documents.putDocument(...document));
  removeDocument: HistoryStore['removeDocument'] = (...document) =>
    this.#inTurn(() => this.#documents.removeDocument(...document));
  append: HistoryStore['append'] = (...entry) => this.#inTurn(() => this.#documents.append(...entry));
  journal: HistoryStore['journal'] = (query) => this.#documents.journal(query);
  journalLength: HistoryStore['journalLength'] = (journal) => this.#documents.journalLength(journal);

  acquireLease: HistoryStore['acquireLease'] = (name, holder, ttlMs) =>
    this.#write(() => takeLease(this.connection, name, holder, ttlMs, this.#now()));
  releaseLease: HistoryStore['releaseLease'] = (name, holder) =>
    this.#write(() => dropLease(this.connection, name, holder));
  joinReadings: HistoryStore['joinReadings'] = (seq) =>
    this.#write(() => this.#answers.write({ type: 'JOIN_READINGS', seq }, this.#isShort()));

  async ping(): Promise<void> {
    this.connection.first('SELECT max(seq) FROM batches');
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#blocking;
    await this.#turn;
    await Promise.all([this.#worker, ...this.#checks].map((worker) => worker.close()));
    if (this.mode === 'write') this.connection.all('PRAGMA wal_checkpoint(TRUNCATE)');
    this.connection.close();
    this.lock?.release();
  }

  /** Writes of this process take turns: while one connection writes, the other one would block the event loop. */
  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#turn.then(write);
    this.#turn = written.then(() => this.#checkpoint()).catch(() => {});
    return written;
  }

  /** The worker copies the log into the file: after another process has read for long, that may take a second. */
  async #checkpoint(): Promise<void> {
    if (this.#isClosed || this.mode !== 'write' || this.#isShort()) return;
    this.#writes += 1;
    if (this.#writes % WRITES_A_CHECKPOINT !== 1) return;
    this.connection.exec('PRAGMA wal_autocheckpoint = 0');
    await this.#worker.write({ type: 'CHECKPOINT' });
  }

  #write<T>(write: () => T | Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      this.#assertWriter();
      return write();
    });
  }

  /** Makes the blocks that are due, if none are being made. */
  #makeBlocks(sources: readonly BlockSource[]): void {
    if (this.#blocking !== null) return;
    const due = sources.flatMap((source) => LISTED_KINDS.map((kind) => ({ source, kind })));
    const isDue = ({ source, kind }: (typeof due)[number]) =>
      !this.#isClosed && isBlockDue(this.connection, source, kind, this.#sizes);
    if (!due.some(isDue)) return;
    const making = async () => {
      for (const each of due) {
        while (isDue(each)) {
          const task = { type: 'MAKE_BLOCK', ...each, sizes: this.#sizes } as const;
          await this.#inTurn(() => this.#worker.write(task));
        }
      }
    };
    // a damaged record or a full disk: counts go by the tables, and verification names the damage
    this.#blocking = making()
      .catch(() => {})
      .finally(() => {
        this.#blocking = null;
      });
  }

  /** The head as it is now. A reader asks for it and drops what another process may have changed. */
  #headNow(): Head {
    if (this.#head && this.mode === 'write') return this.#head;
    const row = this.connection.first('SELECT seq, at, last_rev FROM batches ORDER BY seq DESC LIMIT 1');
    const [seq, at, lastRev] = row ?? [0, toInstant(0), 0];
    const head = { seq: Number(seq), at: String(at), lastRev: Number(lastRev) };
    if (head.seq !== this.#head?.seq) {
      this.#integrations.reload();
      this.#revisions.outdate();
    }
    this.#head = head;
    return head;
  }

  /** The records, after what another process may have changed was dropped. */
  #upToDate(): Records {
    this.#headNow();
    return this.#records;
  }

  #isShort(): boolean {
    return this.#headNow().lastRev <= this.#limits.scan;
  }

  #assertWriter(): void {
    if (this.mode === 'write') return;
    const what = this.mode === 'read' ? 'reading only' : 'documents and journals only';
    throw new HistoryError('UNUSABLE', `${this.connection.path} is open for ${what}`);
  }
}
