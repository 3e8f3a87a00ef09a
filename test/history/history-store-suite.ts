import { beforeAll, describe, inject } from 'vitest';
import type { HistoryStore } from '../../src/history/store.js';
import { describeBooks } from './suite-books.js';
import { describeDocuments } from './suite-documents.js';
import { describeFilters } from './suite-filters.js';
import { describeItems } from './suite-items.js';
import { describeModel } from './suite-model.js';
import { describeReadingPages } from './suite-reading-pages.js';
import { describeReads } from './suite-reads.js';
import { describeRecord } from './suite-record.js';
import { describeStatistics } from './suite-statistics.js';

/** How often each random test is run. */
export const RUNS = Number(process.env.FC_RUNS ?? 40);

/** A store under test, opened on an empty history with the real clock. */
export interface OpenedStore {
  readonly store: HistoryStore;
  /** Closes the store, if it is not closed already, and opens the same history again. */
  reopen(): Promise<HistoryStore>;
  /** Opens the same history once more, to manage it; who asks closes it. */
  manage(): Promise<HistoryStore>;
  /** Closes whatever is open and removes the history. */
  dispose(): Promise<void>;
}

/**
 * What every adapter of `HistoryStore` must do. `name` is the one that the run names in the end. `open` is called a few
 * times; each time it gives a history of its own. `runs` is how often each random test is run.
 */
export function describeHistoryStore(name: string, open: () => Promise<OpenedStore>, runs = RUNS): void {
  describe(`history store: ${name}`, () => {
    beforeAll(async () => {
      if (name !== 'oracle')
        await fetch(`http://127.0.0.1:${inject('desk')}/ran/${name}`, { method: 'POST' });
    });
    describeRecord(open);
    describeReads(open);
    describeFilters(open, runs);
    describeStatistics(open, runs);
    describeItems(open, runs);
    describeBooks(open);
    describeReadingPages(open);
    describeDocuments(open);
    describeModel(open, runs);
  });
}
