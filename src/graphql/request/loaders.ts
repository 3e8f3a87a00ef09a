import type { HistoryStore } from '../../history/store.js';
import { CurrentLoader } from './current.js';
import { RecordLoader } from './records.js';
import { ReferrerLoader } from './referrers.js';
import { RevisionCountLoader } from './revision-counts.js';
import { RunLoader } from './runs.js';

/** What one request reads the history through. Nothing in it outlives the request. */
export interface Loaders {
  readonly current: CurrentLoader;
  readonly records: RecordLoader;
  readonly referrers: ReferrerLoader;
  readonly revisionCounts: RevisionCountLoader;
  readonly runs: RunLoader;
}

/** A fresh set, for one request. */
export function createLoaders(store: HistoryStore): Loaders {
  return {
    current: new CurrentLoader(store),
    records: new RecordLoader(store),
    referrers: new ReferrerLoader(store),
    revisionCounts: new RevisionCountLoader(store),
    runs: new RunLoader(store),
  };
}
