import type { Budget } from '../abnormal/budget.js';
import type { UpstreamObserver } from '../abnormal/client.js';
import { createAbnormalClient } from '../abnormal/rest-client.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { Secret } from '../values/secret.js';
import { type Account, SIMULATED_ACCOUNT } from './accounts.js';
import { tokenHint } from './token.js';

export interface AccountOptions {
  readonly budget: Budget;
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: Log;
  /** Creates the observer of an account's requests, by its name. */
  readonly observe?: ((integration: string) => UpstreamObserver) | undefined;
}

export interface OpenAccount {
  readonly account: Account;
  readonly budget: Budget;
  /** The token's last four characters; `null` if they must not be shown. */
  readonly tokenHint: string | null;
  close(): Promise<void>;
}

/** An account whose token is not in the vault. */
export interface UnstoredAccount extends Pick<Account, 'name' | 'origin' | 'baseUrl'> {
  readonly token: Secret;
  /** Ends what serves the account, if this process does. */
  readonly close?: () => Promise<void>;
}

/** Opens the account of the environment, or the simulated tenant. */
export function openUnstoredAccount(
  { token, close, ...named }: UnstoredAccount,
  options: AccountOptions,
): OpenAccount {
  const observer = options.observe?.(named.name);
  const { baseUrl } = named;
  const client = createAbnormalClient({ ...options, baseUrl, token: () => token.reveal(), observer });
  return {
    account: { ...named, client },
    budget: options.budget,
    tokenHint: named.origin === 'ABNORMAL' ? tokenHint(token.reveal()) || null : null,
    close: async () => {
      client.close();
      await close?.();
    },
  };
}

/**
 * Why a real account must not use a history: it contains simulated records, which a report could not tell
 * apart. `null` if it may.
 */
export async function simulatedDataGuard(
  store: Pick<HistoryStore, 'streams' | 'description'>,
): Promise<string | null> {
  const streams = await store.streams();
  if (!streams.some(({ integration }) => integration === SIMULATED_ACCOUNT)) return null;
  return `The history (${store.description}) contains records of the simulated tenant, which cannot be mixed with records of an account. Set another HISTORY for your account.`;
}
