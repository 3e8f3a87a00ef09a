import type { Kind, RecordKey, RecordOf } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';

/** Where a record comes from: an Abnormal account, or the built-in simulated tenant. */
export type Origin = 'ABNORMAL' | 'SIMULATED';

/** One detail as the gateway saw it, on its way into the history. */
export interface Observation<K extends Kind = Kind> {
  readonly key: RecordKey & { readonly kind: K };
  readonly record: RecordOf[K];
  /** What Abnormal sent, as RFC 8785 canonical JSON; integers beyond 2^53 stand as strings. */
  readonly received: string;
  /** SHA-256 of `received`, in hex. Equal digests are one version. */
  readonly digest: string;
  /** When the request for the detail was sent. */
  readonly fetchedAt: Instant;
  /**
   * The history's head before the request was sent. A revision that was confirmed by a later batch is newer
   * than this observation, whatever the clocks say; see `Recorded.conflicts`.
   */
  readonly basis: number;
  readonly origin: Origin;
}

/** One version of one record: what was known in `[observedFrom, observedTo)`, system time. */
export interface RevisionRecord<K extends Kind = Kind> {
  readonly key: RecordKey & { readonly kind: K };
  /** The write batch that brought it. */
  readonly seqFrom: number;
  /** The batch that superseded it; `OPEN_SEQ` while it is current. */
  readonly seqTo: number;
  readonly observedFrom: Instant;
  readonly observedTo: Instant | null;
  /** The last request that saw this very version. */
  readonly verifiedAt: Instant;
  readonly digest: string;
  readonly runId: string;
  readonly origin: Origin;
  /** A tombstone: Abnormal no longer knows the record; `record` is the last version it gave. */
  readonly deleted: boolean;
  readonly record: RecordOf[K];
}

/** Stands for "not superseded", larger than any batch, so that one comparison serves open and closed. */
export const OPEN_SEQ = Number.MAX_SAFE_INTEGER;
