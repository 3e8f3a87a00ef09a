import type { AbnormalClient } from '../abnormal/client.js';
import type { Origin } from '../model/revision.js';

export interface Account {
  /** Part of every key and global id. */
  readonly name: string;
  readonly origin: Origin;
  readonly baseUrl: string;
  readonly client: AbnormalClient;
}

export interface Accounts {
  /** Sorted by name. */
  list(): readonly Account[];
  get(name: string): Account | null;
  /** Calls `listener` when an account is added, removed or changed; returns a function that ends this. */
  onChange(listener: () => void): () => void;
}

export const ENVIRONMENT_ACCOUNT = 'default';
export const SIMULATED_ACCOUNT = 'simulated';
