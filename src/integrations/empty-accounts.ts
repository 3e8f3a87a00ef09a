import type { HistoryStore } from '../history/store.js';
import type { StreamState } from '../model/stream.js';
import { FILTER_KEYS, KIND_OF, KINDS, RESOURCES } from '../resources/registry.js';
import { type Instant, shift, toMillis } from '../values/instant.js';

export const ACCESS_ADVICE =
  'If the account does have mail attacks, the token may not see them: give it full portal access for the API, and put the address that this gateway’s requests come from on the account’s allowlist (Abnormal portal: Settings → Integrations → Abnormal REST API).';

type Reads = Pick<HistoryStore, 'head' | 'count' | 'countQuarantine' | 'ledger'>;
type Answered = StreamState & { readonly lastSuccessAt: Instant };

/**
 * Accounts for which nothing was listed for longer than `INGESTION_LAG`, each with a message. Every account
 * has threats sooner or later, so this usually means missing permissions.
 */
export async function emptyAccounts(
  store: Reads,
  states: readonly StreamState[],
): Promise<ReadonlyMap<string, string>> {
  const answered = states.filter(isAnswered);
  if (answered.length === 0) return new Map();
  const { seq } = await store.head();
  const found = await Promise.all(
    answered.map(async (state) => {
      const message = (await isEmpty(store, state, seq)) ? messageOf(state) : null;
      return message === null ? [] : [[state.integration, message] as const];
    }),
  );
  return new Map(found.flat());
}

function isAnswered(state: StreamState): state is Answered {
  const { resource, filterKey, status, lastSuccessAt } = state;
  const isThreats = resource === 'threats' && filterKey === FILTER_KEYS.threats[0];
  return isThreats && status === 'OK' && lastSuccessAt !== null;
}

async function isEmpty(store: Reads, state: Answered, seq: number): Promise<boolean> {
  const { integration, collectFrom, lastSuccessAt } = state;
  const integrations = [integration];
  for (const resource of RESOURCES) {
    const query = { kind: KIND_OF[resource], integrations, filter: null, seq };
    if ((await store.count(query)) > 0) return false;
  }
  if ((await store.countQuarantine({ integrations, kinds: KINDS })) > 0) return false;
  // the oldest window is read last: once it is read, everything has been
  const oldest = await store.ledger(state, collectFrom, shift(collectFrom, 1000), seq);
  return oldest.some(({ readAt, settledTo, listed }) => {
    const lag = toMillis(readAt) - toMillis(settledTo);
    return listed === 0 && toMillis(lastSuccessAt) > toMillis(readAt) + lag;
  });
}

function messageOf({ collectFrom }: StreamState): string {
  return `Abnormal answers, but lists no threat, case or campaign since ${collectFrom.slice(0, 10)}. ${ACCESS_ADVICE}`;
}
