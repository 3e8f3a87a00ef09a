import { parentPort, workerData } from 'node:worker_threads';
import { KnownValues } from '../columns/values.js';
import { HistoryError } from '../errors.js';
import type { DerivedFault } from '../store.js';
import { Connection, type Query } from './connection.js';
import { DerivedCheck } from './derived.js';
import type { Row } from './driver.js';
import { openFile } from './file.js';
import { runScan, type WorkerData, type WorkerRequest, type WorkerResponse } from './query-worker.js';
import { runWrite } from './record-batch.js';

/*
 * The thread behind `ThreadedQueries`: queries in, rows out, over a connection that only reads, and another one for what
 * is written. It ends when it is sent null.
 */

const { path, access, isOver } = workerData as WorkerData;
/** Blocks are read once and kept decoded, and what is written lies together or comes in no order. */
const SMALL_CACHE = { cacheKib: 4_096 };

const connection = new Connection(path, access, SMALL_CACHE);
const known = new KnownValues();
let writer: Connection | null = null;

parentPort?.on('message', (request: WorkerRequest | null) => {
  if (request) void answerTo(request).then((answer) => parentPort?.postMessage(answer));
  else {
    for (const each of [connection, writer]) each?.close();
    parentPort?.close();
  }
});

async function answerTo(request: WorkerRequest): Promise<WorkerResponse> {
  const { n } = request;
  try {
    if ('task' in request) return { n, found: runScan(connection, request.task, known) };
    if ('write' in request) {
      writer ??= openFile(path, 'manage', SMALL_CACHE);
      return { n, found: runWrite(writer, request.write) };
    }
    if ('derivedTo' in request) return { n, found: await checkDerived(request.derivedTo) };
    return { n, found: rowsOf(request.queries) };
  } catch (error) {
    const code = error instanceof HistoryError ? error.code : 'UNAVAILABLE';
    return { n, code, message: error instanceof Error ? error.message : String(error) };
  }
}

function rowsOf(queries: readonly Query[]): Row[][] {
  return queries.map(({ sql, params }) => {
    throwIfOver();
    return connection.all(sql, params);
  });
}

async function checkDerived(seq: number): Promise<DerivedFault[]> {
  const faults: DerivedFault[] = [];
  for await (const fault of new DerivedCheck(connection, seq, throwIfOver).run()) faults.push(fault);
  return faults;
}

function throwIfOver(): void {
  if (Atomics.load(isOver, 0) === 1) throw new HistoryError('UNAVAILABLE', `${path} was closed`);
}
