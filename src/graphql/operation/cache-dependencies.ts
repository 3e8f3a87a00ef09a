import type { Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';

/** How fresh a list had to be, and was. */
export interface ListFreshness {
  readonly resource: Resource;
  /** `null`: all accounts. */
  readonly integrations: readonly string[] | null;
  readonly maxAgeMs: number;
  /** What must still be found when it is looked at again. */
  readonly verifiedAt: Instant | null;
}

/**
 * A read of a list of records, as plain data: what is read at a `seq` is the same as long as nothing was recorded
 * since, whatever hangs off its records included.
 */
export interface ListRead {
  /** The newest `seq` when it was read. */
  readonly head: number;
  /** `null`: a view of the past, or one that a cursor pins, which is not made fresh. */
  readonly freshness: ListFreshness | null;
}

/**
 * What one response was made of. If that is noted reads alone, the response to the same request is the same as
 * long as those reads stand.
 */
export class CacheDependencies {
  readonly entries: ListRead[] = [];
  private isReusable = true;

  note(read: ListRead): void {
    this.entries.push(read);
  }

  /** Something was read that is not noted. */
  markUncacheable(): void {
    this.isReusable = false;
  }

  get isCacheable(): boolean {
    return this.isReusable && this.entries.length > 0;
  }
}
