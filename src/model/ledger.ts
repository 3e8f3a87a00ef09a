import type { Instant } from './instant.js';
import type { Stream } from './stream.js';

/** A half-open span of source time, `[from, to)`, both on whole seconds. */
export interface Window {
  readonly from: Instant;
  readonly to: Instant;
}

/**
 * How the reading of one window ended.
 * `PARTIAL`: listed to its end, but some listed records could not be had or understood.
 * `NOT_LICENSED`: the account has not got the resource, for want of a licence or of an add-on.
 */
export type WindowStatus = 'COMPLETE' | 'PARTIAL' | 'FAILED' | 'NOT_LICENSED' | 'OUT_OF_RETENTION';

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
  /** How many of those the history holds, including ones known to be deleted. */
  readonly held: number;
  readonly pages: number;
  /** Why it is not COMPLETE, for a person. */
  readonly reason: string | null;
}

/** An entry with the write batch that brought it. */
export interface RecordedEntry extends LedgerEntry {
  readonly seq: number;
}
