import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import DataLoader from 'dataloader';
import { DEFINITION_OF, type ListedKind } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import { countIn, findIn, type ScanQuery } from '../columns/scan.js';
import { type AskedStatistics, type StatisticsFacts, statisticsIn } from '../columns/statistics.js';
import { KnownValues } from '../columns/values.js';
import { HistoryError, type HistoryErrorCode } from '../errors.js';
import type { Statistics } from '../statistics.js';
import type { DerivedFault } from '../store.js';
import { readBlocks } from './column-blocks.js';
import { type Connection, Integrations, type OpenAccess, type Query } from './connection.js';
import type { Row } from './driver.js';
import { runWrite, type WriteResult, type WriteTask } from './record-batch.js';

/** Work over column blocks, on the event loop or in the query worker. */
export type ScanTask =
  | { readonly type: 'COUNT'; readonly query: ScanQuery }
  | { readonly type: 'FIND'; readonly query: ScanQuery; readonly most: number }
  /** All of the same view of a kind. */
  | { readonly type: 'STATISTICS'; readonly kind: ListedKind; readonly asked: readonly AskedStatistics[] };

export interface ScanResults {
  readonly COUNT: number;
  readonly FIND: readonly number[] | null;
  readonly STATISTICS: readonly Statistics[];
}

/** Reads one state of the file, also while another connection writes. */
export function runScan(
  connection: Connection,
  task: ScanTask,
  known: KnownValues | null,
): ScanResults[ScanTask['type']] {
  try {
    return connection.snapshot(() => resultOf(connection, task, known));
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    const kind = 'query' in task ? task.query.kind : task.kind;
    throw new HistoryError('DAMAGED', `The columns or the records of kind ${kind} are damaged; run verify.`, {
      cause: error,
    });
  }
}

function resultOf(
  connection: Connection,
  task: ScanTask,
  known: KnownValues | null,
): ScanResults[ScanTask['type']] {
  const { kind, lastRev } =
    task.type === 'STATISTICS' ? { kind: task.kind, lastRev: task.asked[0]?.scan.lastRev ?? 0 } : task.query;
  const blocks = readBlocks(connection, kind, lastRev, known);
  try {
    if (task.type === 'COUNT') return countIn(blocks, task.query);
    if (task.type === 'FIND') return findIn(blocks, task.query, task.most);
    const facts = factsOf(connection, kind);
    return statisticsIn(blocks, task.asked, { ...facts, known: known ?? new KnownValues(null) });
  } finally {
    // of blocks that are kept, also after a failure
    for (const block of blocks) block.forget();
    known?.keep();
  }
}

function factsOf(connection: Connection, kind: ListedKind): Omit<StatisticsFacts, 'known'> {
  const integrations = new Integrations(connection);
  let batches: ReturnType<typeof readBatches> | null = null;
  return {
    nameOf: (account) => integrations.nameOf(Number(account)),
    recordedAt(rev) {
      batches ??= readBatches(connection);
      let [low, high] = [0, batches.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((batches[middle]?.lastRev ?? 0) < rev) low = middle + 1;
        else high = middle;
      }
      return batches[low]?.at ?? Number.NaN;
    },
    unsettled: DEFINITION_OF[kind].unsettledField,
  };
}

function readBatches(connection: Connection) {
  const rows = connection.all('SELECT last_rev, at FROM batches ORDER BY seq');
  return rows.map(([lastRev, at]) => ({ lastRev: Number(lastRev), at: toMillis(String(at)) }));
}

export interface WorkerData {
  readonly path: string;
  readonly access: OpenAccess;
  /** One number, raised when nobody waits for answers any more. */
  readonly isOver: Int32Array<SharedArrayBuffer>;
}

/** What the worker is sent: queries, a scan, something to write, or the `seq` up to which to check what is derived. */
export type WorkerRequest =
  | { readonly n: number; readonly queries: readonly Query[] }
  | { readonly n: number; readonly task: ScanTask }
  | { readonly n: number; readonly write: WriteTask }
  | { readonly n: number; readonly derivedTo: number };

