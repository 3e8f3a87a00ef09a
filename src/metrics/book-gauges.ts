import { Gauge, type Registry } from 'prom-client';
import type { HistoryStore } from '../history/store.js';
import { readTokenSituations } from '../integrations/token-histories.js';
import { replaceBy, TOKEN_STATES, tokenState } from '../integrations/token-state.js';
import { DRIFT_KINDS, driftOf } from '../model/drift.js';
import { UNREAD_CODES } from '../model/quarantine.js';
import { KINDS } from '../resources/kind.js';
import type { Instant } from '../values/instant.js';
import { named } from './names.js';
import { unixSeconds } from './seconds.js';

type Books = Pick<HistoryStore, 'countQuarantine' | 'documents'>;

/** Reads what the history keeps beside records, and measures it. */
export type BookGauges = (
  store: HistoryStore,
  integrations: readonly string[],
  now: Instant,
) => Promise<void>;

export function createBookGauges(registry: Registry): BookGauges {
  const quarantine = quarantineGauge(registry);
  const drift = driftGauge(registry);
  const tokens = tokenGauges(registry);
  return async (store, integrations, now) => {
    await Promise.all([quarantine(store, integrations), drift(store), tokens(store, now)]);
  };
}

function quarantineGauge(registry: Registry) {
  const gauge = new Gauge(
    named(
      registry,
      'quarantine_records',
      'Records that could not be read, each of which is requested again with each poll; those that are gone do not count.',
      ['integration', 'kind'],
    ),
  );
  return async (store: Books, integrations: readonly string[]) => {
    const series = integrations.flatMap((integration) => KINDS.map((kind) => ({ integration, kind })));
    const counts = await Promise.all(
      series.map(({ integration, kind }) =>
        store.countQuarantine({ integrations: [integration], kinds: [kind], codes: UNREAD_CODES }),
      ),
    );
    gauge.reset();
    for (const [index, labels] of series.entries()) gauge.set(labels, counts[index] ?? 0);
  };
}

function driftGauge(registry: Registry) {
  const gauge = new Gauge(
    named(
      registry,
      'schema_drift_names',
      'Names of fields, and words of open lists, that Abnormal sends and this version does not know.',
      ['integration', 'drift'],
    ),
  );
  return async (store: Books) => {
    const documents = await store.documents('drift');
    gauge.reset();
    for (const { id: integration, body } of documents) {
      const { names } = driftOf(body);
      for (const drift of DRIFT_KINDS) {
        gauge.set({ integration, drift }, names.filter(({ kind }) => kind === drift).length);
      }
    }
  };
}

function tokenGauges(registry: Registry) {
  const states = new Gauge(
    named(
      registry,
      'token_state',
      'How the token of an integration stands: 1 for the state that it is in, 0 for the others.',
      ['integration', 'state'],
    ),
  );
  const due = new Gauge(
    named(
      registry,
      'token_replace_by_timestamp_seconds',
      'When the token of an integration must have been replaced, in seconds since the epoch; absent where nothing says so.',
      ['integration'],
    ),
  );
  return async (store: HistoryStore, now: Instant) => {
    const situations = await readTokenSituations(store);
    states.reset();
    due.reset();
    for (const [integration, situation] of situations) {
      const state = tokenState(situation, now);
      for (const each of TOKEN_STATES) states.set({ integration, state: each }, each === state ? 1 : 0);
      const by = replaceBy(situation);
      if (by !== null) due.set({ integration }, unixSeconds(by));
    }
  };
}
