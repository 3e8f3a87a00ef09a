import type { Resource } from '../resources/kind.js';
import { DAY, HOUR, type Instant, MINUTE } from '../values/instant.js';

/** How the sync reads. All `…Ms` are milliseconds. */
export interface SyncSettings {
  /** How long Abnormal may take to list what has happened; anything newer is provisional. */
  readonly ingestionLagMs: number;
  /** How far back open cases, unremediated threats and undecided campaigns are read again. */
  readonly rereadHorizonMs: number;
  /** How often each resource is polled; also how often one record is read again at most. */
  readonly intervals: Readonly<Record<Resource, number>>;
  /** Where the first collection begins; `null`: 30 days before it. */
  readonly backfillFrom: Instant | null;
  /** Rows on a page of a list. */
  readonly pageSize: number;
  /** The share of a page that a window should fill, so that a denser one still fits. */
  readonly targetFill: number;
  /** Below this width a window is paged through instead of narrowed. */
  readonly minWindowMs: number;
  /** How wide the first window is while nothing is known of the density. */
  readonly firstWindowMs: number;
  readonly maxWindowMs: number;
  /** Details asked for at once for one resource; the client's budget may allow fewer. */
  readonly detailConcurrency: number;
  /** Records in one batch, and the most bytes of them. */
  readonly chunkRecords: number;
  readonly chunkBytes: number;
  /** After so many failures one after the other the rest of a pass is left to the next poll. */
  readonly failureStreak: number;
  /** How long a query waits for a live read before it is given what is recorded. */
  readonly liveWaitMs: number;
  /** How long after a failed live list the next is tried. */
  readonly liveRetryMs: number;
}

export const DEFAULT_SYNC_SETTINGS: SyncSettings = {
  ingestionLagMs: 15 * MINUTE,
  rereadHorizonMs: 30 * DAY,
  intervals: { threats: 4 * HOUR, cases: 4 * HOUR, campaigns: 24 * HOUR },
  backfillFrom: null,
  pageSize: 100,
  targetFill: 0.75,
  minWindowMs: MINUTE,
  firstWindowMs: DAY,
  maxWindowMs: 7 * DAY,
  detailConcurrency: 8,
  chunkRecords: 100,
  chunkBytes: 8 * 1024 * 1024,
  failureStreak: 3,
  liveWaitMs: 20_000,
  liveRetryMs: 15_000,
};

/** How far back the first collection goes when nobody says. */
export const FIRST_COLLECTION_MS = 30 * DAY;
