import type { Instant } from './instant.js';
import type { RecordKey } from './kind.js';

/**
 * Why a listed record is not (or not anew) in the history.
 * `UNDECODABLE`: its detail does not read as one. `NOT_FOUND`: its detail answered 404 once; a second time,
 * in a later run, makes it a tombstone. `FAILED`: its detail could not be fetched.
 */
export type QuarantineCode = 'UNDECODABLE' | 'NOT_FOUND' | 'FAILED';

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
