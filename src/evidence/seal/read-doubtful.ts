import { HistoryError } from '../../history/errors.js';
import type { HistoryStore } from '../../history/store.js';

/**
 * What `get` gives; `undefined` where what is there does not read as what it should be. A store that does not
 * answer at all is no such case: that rejects.
 */
export async function readDoubtful<T>(store: HistoryStore, get: () => Promise<T>): Promise<T | undefined> {
  try {
    return await get();
  } catch (error) {
    if (!(error instanceof HistoryError)) return undefined;
    if (error.code === 'DAMAGED') return undefined;
    if (error.code !== 'UNAVAILABLE') throw error;
    // rows can be such that a query fails on them; then the store is well, and fails at them again
    await store.ping();
    return get().catch(() => undefined);
  }
}
