import { unlessAborted } from '../../async/signals.js';
import type { Instant } from '../../values/instant.js';
import type { Freshness } from '../sync.js';

export function known(verifiedAt: Instant | null): Freshness {
  return { stale: false, verifiedAt, live: false };
}

/** The result for every caller that waited for a reading that began at `readSince`. */
export function readLive(verifiedAt: Instant | null, readSince: Instant): Freshness {
  return { stale: false, verifiedAt, live: true, ...(verifiedAt && { readSince }) };
}

export function staleness(verifiedAt: Instant | null, code: string, reason: string): Freshness {
  return { stale: true, verifiedAt, code, reason };
}

/** The answer when Abnormal takes longer than a caller may wait. */
export function whileLate(verifiedAt: Instant | null, waitMs: number): () => Freshness {
  const reason = `Abnormal has not responded within ${waitMs / 1000} s; the reading continues.`;
  return () => staleness(verifiedAt, 'TIMEOUT', reason);
}

/** Waits for at most `waitMs` of real time, then returns `late`. */
export async function waitFor<F extends Freshness>(
  work: Promise<F>,
  waitMs: number,
  late: () => Freshness,
  signal: AbortSignal | undefined,
): Promise<F | Freshness> {
  let stopTimer = () => {};
  const patience = new Promise<Freshness>((resolve) => {
    const timer = setTimeout(() => resolve(late()), waitMs);
    stopTimer = () => clearTimeout(timer);
  });
  return unlessAborted(Promise.race([work, patience]), signal).finally(() => stopTimer());
}
