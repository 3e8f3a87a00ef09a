import type { HistoryStore, Pin } from '../history/store.js';
import type { Accounts } from '../integrations/accounts.js';
import type { Log } from '../log.js';
import type { GapReason, QuarantineCode } from '../model/ledger.js';
import type { RevisionRecord } from '../model/revision.js';
import type { ReconciliationRecord, RunCounts, RunStatus, RunTrigger } from '../model/run.js';
import type { StreamStatus } from '../model/stream.js';
import type { FilterKey, Kind, RecordKey, Resource } from '../resources/registry.js';
import { DAY, type Instant, type Window } from '../values/instant.js';
import type { SyncObserver, SyncSettings } from './context.js';

/*
 * The states of a stream (`StreamStatus`): the last attempt decides, whatever the state was before.
 *
 *   event                                                             next state
 *   ----------------------------------------------------------------  --------------------
 *   the first pass or live read of the source begins                  NEVER_READ
 *   the newest windows are listed to their end (`readDelta`)          OK
 *   one of the newest windows cannot be listed (`readDelta`),         UNAVAILABLE
 *     or `consecutiveFailures` windows in a row (`noteFailure`)
 *   Abnormal refuses the resource (`UpstreamRefusal`, ends the pass)  TOKEN_REJECTED, FORBIDDEN,
 *                                                                     NOT_LICENSED, NOT_ENABLED
 *   the history cannot be written (shown by `watchWrites`, not stored) HISTORY_UNAVAILABLE
 *
 * The states of a window: its newest ledger entry (`WindowStatus`) or, without one, a `GapReason` of `coverageOf`.
 *
 *   state             what leads to it (`readWindow`)                 what happens next
 *   ----------------  ----------------------------------------------  ----------------------------------
 *   NOT_COLLECTED     no entry yet                                    read, newest first
 *   NARROWED          more rows than a page, or out of retention      read in parts; nothing is recorded
 *   COMPLETE          listed to its end; unread records are named     those records are requested again
 *   PROVISIONAL       COMPLETE, but newer than `settledTo`            read again
 *   PARTIAL           listed, but unnamed records may be missing;     read again
 *                     a wrong clock or a reconciliation revokes it
 *   FAILED            cannot be listed, or details fail in a row      read again, separately or in halves
 *   NOT_LICENSED      the stream became NOT_LICENSED or NOT_ENABLED   read again at each poll
 *   OUT_OF_RETENTION  Abnormal no longer keeps its records            requested again once a day
 *
 * FAILED, NOT_LICENSED and OUT_OF_RETENTION never replace COMPLETE: a failed second reading loses nothing.
 */

/** Stale: Abnormal could not be read, and the data is older than accepted. */
export type Freshness =
  | {
      readonly stale: false;
      /** When Abnormal last confirmed it; `null` if nothing is stored and nothing exists. */
      readonly verifiedAt: Instant | null;
      /** Whether the caller waited for a reading of Abnormal, its own or a shared one. */
      readonly live: boolean;
      /** When that reading began: everything confirmed since was read for this caller. */
      readonly readSince?: Instant;
    }
  | {
      readonly stale: true;
      readonly verifiedAt: Instant | null;
      readonly code: string;
      readonly reason: string;
    };

export function known(verifiedAt: Instant | null): Freshness {
  return { stale: false, verifiedAt, live: false };
}

/** The result for every caller that waited for a reading that began at `readSince`. */
export function readLive(verifiedAt: Instant | null, readSince: Instant): Freshness {
  return { stale: false, verifiedAt, live: true, ...(verifiedAt && { readSince }) };
}

export function staleness(verifiedAt: Instant | null, code: string, reason: string): Freshness {
  return { stale: true, verifiedAt, code, reason };
}

/** The answer when Abnormal takes longer than a caller may wait. */
export function whileLate(verifiedAt: Instant | null, waitMs: number): () => Freshness {
  const reason = `Abnormal has not responded within ${waitMs / 1000} s; the reading continues.`;
  return () => staleness(verifiedAt, 'TIMEOUT', reason);
}

/** What a caller knows of the record. */
export interface LiveRecordOptions {
  /** What the caller has just read in the history; looked up if missing. */
  readonly held?: RevisionRecord | null | undefined;
  /** The view in which the caller read it; needed with `held`. */
  readonly basis?: Pin | undefined;
  /** Fires when the caller waits no longer. */
  readonly signal?: AbortSignal | undefined;
}

/** What a live read of a record leaves for its caller. */
export type RecordFreshness = Freshness & {
  /** A view that contains what was read, if the caller waited for it. */
  readonly readIn?: Pin | undefined;
  /** The record, if Abnormal confirmed it and that is not recorded yet. */
  readonly confirmed?: RevisionRecord | undefined;
};

