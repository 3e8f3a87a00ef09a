import type { Instant } from '../values/instant.js';
import type { QuarantineCode } from './quarantine.js';
import type { Stream } from './stream.js';

/** A half-open span of source time, `[from, to)`, both on whole seconds. */
export interface Window {
  readonly from: Instant;
  readonly to: Instant;
}

/**
 * How the reading of one window ended.
 * `COMPLETE`: listed to its end; listed records that are not stored are named in `missing`.
 * `PARTIAL`: listed to its end, but something may be missing that has no id to be named by.
 * `NOT_LICENSED`: the account has not got the resource, for want of a licence or of an add-on.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

/** A listed record that could not be read. */
export interface MissingRecord {
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
  readonly missing?: readonly MissingRecord[];
}

/** An entry with the write batch that brought it. */
export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}
