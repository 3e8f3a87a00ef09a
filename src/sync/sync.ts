import type { Kind, RecordKey, Resource } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';

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

/** Brings the history up to date on demand; whatever it reads is recorded before it answers. */
export interface Live {
  /**
   * Makes sure one record is no older than `maxAgeMs`: one request for however many ask at once.
   * A record never seen is looked up too. Also serves a case's analysis, a threat's attachments and links.
   */
  record(
    key: RecordKey & { readonly kind: Kind },
    maxAgeMs: number,
    signal?: AbortSignal,
  ): Promise<Freshness>;
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
