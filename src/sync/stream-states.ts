import type { HistoryStore } from '../history/store.js';
import { earliest, type Instant, shift } from '../model/instant.js';
import { type Stream, type StreamState, streamsOf, streamText } from '../model/stream.js';
import { inTurn } from './in-turn.js';
import { nowOf, type Source, type SyncEnv } from './pass.js';
import { FIRST_COLLECTION_MS } from './settings.js';
import { floorToSecond } from './spans.js';

/**
 * The states of a source's streams as they stand, with those never read before as they begin. Collection is
 * wanted from `from` at the latest, where given.
 */
export async function sourceStates(
  env: SyncEnv,
  source: Source,
  from: Instant | null = null,
): Promise<StreamState[]> {
  const known = await knownStates(env.store);
  return streamsOf(source.account.name, source.resource).map((stream) => {
    const state = known.get(streamText(stream)) ?? firstState(env, stream);
    const wanted = [from, env.settings.backfillFrom].flatMap((instant) => instant ?? []).map(floorToSecond);
    return { ...state, collectFrom: wanted.reduce(earliest, state.collectFrom) };
  });
}

async function knownStates(store: HistoryStore): Promise<Map<string, StreamState>> {
  return new Map((await store.streams()).map((state) => [streamText(state), state]));
}

function firstState(env: SyncEnv, stream: Stream): StreamState {
  const begin = env.settings.backfillFrom ?? shift(nowOf(env), -FIRST_COLLECTION_MS);
  return {
    ...stream,
    status: 'NEVER_READ',
    message: null,
    collectFrom: floorToSecond(begin),
    lastAttemptAt: null,
    lastSuccessAt: null,
  };
}

type Change = Partial<Pick<StreamState, 'status' | 'message' | 'lastAttemptAt' | 'lastSuccessAt'>>;

/**
 * Records a source's states with `change` applied to what stands in the history now. One at a time, so that what
 * two write at once, such as a live reading and the beginning of a backfill, both stays.
 */
export function updateStates<T>(
  env: SyncEnv,
  source: Source,
  change: (state: StreamState) => Change,
  record: (streams: readonly StreamState[]) => Promise<T>,
  from: Instant | null = null,
): Promise<T> {
  return inTurn(env.store, async () => {
    const states = await sourceStates(env, source, from);
    return record(states.map((state) => ({ ...state, ...change(state) })));
  });
}

/** What a person is told when a resource cannot be read: what happened, the likely causes, what to do. */
export function statusMessage(
  status: StreamState['status'],
  { account, resource }: Source,
  said: string,
): string | null {
  const where = `account ${account.name} at ${account.baseUrl}`;
  switch (status) {
    case 'TOKEN_REJECTED':
      return `Abnormal rejects the token of ${where}: ${said}. It was revoked, has expired or belongs to another region. Make a new one in the portal (Settings, Integrations, Abnormal REST API) and give it to the gateway; until then one request is tried every polling interval.`;
    case 'FORBIDDEN':
      return `Abnormal refuses ${resource} of ${where}: ${said}. Either this machine's public address is not on the IP allowlist of the REST API integration, or the API is not enabled for it. Both are set in the portal (Settings, Integrations, Abnormal REST API).`;
    case 'NOT_LICENSED':
      return `Abnormal says that ${resource} are not licensed for ${where}: ${said}. The other resources are not affected. Once the licence is there, the next poll collects them.`;
    case 'NOT_ENABLED':
      return `Abnormal knows no ${resource} for ${where}: ${said}. The add-on is probably not enabled for this account. Once it is, the next poll collects them.`;
    case 'UNAVAILABLE':
      return `Abnormal cannot be read for ${resource} of ${where}: ${said}. What is recorded is served meanwhile; the next poll tries again and catches up.`;
    default:
      return null;
  }
}
