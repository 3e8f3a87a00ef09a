import { parentPort, workerData } from 'node:worker_threads';
import { HistoryError } from '../errors.js';
import { Connection } from './connection.js';
import type { Row } from './driver.js';
import type { WorkerData, WorkerRequest, WorkerResponse } from './query-worker.js';
import { runScan } from './scan-task.js';

/*
 * The thread behind `ThreadedQueries`: queries in, rows out, over a connection that only reads. It ends when it
 * is sent null.
 */

const { path, access, isOver } = workerData as WorkerData;
const connection = new Connection(path, access);

parentPort?.on('message', (request: WorkerRequest | null) => {
  if (request) parentPort?.postMessage(answerTo(request));
  else {
    connection.close();
    parentPort?.close();
  }
});

function answerTo(request: WorkerRequest): WorkerResponse {
  const { n } = request;
  try {
    if ('task' in request) return { n, found: runScan(connection, request.task) };
    const found: Row[][] = [];
    for (const { sql, params } of request.queries) {
      if (Atomics.load(isOver, 0) === 1) return { n, code: 'UNAVAILABLE', message: `${path} was closed` };
      found.push(connection.all(sql, params));
    }
    return { n, found };
  } catch (error) {
    const code = error instanceof HistoryError ? error.code : 'UNAVAILABLE';
    return { n, code, message: error instanceof Error ? error.message : String(error) };
  }
}