export type WorkerResponse =
  | { readonly n: number; readonly found: unknown }
  | { readonly n: number; readonly code: HistoryErrorCode; readonly message: string };

interface Waiting {
  resolve(found: unknown): void;
  reject(error: Error): void;
}

/** Does what may take long, away from the event loop. */
export interface QueryWorker {
  all(queries: readonly Query[]): Promise<Row[][]>;
  scan<T extends ScanTask>(task: T): Promise<ScanResults[T['type']]>;
  write<T extends WriteTask>(task: T): Promise<WriteResult<T>>;
  close(): Promise<void>;
}

/** How much may be read and written on the event loop; past that the worker does it. */
export interface Limits {
  /** Index entries that a walk may meet. */
  readonly walk: number;
  /** Rows that may be read from end to end. */
  readonly scan: number;
  /** Records of a batch, once the history has more revisions than `scan`. */
  readonly records: number;
}

export const INLINE_LIMITS: Limits = { walk: 4_000, scan: 2_000, records: 20 };

/** Answers queries on the spot or in the worker, as long as they may take. */
export class QueryRunner {
  readonly #together = new DataLoader((asked: readonly AskedStatistics[]) => this.#statisticsOf(asked), {
    cache: false,
    batchScheduleFn: (send) => void setImmediate().then(send),
  });

  constructor(
    private readonly connection: Connection,
    private readonly worker: QueryWorker,
  ) {}

  async all(queries: readonly Query[], isQuick: boolean): Promise<Row[][]> {
    if (!isQuick) return this.worker.all(queries);
    return queries.map(({ sql, params }) => this.connection.all(sql, params));
  }

  async scan<T extends ScanTask>(task: T, isQuick: boolean): Promise<ScanResults[T['type']]> {
    if (!isQuick) return this.worker.scan(task);
    // so few rows that nothing need be kept
    return runScan(this.connection, task, null) as ScanResults[T['type']];
  }

  async write<T extends WriteTask>(task: T, isQuick: boolean): Promise<WriteResult<T>> {
    if (!isQuick) return this.worker.write(task);
    return runWrite(this.connection, task);
  }

  async statistics(asked: AskedStatistics, isQuick: boolean): Promise<Statistics> {
    if (!isQuick) return this.#together.load(asked);
    const [found] = await this.scan({ type: 'STATISTICS', kind: asked.query.kind, asked: [asked] }, true);
    return found as Statistics;
  }

  /** Statistics of one view that are asked for at the same time, in one pass through its blocks. */
  async #statisticsOf(all: readonly AskedStatistics[]): Promise<(Statistics | Error)[]> {
    const found = new Map<AskedStatistics, Statistics | Error>();
    const read = async (asked: readonly AskedStatistics[]): Promise<void> => {
      const kind = asked[0]?.query.kind as ListedKind;
      try {
        const results = await this.scan({ type: 'STATISTICS', kind, asked }, false);
        for (const [i, each] of asked.entries()) found.set(each, results[i] as Statistics);
      } catch (error) {
        // a damaged column is no reason to fail those that do not read it
        if (asked.length > 1) for (const each of asked) await read([each]);
        else for (const each of asked) found.set(each, error as Error);
      }
    };
    const views = new Map<string, AskedStatistics[]>();
    for (const each of all) {
      const view = `${each.scan.kind} ${each.scan.lastRev}`;
      views.set(view, [...(views.get(view) ?? []), each]);
    }
    await Promise.all([...views.values()].map(read));
    return all.map((each) => found.get(each) as Statistics | Error);
  }
}

/** For a history in memory, which no other thread can see: answers on the spot. */
export function inlineQueries(connection: Connection): QueryWorker {
  return {
    all: async (queries) => queries.map(({ sql, params }) => connection.all(sql, params)),
    scan: async <T extends ScanTask>(task: T) => runScan(connection, task, null) as ScanResults[T['type']],
    write: async <T extends WriteTask>(task: T) => runWrite(connection, task),
    close: async () => {},
  };
}

