import type { Instant } from '../model/instant.js';
import type { ListedKind } from '../model/kind.js';
import type { TenantOptions } from './options.js';
import type { Upstream } from './upstream.js';

export type { TenantOptions } from './options.js';

/** One version of a record's complete detail, from the instant at which the API shows it. */
export interface Version {
  readonly visibleFrom: Instant;
  /**
   * What a complete reading of the detail gives: all message pages joined, newest first, ties by id; a case as
   * `{ item, detail }`; integers beyond 2^53 as strings. `null`: the detail answers 404 from here on.
   */
  readonly payload: unknown;
}

/** One record that a complete collection would hold. */
export interface TruthRecord {
  readonly kind: ListedKind;
  readonly id: string;
  readonly index: number;
  readonly payload: unknown;
}

/** A simulated Abnormal account. It holds nothing: every record is a function of the seed, its index and the time. */
export interface Tenant {
  readonly options: TenantOptions;
  /** How many records of a kind there are over the whole span. */
  count(kind: ListedKind): number;
  idOf(kind: ListedKind, index: number): string;
  /** The index of the record with this id; `null` when there is none. */
  indexOf(kind: ListedKind, id: string): number | null;
  /** Every version a record ever has, oldest first; neighbours differ. */
  versions(kind: ListedKind, index: number): Version[];
  /** The same by id; empty when there is no such record. */
  versionsOf(kind: ListedKind, id: string): Version[];
  /**
   * What a complete collection would hold at an instant: every record visible then, except those whose detail
   * answers 404. `since` leaves out what arrived earlier.
   */
  truth(at: Instant, since?: Instant): Iterable<TruthRecord>;
  /** The ids that are listed at an instant though their detail answers 404. */
  missing(at: Instant): Iterable<{ readonly kind: ListedKind; readonly id: string }>;
  /** What the HTTP server needs. */
  readonly upstream: Upstream;
}

/** Makes a tenant; a RangeError when the options make none. */
export function createTenant(options: TenantOptions): Tenant {
  throw new Error(`not yet: ${options.seed}`);
}
