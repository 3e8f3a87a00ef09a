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
  readonly observe?: ((integration: string) => UpstreamObserver) | undefined;
}

export interface OpenAccount {
  readonly account: Account;
  readonly budget: Budget;
  /** The token's last four characters; `null` if they must not be shown. */
  readonly tokenHint: string | null;
  close(): Promise<void>;
}

export interface UnstoredAccount extends Pick<Account, 'name' | 'origin' | 'baseUrl'> {
  readonly token: Secret;
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

/** Why a real account must not use a history: a report could not tell simulated records apart. */
export async function simulatedDataGuard(
  store: Pick<HistoryStore, 'streams' | 'description'>,
): Promise<string | null> {
  const streams = await store.streams();
  if (!streams.some(({ integration }) => integration === SIMULATED_ACCOUNT)) return null;
  return `The history (${store.description}) holds records of the simulated tenant, and an account's own may not come among them. Give your account a history of its own with HISTORY.`;
}
