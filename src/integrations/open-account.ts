import type { Budget } from '../abnormal/budget.js';
import type { UpstreamObserver } from '../abnormal/client.js';
import { createAbnormalClient } from '../abnormal/rest-client.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import { type SimulatorOptions, startSimulator } from '../simulator/server.js';
import { Secret } from '../values/secret.js';
import { type Account, ENVIRONMENT_ACCOUNT, SIMULATED_ACCOUNT } from './accounts.js';
import { tokenHint } from './token.js';

export interface AccountOptions {
  readonly budget: Budget;
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: Log;
  /** Makes what is told of an account's requests, by its name. */
  readonly observe?: ((integration: string) => UpstreamObserver) | undefined;
}

/** An account and what ends it. */
export interface OpenAccount {
  readonly account: Account;
  readonly budget: Budget;
  /** The token's last four characters; `null` where there is none that is worth showing. */
  readonly tokenHint: string | null;
  close(): Promise<void>;
}

/** The account that the environment names. */
export function openEnvironmentAccount(
  { token, baseUrl }: { readonly token: Secret; readonly baseUrl: string },
  options: AccountOptions,
): OpenAccount {
  const observer = options.observe?.(ENVIRONMENT_ACCOUNT);
  const client = createAbnormalClient({ ...options, baseUrl, token: () => token.reveal(), observer });
  return {
    account: { name: ENVIRONMENT_ACCOUNT, origin: 'ABNORMAL', baseUrl, client },
    budget: options.budget,
    tokenHint: tokenHint(token.reveal()) || null,
    close: async () => client.close(),
  };
}

/** A simulated tenant, served on loopback by this process and read like any other account. */
export async function openSimulatedAccount(
  simulator: SimulatorOptions,
  options: AccountOptions,
): Promise<OpenAccount> {
  const { baseUrl, token, close } = await startSimulator(simulator);
  const secret = new Secret(token);
  const observer = options.observe?.(SIMULATED_ACCOUNT);
  const client = createAbnormalClient({ ...options, baseUrl, token: () => secret.reveal(), observer });
  return {
    account: { name: SIMULATED_ACCOUNT, origin: 'SIMULATED', baseUrl, client },
    budget: options.budget,
    tokenHint: null,
    close: async () => {
      client.close();
      await close();
    },
  };
}

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
