import type { Resource } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';
import type { Reconciliation } from './reconciliation.js';

export type RunTrigger = 'POLL' | 'BACKFILL' | 'LIVE' | 'REREAD' | 'RECONCILE';
export type RunStatus = 'RUNNING' | 'SUCCEEDED' | 'PARTIAL' | 'FAILED' | 'INTERRUPTED';

/** One pass over one resource of one account, and what it cost and brought. */
export interface Run {
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
  readonly reconciliation?: Reconciliation;
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
