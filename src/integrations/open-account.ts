import type { Budget } from '../abnormal/budget.js';
import { createAbnormalClient } from '../abnormal/create-client.js';
import type { UpstreamObserver } from '../abnormal/observer.js';
import type { Log } from '../log.js';
import { type SimulatorOptions, startSimulator } from '../simulator/server.js';
import { Secret } from '../values/secret.js';
import type { Account } from './account.js';
import { tokenHint } from './token-text.js';

/** What the environment's account is called in keys and global ids. */
export const ENVIRONMENT_ACCOUNT = 'default';
/** What the built-in simulated tenant is called. */
export const SIMULATED_ACCOUNT = 'simulated';

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
