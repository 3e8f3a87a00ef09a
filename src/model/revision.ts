import type { Kind, RecordKey, RecordOf } from '../resources/registry.js';
import type { Instant } from '../values/instant.js';

export type Origin = 'ABNORMAL' | 'SIMULATED';

/** One detail as read, to be recorded. */
export interface Observation<K extends Kind = Kind> {
  readonly key: RecordKey & { readonly kind: K };
  readonly record: RecordOf[K];
  /** Abnormal's response as RFC 8785 canonical JSON; integers beyond 2^53 are strings. */
  readonly received: string;
  readonly digest: string;
  readonly fetchedAt: Instant;
  /** The head before the request: versions confirmed by later batches are newer; see `Recorded.conflicts`. */
  readonly basis: number;
  readonly origin: Origin;
}

/** One version of one record: what was known in `[observedFrom, observedTo)`, system time. */
export interface RevisionRecord<K extends Kind = Kind> {
  readonly key: RecordKey & { readonly kind: K };
  readonly seqFrom: number;
  /** The batch that replaced it; `OPEN_SEQ` while it is current. */
  readonly seqTo: number;
  readonly observedFrom: Instant;
  readonly observedTo: Instant | null;
  /** The last request that returned this version. */
  readonly verifiedAt: Instant;
  readonly digest: string;
  readonly runId: string;
  readonly origin: Origin;
  /** A tombstone: Abnormal no longer has the record; `record` is its last version. */
  readonly deleted: boolean;
  readonly record: RecordOf[K];
}

/** "Not replaced": larger than any batch, so that one comparison is enough. */
export const OPEN_SEQ = Number.MAX_SAFE_INTEGER;

/** What reads revisions by key: the newest of each that is recorded up to `seq`, `null` where there is none. */
export interface RevisionReader {
  get(keys: readonly RecordKey[], seq: number): Promise<readonly (RevisionRecord | null)[]>;
}