/**
 * A worker thread with connections of its own. It is started by the first query and keeps no process alive. What was
 * committed before a query was sent is in its answer.
 */
export class ThreadedQueries implements QueryWorker {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #asked = 0;
  #isClosed = false;
  readonly #isOver = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

  constructor(
    private readonly path: string,
    private readonly access: OpenAccess = 'read',
  ) {}

  all(queries: readonly Query[]): Promise<Row[][]> {
    return this.#ask((n) => ({ n, queries })) as Promise<Row[][]>;
  }

  scan<T extends ScanTask>(task: T): Promise<ScanResults[T['type']]> {
    return this.#ask((n) => ({ n, task })) as Promise<ScanResults[T['type']]>;
  }

  write<T extends WriteTask>(write: T): Promise<WriteResult<T>> {
    return this.#ask((n) => ({ n, write })) as Promise<WriteResult<T>>;
  }

  /** As `DerivedCheck`; no other query is answered before it ends. */
  checkDerived(seq: number): Promise<DerivedFault[]> {
    return this.#ask((n) => ({ n, derivedTo: seq })) as Promise<DerivedFault[]>;
  }

  #ask(requestOf: (n: number) => WorkerRequest): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(new HistoryError('UNAVAILABLE', `${this.path} is closed`));
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const request = requestOf(++this.#asked);
    return new Promise((resolve, reject) => {
      this.#waiting.set(request.n, { resolve, reject });
      worker.ref();
      worker.postMessage(request);
    });
  }

  /**
   * Lets the worker end what it is at. It must not be terminated: the driver, once interrupted, ends the whole
   * process.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    Atomics.store(this.#isOver, 0, 1);
    this.#fail(new HistoryError('UNAVAILABLE', `${this.path} was closed`));
    const worker = this.#worker;
    if (worker === null) return;
    worker.ref();
    await new Promise((ended) => {
      worker.once('exit', ended);
      worker.postMessage(null);
    });
  }

  #start(): Worker {
    const worker = startThread({ path: this.path, access: this.access, isOver: this.#isOver });
    worker.on('message', (answer: WorkerResponse) => this.#settle(answer));
    worker.on('error', (error) => this.#stopped(worker, error));
    worker.on('exit', () => this.#stopped(worker, new Error('the worker ended')));
    worker.unref();
    return worker;
  }

  #settle(answer: WorkerResponse): void {
    const waiting = this.#waiting.get(answer.n);
    this.#waiting.delete(answer.n);
    if (this.#waiting.size === 0 && !this.#isClosed) this.#worker?.unref();
    if ('found' in answer) waiting?.resolve(answer.found);
    else waiting?.reject(new HistoryError(answer.code, answer.message));
  }

  /** The next query starts another. */
  #stopped(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    this.#fail(new HistoryError('UNAVAILABLE', `${this.path}: ${error.message}`, { cause: error }));
  }

  #fail(error: HistoryError): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** The thread's space for new objects, half of what the event loop has. */
const YOUNG_MIB = 8;

/** In the build the worker lies beside this file as JavaScript; from source both are TypeScript. */
function startThread(workerData: WorkerData): Worker {
  const options = { workerData };
  // for threads that start from now on; `resourceLimits` does nothing if the process was given this option
  setFlagsFromString(`--max-semi-space-size=${YOUNG_MIB}`);
  if (!import.meta.url.endsWith('.ts'))
    return new Worker(new URL('./query-worker-thread.js', import.meta.url), options);
  const source = JSON.stringify(new URL('./query-worker-thread.ts', import.meta.url).href);
  // a loader given to this process does not reach its threads: the thread registers its own, then imports
  const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import(${source}); })`;
  return new Worker(boot, { ...options, eval: true });
}
