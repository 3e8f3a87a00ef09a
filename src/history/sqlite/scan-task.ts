import { DEFINITION_OF, type ListedKind } from '../../resources/registry.js';
import { toMillis } from '../../values/instant.js';
import { countIn, findIn, type ScanQuery } from '../columns/scan.js';
import { type StatisticsFacts, statisticsRows } from '../columns/statistics.js';
import { HistoryError } from '../errors.js';
import { type Statistics, type StatisticsQuery, summarize } from '../statistics.js';
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
  | { readonly type: 'STATISTICS'; readonly query: ScanQuery; readonly statistics: StatisticsQuery }
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
  readonly STATISTICS: Statistics;
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
  const blocks = readBlocks(connection, task.query.kind, task.query.lastRev);
  if (task.type === 'COUNT') return countIn(blocks, task.query);
  if (task.type === 'FIND') return findIn(blocks, task.query, task.most);
  const { query, statistics } = task;
  return summarize(statisticsRows(blocks, query, statistics, factsOf(connection, statistics)), statistics);
}

function factsOf(connection: Connection, { kind, measure }: StatisticsQuery): StatisticsFacts {
  const integrations = new Integrations(connection);
  const isNeeded = measure.type === 'DURATION' && measure.to === null;
  const rows = isNeeded ? connection.all('SELECT last_rev, at FROM batches ORDER BY seq') : [];
  const batches = rows.map(([lastRev, at]) => ({ lastRev: Number(lastRev), at: toMillis(String(at)) }));
  return {
    nameOf: (account) => integrations.nameOf(Number(account)),
    recordedAt(rev) {
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
