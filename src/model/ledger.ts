import type { RecordKey } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';
import type { Window } from '../values/window.js';
import type { Stream } from './stream.js';

/**
 * How the reading of one window ended.
 * `COMPLETE`: listed to its end; listed records that are not stored are named in `missing`.
 * `PARTIAL`: listed to its end, but something may be missing that has no id to be named by.
 * `NOT_LICENSED`: the account has not got the resource, for want of a licence or of an add-on.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

/** A listed record that could not be read. */
export interface MissingEntry {
  readonly id: string;
  readonly code: QuarantineCode;
  /** For a person. */
  readonly reason: string;
  /** When it was first tried in vain. */
  readonly since: Instant;
}

/** One reading of one window: what was asked, and what came of it. Entries are added, never changed. */
export interface LedgerEntry extends Stream, Window {
  readonly status: WindowStatus;
  readonly runId: string;
  /** When the reading began. */
  readonly readAt: Instant;
  /**
   * What happened before this instant had all arrived when the window was read (`readAt` less the ingestion
   * lag); what lies between it and `to` is provisional and is read again.
   */
  readonly settledTo: Instant;
  /** The `filter` parameter as sent. */
  readonly filter: string;
  /** The population that Abnormal declared (`total`), where it did. */
  readonly declared: number | null;
  /** Distinct ids that the window's pages listed. */
  readonly listed: number;
  /** How many of those the history holds in their newest version, including ones known to be deleted. */
  readonly held: number;
  readonly pages: number;
  /** Why it is not COMPLETE, for a person. */
  readonly reason: string | null;
  /** The listed records that could not be read; left out if there are none. */
  readonly missing?: readonly MissingEntry[];
}

/** An entry with the write batch that brought it. */
export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}

/**
 * Why a listed record is not stored, or not in its newest version.
 * `UNDECODABLE`: its detail cannot be parsed. `NOT_FOUND`: its detail answered 404 in one run. `GONE`: its detail
 * answered 404 in two runs; a stored record is then marked as deleted. `FAILED`: its detail could not be fetched.
 */
export type QuarantineCode = 'UNDECODABLE' | 'NOT_FOUND' | 'GONE' | 'FAILED';

/** The reasons for which a record may still be there: what is gone is only requested again in case that is wrong. */
export const UNREAD_CODES: readonly QuarantineCode[] = ['UNDECODABLE', 'NOT_FOUND', 'FAILED'];

/** A record set aside so that it stops nothing else: kept, shown, tried again each cycle. */
export interface QuarantineEntry {
  readonly key: RecordKey;
  readonly code: QuarantineCode;
  /** For a person: what is wrong with it. */
  readonly reason: string;
  /** The body as received, at most 64 KiB of it; `null` when none came. */
  readonly body: string | null;
  readonly runId: string;
  readonly firstSeenAt: Instant;
  readonly lastTriedAt: Instant;
  readonly tries: number;
}
