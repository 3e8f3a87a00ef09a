import { parentPort, workerData } from 'node:worker_threads';
import { HistoryError } from './errors.js';
import { Connection } from './sqlite-connection.js';
import type { Answer, Question } from './sqlite-offload.js';

/* The thread behind `WorkerOffload`: queries in, rows out, over a connection that only reads. */

const connection = new Connection(String(workerData), 'read');

parentPort?.on('message', (question: Question) => parentPort?.postMessage(answerTo(question)));

function answerTo({ n, queries }: Question): Answer {
  try {
    return { n, rows: queries.map(({ sql, params }) => connection.all(sql, params)) };
  } catch (error) {
    const code = error instanceof HistoryError ? error.code : 'UNAVAILABLE';
    return { n, code, message: error instanceof Error ? error.message : String(error) };
  }
}
