import type { Resource } from '../resources/registry.js';
import type { Instant, Window } from '../values/instant.js';

export type RunTrigger = 'POLL' | 'BACKFILL' | 'LIVE' | 'REREAD' | 'RECONCILE';
export type RunStatus = 'RUNNING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'INTERRUPTED';

export interface RunRecord {
  readonly id: string;
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly status: RunStatus;
  readonly startedAt: Instant;
  readonly endedAt: Instant | null;
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

/**
 * Compared by another reading than the collection's. `SHORT`: records are missing. `EXTRA`: Abnormal no longer names
 * some stored records, which alone is no deletion. `UNVERIFIED`: Abnormal's records could not be read reliably.
 */
export type ReconciliationVerdict = 'MATCH' | 'SHORT' | 'EXTRA' | 'UNVERIFIED';

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

export interface ReconciliationRecord extends Window {
  readonly verdict: ReconciliationVerdict;
  readonly reason: string | null;
  /** The `UpstreamCode` that prevented the reading; `null` if none. */
  readonly failure: string | null;
  readonly sources: readonly PopulationSource[];
  /** `COUNTS`: without ids, only the numbers of messages were compared; `null`: nothing was. */
  readonly basis: 'IDS' | 'COUNTS' | null;
  readonly population: number | null;
  readonly declared: number | null;
  readonly held: number;
  readonly missing: IdSample;
  readonly extra: IdSample;
  /** Named by Abnormal, but their details answer 404; not missing. */
  readonly gone: IdSample;
  /** The spans that the next poll lists again, newest first. */
  readonly opened: readonly Window[];
}
