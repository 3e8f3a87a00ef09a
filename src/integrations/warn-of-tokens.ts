import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { permissionsToAct } from '../model/token-permissions.js';
import { DAY, toInstant } from '../values/instant.js';
import { emptyAccounts } from './empty-accounts.js';
import { ENVIRONMENT_ACCOUNT } from './open-account.js';
import { readTokenSituations } from './token-histories.js';
import { describeTokenState, tokenState } from './token-state.js';

export interface TokenWarningOptions {
  readonly store: HistoryStore;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
}

/** What replaces an integration's token. */
export function howToReplace(integration: string): string {
  const make =
    'Create one in the Abnormal portal (Settings → Integrations → Abnormal REST API), which shows it once, and';
  return integration === ENVIRONMENT_ACCOUNT
    ? `${make} set ABNORMAL_TOKEN to it.`
    : `${make} give it to: integrations rotate ${integration}`;
}

/**
 * Logs a warning for each token that must be replaced, once a day and at once when its state changes, and a note for
 * one that is well but may do more than read. Call it as often as you like.
 */
export function createTokenWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const said = new Map<string, { readonly state: string; readonly at: number }>();
  return async () => {
    const now = clock();
    for (const [integration, situation] of await readTokenSituations(store)) {
      const state = tokenState(situation, toInstant(now));
      const before = said.get(integration);
      const isSaid = before?.state === state && now - before.at < DAY;
      if (isSaid) continue;
      said.set(integration, { state, at: now });
      const isExcessive = permissionsToAct(situation.permissions).length > 0;
      if (state === 'OK' && !isExcessive) continue;
      const text = describeTokenState(situation, toInstant(now), howToReplace(integration));
      log[state === 'OK' ? 'info' : 'warn']({ integration, tokenState: state }, text);
    }
  };
}

/** Logs a warning for each account that answers with nothing, once a day. Call it as often as you like. */
export function createEmptyWarnings({ store, log, clock }: TokenWarningOptions): () => Promise<void> {
  const said = new Map<string, number>();
  return async () => {
    const now = clock();
    const empty = await emptyAccounts(store, await store.streams());
    for (const name of said.keys()) if (!empty.has(name)) said.delete(name);
    for (const [integration, message] of empty) {
      if (now - (said.get(integration) ?? Number.NEGATIVE_INFINITY) < DAY) continue;
      said.set(integration, now);
      log.warn({ integration }, message);
    }
  };
}
