import type { HistoryStore, Pin } from '../history/store.js';
import type { Accounts } from '../integrations/accounts.js';
import type { Log } from '../log.js';
import type { GapReason } from '../model/coverage.js';
import type { QuarantineCode } from '../model/ledger.js';
import type { RevisionRecord } from '../model/revision.js';
import type { ReconciliationRecord, RunCounts, RunStatus, RunTrigger } from '../model/run.js';
import type { StreamStatus } from '../model/stream.js';
import type { FilterKey, Kind, RecordKey, Resource } from '../resources/registry.js';
import { DAY, type Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';
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

/**
 * How fresh the history is for what was asked, once the gateway has done what it could.
 * Stale: Abnormal could not be read, and what is held is older than was accepted.
 */
export type Freshness =
  | {
      readonly stale: false;
      /** When Abnormal last confirmed it; `null` when it holds nothing and nothing is there. */
      readonly verifiedAt: Instant | null;
      /** Whether the caller waited until Abnormal was read for this answer, by a reading of its own or a shared one. */
      readonly live: boolean;
      /** When that reading began: what was confirmed since was read for every caller that waited for it. */
      readonly readSince?: Instant;
    }
  | {
      readonly stale: true;
      readonly verifiedAt: Instant | null;
      /** An `UpstreamCode`, or `UNDECODABLE`. */
      readonly code: string;
      /** For a person. */
      readonly reason: string;
    };

/** What a caller brings to a read of one record. */
export interface LiveRecordOptions {
  /** What it has just read of the record in the history; looked up unless given. */
  readonly held?: RevisionRecord | null | undefined;
  /** Fires when it waits no longer. */
  readonly signal?: AbortSignal | undefined;
}

/** How fresh a record is, and the batch that this was recorded in, if the caller waited for it. */
export type RecordFreshness = Freshness & { readonly recordedIn?: Pin | undefined };

/** Brings the history up to date on demand; whatever it reads is recorded before it answers. */
export interface Live {
  /**
   * Makes sure one record is no older than `maxAgeMs`: one request for however many ask at once.
   * A record never seen is looked up too. Also serves a case's analysis, a threat's attachments and links.
   */
  record(
    key: RecordKey & { readonly kind: Kind },
    maxAgeMs: number,
    options?: LiveRecordOptions,
  ): Promise<RecordFreshness>;
  /**
   * Makes sure a resource's change windows were read no longer than `maxAgeMs` ago: one delta sync for all who wait.
   * `integrations` null: every account. The stalest account decides the answer.
   */
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
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly log: Log;
  /** Makes the ids of runs; random UUIDs unless given. */
  readonly newId?: () => string;
  readonly observer?: SyncObserver | undefined;
}

export interface PollOptions {
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
  /** All accounts, unless given. */
  readonly integrations?: readonly string[] | undefined;
  readonly trigger?: Extract<RunTrigger, 'POLL' | 'BACKFILL'>;
  /**
   * For somebody who waits for the current state: records that may have changed without being listed are read again
   * unless they were confirmed within this many milliseconds. By their interval, unless given.
   */
  readonly maxAgeMs?: number | undefined;
  /**
   * Whether other processes may be polling now: then no run that stands as running is taken for one that was cut
   * short. False unless given.
   */
  readonly otherWritersMayPoll?: boolean;
  /** Ends the poll after the record in hand; it still answers with its report. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnProgress;
}

export interface BackfillOptions extends Omit<PollOptions, 'trigger'> {
  /** How far back to collect. */
  readonly from: Instant;
}

/** Keeps the history in step with Abnormal. */
export interface Sync {
  readonly live: Live;
  /**
   * Brings every resource asked for up to date, all of them at once; see `runPass`. One that is being polled
   * already is waited for instead. Throws only when the history fails.
   */
  poll(options: PollOptions): Promise<PollReport>;
  /** Sets the beginning of what is wanted back to `from`, for good, and collects what is missing. */
  backfill(options: BackfillOptions): Promise<PollReport>;
  /** Compares what is held with what Abnormal has; see `reconcile`. */
  reconcile(options: ReconcileOptions): Promise<ReconcileReport>;
  /** Stops everything that is on its way, and waits until it has ended. */
  close(): Promise<void>;
}

/** What came of a poll or a backfill. */
export interface PollReport {
  readonly passes: readonly PassReport[];
}

/** One pass over one resource of one account. */
export interface PassReport {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
  readonly status: RunStatus;
  readonly counts: RunCounts;
  /** What reading unsettled records again has cost and brought; `null` when none was due. */
  readonly reread: RunCounts | null;
  /** Requests per record that was new, further pages of a threat's messages and re-reads apart; `null` when none was new. */
  readonly callsPerNew: number | null;
  readonly streams: readonly StreamReport[];
  readonly errors: readonly string[];
}

/** How a stream stands after a pass. */
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
  /** The share of `[from, to)` that is held for certain, 0 to 1. */
  readonly share: number;
  /** How far back the newest uninterrupted stretch reaches, what is provisional apart; `null` when there is none. */
  readonly contiguousFrom: Instant | null;
  /** Source time not covered, by reason, in milliseconds. */
  readonly missingMs: Readonly<Partial<Record<GapReason, number>>>;
  /** Listed records that could not be read, by why. */
  readonly missingRecords: Readonly<Partial<Record<QuarantineCode, number>>>;
}

/** Abnormal exports no more at once. */
export const WIDEST_RECONCILED = 14 * DAY;

export interface ReconcileOptions {
  /** All, unless given. */
  readonly resources?: readonly Resource[] | undefined;
  /** All accounts, unless given. */
  readonly integrations?: readonly string[] | undefined;
  /** Nothing from before a stream's collection begins is compared. */
  readonly from: Instant;
  /** Nothing younger than the ingestion lag is compared, nor what came after the last poll. */
  readonly to: Instant;
  /** Whether nobody asked for it but the schedule. */
  readonly isScheduled?: boolean;
  /** Ends it between two requests; windows that were compared by then stay recorded. */
  readonly signal: AbortSignal;
  readonly onProgress?: OnReconciled;
}

/** How far a reconciliation has come. */
export interface ReconcileProgress {
  readonly integration: string;
  readonly resource: Resource;
  /** The window that is being compared. */
  readonly window: Window;
  /** Windows compared, and all there are. */
  readonly done: number;
  readonly total: number;
}

type OnReconciled = (progress: ReconcileProgress) => void;

/** One window that was compared. */
export interface Reconciled extends ReconciliationRecord {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string;
}

export interface ReconcileReport {
  /** By account and resource, each newest first. */
  readonly reconciliations: readonly Reconciled[];
}

/**
 * How a pass is getting on. `DELTA`: what came since the last; `GAPS`: older spans not yet held, newest first;
 * `REREAD`: records that may have changed without being listed.
 */
export interface Progress {
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly phase: 'DELTA' | 'GAPS' | 'REREAD';
  readonly filterKey: FilterKey | null;
  /** The window just read; `null` while re-reading. */
  readonly window: Window | null;
  readonly counts: RunCounts;
  /** Source time left to read, of all streams together, in milliseconds. */
  readonly remainingMs: number;
  /** How long that will take at the pace so far, in milliseconds; `null` before there is a pace. */
  readonly etaMs: number | null;
}

export type OnProgress = (progress: Progress) => void;
