import type { Account } from './account.js';

/** The Abnormal accounts that this process reads, as they stand at the moment of asking. */
export interface Accounts {
  /** By name. */
  list(): readonly Account[];
  get(name: string): Account | null;
  /** Calls `listener` after an account came, went or got another token or address; what it gives ends that. */
  onChange(listener: () => void): () => void;
}

/** Accounts that stay the same. */
export function fixedAccounts(...accounts: readonly Account[]): Accounts {
  return {
    list: () => accounts,
    get: (name) => accounts.find((account) => account.name === name) ?? null,
    onChange: () => () => {},
  };
}
