import type { RecordKey } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';

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
