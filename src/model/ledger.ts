import type { RecordKey } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';
import type { Stream } from './stream.js';

/**
 * How the reading of one window ended; the states are described in `sync/sync.ts`. `COMPLETE`: listed to its
 * end; unread records are named in `missing`. `PARTIAL`: unnamed records may be missing. `NOT_LICENSED`: also
 * used for an add-on that is not enabled.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

/** A listed record that could not be read. */
export interface MissingEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** When it was first requested without success. */
  readonly since: Instant;
}

/** One reading of one window. Entries are added, never changed. */
export interface LedgerEntry extends Stream, Window {
  readonly status: WindowStatus;
  readonly runId: string;
  /** When the reading began. */
  readonly readAt: Instant;
  /**
   * Everything before this instant had arrived when the window was read (`readAt` minus the ingestion lag);
   * the time after it is provisional and read again.
   */
  readonly settledTo: Instant;
  readonly filter: string;
  /** Abnormal's `total`, if given. */
  readonly declared: number | null;
  /** Distinct listed ids. */
  readonly listed: number;
  /** How many of those are stored in their newest version, including deleted ones. */
  readonly held: number;
  readonly pages: number;
  /** Why it is not COMPLETE, for people. */
  readonly reason: string | null;
  readonly missing?: readonly MissingEntry[];
}

export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}

/**
 * Why a listed record is not stored in its newest version. `UNDECODABLE`: its detail cannot be parsed.
 * `NOT_FOUND`: its detail answered 404 in one run. `GONE`: in two runs; a stored record is then marked as
 * deleted. `FAILED`: its detail could not be fetched.
 */
export type QuarantineCode = 'UNDECODABLE' | 'NOT_FOUND' | 'GONE' | 'FAILED';

/**
 * The codes of records that may still exist; gone records are only requested again in case the 404 was wrong.
 */
export const UNREAD_CODES: readonly QuarantineCode[] = ['UNDECODABLE', 'NOT_FOUND', 'FAILED'];

/** A quarantined record: it blocks nothing else, and is requested again in each cycle. */
export interface QuarantineEntry {
  readonly key: RecordKey;
  readonly code: QuarantineCode;
  /** For people. */
  readonly reason: string;
  /** As received, at most 64 KiB; `null` if nothing was received. */
  readonly body: string | null;
  readonly runId: string;
  readonly firstSeenAt: Instant;
  readonly lastTriedAt: Instant;
  readonly tries: number;
}
