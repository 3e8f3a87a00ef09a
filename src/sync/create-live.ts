import type { Flights } from '../async/single-flight.js';
import type { Accounts } from '../integrations/accounts.js';
import { LiveLists } from './live/live-lists.js';
import { LiveRecords } from './live/live-records.js';
import type { DeltaOutcome } from './pass/read-delta.js';
import type { SyncEnv } from './pass.js';
import type { Live } from './sync.js';

/** `Live`, with an end: `landed` resolves when nothing that it began is on its way any more. */
export interface LiveSync extends Live {
  landed(): Promise<void>;
}

export function createLive(
  env: SyncEnv,
  accounts: Accounts,
  deltas: Flights<DeltaOutcome>,
  closing: AbortSignal,
): LiveSync {
  const records = new LiveRecords(env, accounts, closing);
  const lists = new LiveLists(env, accounts, deltas, closing);
  return {
    record: (key, maxAgeMs, signal) => records.record(key, maxAgeMs, signal),
    list: (resource, integrations, maxAgeMs, signal) => lists.list(resource, integrations, maxAgeMs, signal),
    landed: async () => {
      await Promise.all([records.landed(), lists.landed()]);
    },
  };
}
