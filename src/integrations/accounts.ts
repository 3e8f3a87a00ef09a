import type { AbnormalClient } from '../abnormal/client.js';
import type { Origin } from '../model/revision.js';

/** An Abnormal account that this process can read. */
export interface Account {
  /** The integration's name, part of every key and every global id. */
  readonly name: string;
  readonly origin: Origin;
  /** Where it is read from, without credentials. */
  readonly baseUrl: string;
  readonly client: AbnormalClient;
}

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

/** What the environment's account is called in keys and global ids. */
export const ENVIRONMENT_ACCOUNT = 'default';
/** What the built-in simulated tenant is called. */
export const SIMULATED_ACCOUNT = 'simulated';
