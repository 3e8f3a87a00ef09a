import type { Resource } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';

export type RunTrigger = 'POLL' | 'BACKFILL' | 'LIVE' | 'REREAD' | 'RECONCILE';
export type RunStatus = 'RUNNING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'INTERRUPTED';

/** One pass over one resource of one account, and what it cost and brought. */
export interface RunRecord {
  readonly id: string;
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly status: RunStatus;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
  /** What it set out to read, as it would be given on the command line. */
  readonly parameters: Readonly<Record<string, string | number | boolean | null>>;
  readonly counts: RunCounts;
  /** At most the first 20, each for a person; none holds a token. */
  readonly errors: readonly string[];
  /** What it found; of runs that reconcile, and there once they have ended. */
  readonly reconciliation?: ReconciliationRecord;
}

export interface RunCounts {
  /** Requests sent to Abnormal, retries included. */
  readonly calls: number;
  readonly listCalls: number;
  readonly detailCalls: number;
  readonly listed: number;
  readonly added: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly deleted: number;
  readonly quarantined: number;
  /** Listed records whose detail was not fetched, because what is held is new enough. */
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
 * How what is held of a window compares with what Abnormal has, by another reading than the collection's.
 * `SHORT`: Abnormal names records that the history lacks. `EXTRA`: the history holds records that Abnormal no
 * longer names, which by itself is no deletion. `UNVERIFIED`: what Abnormal has could not be read for certain.
 */
export type ReconciliationVerdict = 'MATCH' | 'SHORT' | 'EXTRA' | 'UNVERIFIED';

/** Where a population was read: the export of the threat log, or lists over windows cut anew. */
export type PopulationSource = 'EXPORT' | 'LIST';

/** Some records by their ids. */
export interface IdSample {
  /** All of them. */
  readonly count: number;
  /** The first `MOST_IDS` of them, in order. */
  readonly ids: readonly string[];
}

const MOST_IDS = 100;

/** `ids` counted, the first of them kept. */
export function sampleIds(ids: Iterable<string>): IdSample {
  const all = [...ids].sort();
  return { count: all.length, ids: all.slice(0, MOST_IDS) };
}

/** What a run found that compared one window of one resource. */
export interface ReconciliationRecord extends Window {
  readonly verdict: ReconciliationVerdict;
  /** In words, where there is more to say than the verdict does. */
  readonly reason: string | null;
  /** The failure that kept the population from being read, as an `UpstreamCode`; `null` when there was none. */
  readonly failure: string | null;
  /** What was read; empty when nothing could be. */
  readonly sources: readonly PopulationSource[];
  /** `COUNTS`: the independent source names no ids, so only its count of messages was compared; `null`: nothing was. */
  readonly basis: 'IDS' | 'COUNTS' | null;
  /** Distinct ids that Abnormal names; `null` when they could not be read. */
  readonly population: number | null;
  /** The list's own `total` for the whole window, where it gave one. */
  readonly declared: number | null;
  /** How many of the population are held, with those held beyond it. */
  readonly held: number;
  /** Named by Abnormal and not held. */
  readonly missing: IdSample;
  /** Held and not named by Abnormal. */
  readonly extra: IdSample;
  /** Named by Abnormal though their details answer 404: known to be gone, and not missing. */
  readonly gone: IdSample;
  /** What was opened for the next poll to list again, newest first. */
  readonly opened: readonly Window[];
}
