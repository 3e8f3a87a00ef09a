import type { RecordKey } from '../resources/registry.js';
import type { Instant, Window } from '../values/instant.js';
import type { Stream } from './stream.js';

/**
 * The states are described in `sync/sync.ts`. `COMPLETE`: listed to its end; unread records are named in
 * `missing`. `PARTIAL`: unnamed records may be missing. `NOT_LICENSED`: or an add-on is not enabled.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

export interface MissingEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** When it was first requested without success. */
  readonly since: Instant;
}

export interface LedgerEntry extends Stream, Window {
  readonly status: WindowStatus;
  readonly runId: string;
  readonly readAt: Instant;
  /** Everything before this instant had arrived at `readAt`; later time is provisional and read again. */
  readonly settledTo: Instant;
  readonly filter: string;
  /** Abnormal's `total`, if given. */
  readonly declared: number | null;
  readonly listed: number;
  /** How many of those are stored in their newest version, including deleted ones. */
  readonly held: number;
  readonly pages: number;
  readonly reason: string | null;
  readonly missing?: readonly MissingEntry[];
}

export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}

/**
 * `UNDECODABLE`: its detail cannot be parsed. `NOT_FOUND`: its detail answered 404 in one run. `GONE`: in two
 * runs; a stored record is then marked as deleted. `FAILED`: its detail could not be fetched.
 */
export type QuarantineCode = 'UNDECODABLE' | 'NOT_FOUND' | 'GONE' | 'FAILED';

/** Records that may still exist; gone ones are requested again only in case the 404 was wrong. */
export const UNREAD_CODES: readonly QuarantineCode[] = ['UNDECODABLE', 'NOT_FOUND', 'FAILED'];

/** A quarantined record: it blocks nothing else, and is requested again in each cycle. */
export interface QuarantineEntry {
  readonly key: RecordKey;
  readonly code: QuarantineCode;
  readonly reason: string;
  /** As received, at most 64 KiB; `null` if nothing was received. */
  readonly body: string | null;
  readonly runId: string;
  readonly firstSeenAt: Instant;
  readonly lastTriedAt: Instant;
  readonly tries: number;
}
