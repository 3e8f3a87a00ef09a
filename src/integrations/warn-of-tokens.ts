import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { DAY, toInstant } from '../model/instant.js';
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
 * Says in the log, as a warning, which tokens are to be replaced: once a day for each, and at once when one comes
 * to stand otherwise. Call it as often as is handy.
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
      if (state === 'OK') continue;
      const text = describeTokenState(situation, toInstant(now), howToReplace(integration));
      log.warn({ integration, tokenState: state }, text);
    }
  };
}
