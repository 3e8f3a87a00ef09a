import type { HistoryStore } from '../history/store.js';
import { streamText } from '../model/ledger.js';
import { type Stream, type StreamState, type StreamStatus, streamsOf } from '../model/stream.js';
import { earliest, floorToSecond, type Instant, shift } from '../values/instant.js';
import { FIRST_COLLECTION_MS, nowOf, type Source, type SyncEnv, sourceText } from './context.js';

/** The states of a source's streams. `from` moves the beginning of the collection back. */
export async function sourceStates(
  env: SyncEnv,
  source: Source,
  from: Instant | null = null,
): Promise<StreamState[]> {
  const known = new Map((await env.store.streams()).map((state) => [streamText(state), state]));
  return streamsOf(source.account.name, source.resource).map((stream) => {
    const state = known.get(streamText(stream)) ?? firstState(env, stream);
    const wanted = [from, env.settings.backfillFrom].flatMap((instant) => instant ?? []).map(floorToSecond);
    return { ...state, collectFrom: wanted.reduce(earliest, state.collectFrom) };
  });
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

/** Records the states with `change` applied. One after the other for a source, so that a live read and a backfill lose no change. */
export function updateStates<T>(
  env: SyncEnv,
  source: Source,
  change: (state: StreamState) => Change,
  record: (streams: readonly StreamState[]) => Promise<T>,
  from: Instant | null = null,
): Promise<T> {
  return inTurn(env.store, sourceText(source), async () => {
    const before = await sourceStates(env, source, from);
    const after = before.map((state) => ({ ...state, ...change(state) }));
    const recorded = await record(after);
    logChanges(env, source, before, after);
    return recorded;
  });
}

/** One log line per change, so that the log shows when a problem began and ended. */
function logChanges(
  { log }: SyncEnv,
  { account, resource }: Source,
  before: readonly StreamState[],
  after: readonly StreamState[],
): void {
  const logged = new Set<StreamStatus>();
  for (const [index, { status, message }] of after.entries()) {
    const was = before[index]?.status ?? 'NEVER_READ';
    const isFirstSuccess = was === 'NEVER_READ' && status === 'OK';
    if (status === was || isFirstSuccess || logged.has(status)) continue;
    logged.add(status);
    const facts = { integration: account.name, resource, status, was };
    if (status === 'OK') log.info(facts, `Abnormal can be read again: ${resource} of ${account.name}`);
    else log[status === 'UNAVAILABLE' ? 'warn' : 'error'](facts, message ?? status);
  }
}

export function statusMessage(
  status: StreamStatus,
  { account, resource }: Source,
  said: string,
): string | null {
  const where = `account ${account.name} at ${account.baseUrl}`;
  switch (status) {
    case 'TOKEN_REJECTED':
      return `Abnormal rejects the token of ${where}. ${said} Until then, one request is sent per polling interval.`;
    case 'FORBIDDEN':
      return `Abnormal refuses access to ${resource} of ${where}. ${said}`;
    case 'NOT_LICENSED':
      return `The licence of ${where} does not include ${resource}, according to Abnormal. ${said}`;
    case 'NOT_ENABLED':
      return `Abnormal has no ${resource} for ${where}. ${said}`;
    case 'UNAVAILABLE':
      return `${resource} of ${where} cannot be read from Abnormal. ${said} Meanwhile the gateway serves recorded data; the next poll retries and fills the gap.`;
    default:
      return null;
  }
}

const last = new WeakMap<HistoryStore, Map<string, Promise<unknown>>>();

function inTurn<T>(store: HistoryStore, source: string, work: () => Promise<T>): Promise<T> {
  const ofStore = last.get(store) ?? new Map<string, Promise<unknown>>();
  const done = (ofStore.get(source) ?? Promise.resolve()).then(work);
  ofStore.set(
    source,
    done.catch(() => undefined),
  );
  last.set(store, ofStore);
  return done;
}
