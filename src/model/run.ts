import type { Resource } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';

export type RunTrigger = 'POLL' | 'BACKFILL' | 'LIVE' | 'REREAD' | 'RECONCILE';
export type RunStatus = 'RUNNING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'INTERRUPTED';

/** One pass over one resource of one account, with its cost and result. */
export interface RunRecord {
  readonly id: string;
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly status: RunStatus;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  /** As on the command line. */
  readonly parameters: Readonly<Record<string, string | number | boolean | null>>;
  readonly counts: RunCounts;
  /** The first 20 problems, for people, without tokens. */
  readonly errors: readonly string[];
  /** Only for reconciliations that have ended. */
  readonly reconciliation?: ReconciliationRecord;
}

export interface RunCounts {
  readonly calls: number;
  readonly listCalls: number;
  readonly detailCalls: number;
  readonly listed: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly quarantined: number;
  /** Listed records that were not fetched, because the stored version is current. */
  readonly skipped: number;
  readonly windows: number;
}

export const NO_COUNTS: RunCounts = {
  calls: 0,
  listCalls: 0,
  detailCalls: 0,
  listed: 0,
  added: 0,
  changed: 0,
  unchanged: 0,
  deleted: 0,
  quarantined: 0,
  skipped: 0,
  windows: 0,
};

/**
 * The comparison of a window with Abnormal, by another reading than the collection's. `SHORT`: the history
 * does not contain all records. `EXTRA`: it contains records that Abnormal no longer names, which alone is no
 * deletion. `UNVERIFIED`: Abnormal's records could not be read reliably.
 */
export type ReconciliationVerdict = 'MATCH' | 'SHORT' | 'EXTRA' | 'UNVERIFIED';

/** The threat log export, or lists with other windows. */
export type PopulationSource = 'EXPORT' | 'LIST';

export interface IdSample {
  readonly count: number;
  /** The first `MOST_IDS`, sorted. */
  readonly ids: readonly string[];
}

const MOST_IDS = 100;

export function sampleIds(ids: Iterable<string>): IdSample {
  const all = [...ids].sort();
  return { count: all.length, ids: all.slice(0, MOST_IDS) };
}

/** The result of comparing one window of one resource. */
export interface ReconciliationRecord extends Window {
  readonly verdict: ReconciliationVerdict;
  /** An explanation beyond the verdict. */
  readonly reason: string | null;
  /** The `UpstreamCode` that prevented the reading; `null` if none. */
  readonly failure: string | null;
  /** What was read; may be empty. */
  readonly sources: readonly PopulationSource[];
  /**
   * `COUNTS`: the source names no ids, so only the numbers of messages were compared; `null`: nothing was
   * compared.
   */
  readonly basis: 'IDS' | 'COUNTS' | null;
  /** Distinct ids named by Abnormal; `null` if unknown. */
  readonly population: number | null;
  /** The list's `total` for the window, if given. */
  readonly declared: number | null;
  /** Stored records, including those beyond the population. */
  readonly held: number;
  /** Named by Abnormal and not stored. */
  readonly missing: IdSample;
  /** Stored and not named by Abnormal. */
  readonly extra: IdSample;
  /** Named by Abnormal, but their details answer 404; not missing. */
  readonly gone: IdSample;
  /** The spans that the next poll lists again, newest first. */
  readonly opened: readonly Window[];
}
