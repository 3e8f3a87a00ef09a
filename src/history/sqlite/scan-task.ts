import type { ListedKind } from '../../resources/registry.js';
import { countIn, findIn, type ScanQuery } from '../columns/scan.js';
import { HistoryError } from '../errors.js';
import { type CheckedBlock, checkNextBlock, readBlocks } from './column-blocks.js';
import type { Connection } from './connection.js';

/** Work over column blocks, on the event loop or in the query worker. */
export type ScanTask =
  | { readonly type: 'COUNT'; readonly query: ScanQuery }
  | { readonly type: 'FIND'; readonly query: ScanQuery; readonly most: number }
  | { readonly type: 'CHECK_NEXT'; readonly kind: ListedKind; readonly from: number };

export interface ScanResults {
  readonly COUNT: number;
  readonly FIND: readonly number[] | null;
  readonly CHECK_NEXT: CheckedBlock | null;
}

/** Reads one state of the file, also while another connection writes. */
export function runScan(connection: Connection, task: ScanTask): ScanResults[ScanTask['type']] {
  try {
    return connection.snapshot(() => resultOf(connection, task));
  } catch (error) {
    if (error instanceof HistoryError) throw error;
    const kind = 'query' in task ? task.query.kind : task.kind;
    throw new HistoryError('DAMAGED', `The columns or the records of kind ${kind} are damaged; run verify.`, {
      cause: error,
    });
  }
}

function resultOf(connection: Connection, task: ScanTask): ScanResults[ScanTask['type']] {
  if (task.type === 'CHECK_NEXT') return checkNextBlock(connection, task.kind, task.from);
  const blocks = readBlocks(connection, task.query.kind, task.query.lastRev);
  return task.type === 'COUNT' ? countIn(blocks, task.query) : findIn(blocks, task.query, task.most);
}