/**
 * Brings the history up to date on demand. What is new is recorded before it resolves; that a record did not change is
 * recorded within a minute.
 */
export interface Live {
  /** One record, at most `maxAgeMs` old, with one request for all concurrent callers. Also requests unknown records. */
  record(
    key: RecordKey & { readonly kind: Kind },
    maxAgeMs: number,
    options?: LiveRecordOptions,
  ): Promise<RecordFreshness>;
  /** The newest windows, read at most `maxAgeMs` ago. `integrations` null: all; the stalest one decides. */
  list(
    resource: Resource,
    integrations: readonly string[] | null,
    maxAgeMs: number,
    signal?: AbortSignal,
  ): Promise<Freshness>;
}

export interface SyncOptions {
  readonly store: HistoryStore;
  readonly accounts: Accounts;
  readonly settings: SyncSettings;
  readonly clock: () => number;
  readonly log: Log;
  readonly newId?: () => string;
  readonly observer?: SyncObserver | undefined;
}

export interface PollOptions {
  readonly resources?: readonly Resource[] | undefined;
  readonly integrations?: readonly string[] | undefined;
  /** Unlisted records confirmed longer ago are read again, in milliseconds. Default: by their interval. */
  readonly maxAgeMs?: number | undefined;
  /** Whether other processes may poll now: then no RUNNING run is marked as interrupted. Default: false. */
  readonly otherWritersMayPoll?: boolean;
  /** Ends the poll after the current record; the report is still returned. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress;
}

interface BackfillOptions extends PollOptions {
  readonly from: Instant;
}

export interface Sync {
  readonly live: Live;
  /** Polls the resources concurrently, joining running polls. Throws only if the history fails. */
  poll(options: PollOptions): Promise<PollReport>;
  /** Moves the beginning of the collection back to `from` permanently, and collects what is missing. */
  backfill(options: BackfillOptions): Promise<PollReport>;
  reconcile(options: ReconcileOptions): Promise<ReconcileReport>;
  /** Stops all work and waits until it has ended. */
  close(): Promise<void>;
}

export interface PollReport {
  readonly passes: readonly PassReport[];
}

export interface PassReport {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
  readonly status: RunStatus;
  readonly counts: RunCounts;
  readonly reread: RunCounts | null;
  /** Requests per new record, without further message pages and re-reads; `null` if none was new. */
  readonly callsPerNew: number | null;
  readonly streams: readonly StreamReport[];
  readonly errors: readonly string[];
}

export interface StreamReport {
  readonly filterKey: FilterKey;
  readonly status: StreamStatus;
  readonly message: string | null;
  readonly lastSuccessAt: Instant | null;
  readonly coverage: CoverageSummary;
}

export interface CoverageSummary {
  readonly from: Instant;
  readonly to: Instant;
  /** The share of `[from, to)` that is certainly complete, 0 to 1. */
  readonly share: number;
  /** The beginning of the newest gapless span, ignoring provisional time; `null` if there is none. */
  readonly contiguousFrom: Instant | null;
  /** Source time that is not covered, by reason, in milliseconds. */
  readonly missingMs: Readonly<Partial<Record<GapReason, number>>>;
  readonly missingRecords: Readonly<Partial<Record<QuarantineCode, number>>>;
}

export const WIDEST_RECONCILED = 14 * DAY;

export interface ReconcileOptions {
  readonly resources?: readonly Resource[] | undefined;
  readonly integrations?: readonly string[] | undefined;
  /** Nothing before the beginning of a stream's collection is compared. */
  readonly from: Instant;
  /** Nothing younger than the ingestion lag or the last poll is compared. */
  readonly to: Instant;
  readonly isScheduled?: boolean;
  /** Ends it between two requests; finished windows stay recorded. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnReconciled;
}

export interface ReconcileProgress {
  readonly integration: string;
  readonly resource: Resource;
  readonly window: Window;
  readonly done: number;
  readonly total: number;
}

type OnReconciled = (progress: ReconcileProgress) => void;

export interface Reconciled extends ReconciliationRecord {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
}

export interface ReconcileReport {
  /** By account and resource, newest first. */
  readonly reconciliations: readonly Reconciled[];
}

/** `DELTA`: what is new; `GAPS`: older missing spans, newest first; `REREAD`: records read again unlisted. */
export interface Progress {
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly phase: 'DELTA' | 'GAPS' | 'REREAD';
  readonly filterKey: FilterKey | null;
  readonly window: Window | null;
  readonly counts: RunCounts;
  /** Source time left to read in all streams, in milliseconds. */
  readonly remainingMs: number;
  /** The estimated time left, in milliseconds; `null` if unknown. */
  readonly etaMs: number | null;
}

export type OnProgress = (progress: Progress) => void;
