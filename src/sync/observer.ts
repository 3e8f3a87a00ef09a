import type { Recorded } from '../history/store.js';
import type { DriftTally } from '../model/drift.js';
import type { LedgerEntry } from '../model/ledger.js';
import type { Run } from '../model/run.js';

/** Told of every step that a run records, to count it; must not throw. */
export interface SyncObserver {
  /** `run` is as the step left it: one that has ended says so once. */
  recorded(run: Run, ledger: readonly LedgerEntry[], recorded: Recorded): void;
  /** Abnormal's answers to an integration have come to differ in more than before from what is known; by how much now. */
  drifted?(integration: string, tally: DriftTally): void;
}
