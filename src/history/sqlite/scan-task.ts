import { DEFINITION_OF, type ListedKind } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import { countIn, findIn, type ScanQuery } from '../columns/scan.js';
import { type AskedStatistics, type StatisticsFacts, statisticsIn } from '../columns/statistics.js';
import { HistoryError } from '../errors.js';
import type { Statistics } from '../statistics.js';
import {
  type BlockSizes,
  type BlockSource,
  type CheckedBlock,
  checkNextBlock,
  type MadeBlock,
  makeBlock,
  readBlocks,
} from './column-blocks.js';
import { type Connection, Integrations } from './connection.js';

/** Work over column blocks, on the event loop or in the query worker. */
export type ScanTask =
  | { readonly type: 'COUNT'; readonly query: ScanQuery }
  | { readonly type: 'FIND'; readonly query: ScanQuery; readonly most: number }
  /** All of the same view of a kind. */
  | { readonly type: 'STATISTICS'; readonly kind: ListedKind; readonly asked: readonly AskedStatistics[] }
  | { readonly type: 'CHECK_NEXT'; readonly kind: ListedKind; readonly from: number }
  | {
      readonly type: 'MAKE_BLOCK';
      readonly kind: ListedKind;
      readonly source: BlockSource;
      readonly sizes: BlockSizes;
    };

export interface ScanResults {
  readonly COUNT: number;
  readonly FIND: readonly number[] | null;
  readonly STATISTICS: readonly Statistics[];
  readonly CHECK_NEXT: CheckedBlock | null;
  readonly MAKE_BLOCK: MadeBlock;
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
  if (task.type === 'MAKE_BLOCK') return makeBlock(connection, task.source, task.kind, task.sizes);
  if (task.type === 'STATISTICS') {
    const { kind, asked } = task;
    const blocks = readBlocks(connection, kind, asked[0]?.scan.lastRev ?? 0);
    return statisticsIn(blocks, asked, factsOf(connection, kind));
  }
  const blocks = readBlocks(connection, task.query.kind, task.query.lastRev);
  return task.type === 'COUNT' ? countIn(blocks, task.query) : findIn(blocks, task.query, task.most);
}

function factsOf(connection: Connection, kind: ListedKind): StatisticsFacts {
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
