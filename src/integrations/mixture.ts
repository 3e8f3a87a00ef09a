import type { HistoryStore } from '../history/store.js';
import { SIMULATED_ACCOUNT } from './open-account.js';

/**
 * Why an account's own records may not come into a history: it holds invented ones, from which they would never be
 * told apart in a report. `null` where they may.
 */
export async function refusalOfReal(
  store: Pick<HistoryStore, 'streams' | 'description'>,
): Promise<string | null> {
  const streams = await store.streams();
  if (!streams.some(({ integration }) => integration === SIMULATED_ACCOUNT)) return null;
  return `The history (${store.description}) holds records of the simulated tenant, and an account's own may not come among them. Give your account a history of its own with HISTORY.`;
}
