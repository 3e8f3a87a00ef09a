import type { ListedKind } from '../../resources/registry.js';
import { countIn, findIn, type ScanQuery } from '../columns/scan.js';
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
  return connection.snapshot(() => {
    switch (task.type) {
      case 'COUNT':
        return countIn(readBlocks(connection, task.query.kind, task.query.lastRev), task.query);
      case 'FIND':
        return findIn(readBlocks(connection, task.query.kind, task.query.lastRev), task.query, task.most);
      case 'CHECK_NEXT':
        return checkNextBlock(connection, task.kind, task.from);
    }
  });
}
