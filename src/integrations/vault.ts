import type { Instant } from '../values/instant.js';
import type { Secret } from '../values/secret.js';
import type { Region } from './address.js';
import type { StoredIntegration } from './stored-integration.js';

/** Where an integration is read from: a region, or an address of its own; the US region unless given. */
export interface Address {
  readonly region?: Region | undefined;
  readonly baseUrl?: string | undefined;
}

/** What Abnormal says of a token. */
export interface TokenTimes {
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** What it may do; absent where Abnormal does not say. */
  readonly permissions?: readonly string[] | undefined;
}

export interface NewIntegration extends Address {
  readonly name: string;
  readonly token: Secret;
}

/**
 * The integrations that are kept, each with its token, which is write-only: it is sealed under
 * `ENCRYPTION_KEY`, bound to its integration's name and address. Every refusal is a `VaultError`.
 */
export interface Vault {
  /** By name. */
  list(): Promise<StoredIntegration[]>;
  /** `null` where there is none. */
  get(name: string): Promise<StoredIntegration | null>;
  /** Refuses what `add` would refuse, before anybody is asked for a token; gives the address that is meant. */
  prepare(name: string, address: Address): Promise<string>;
  add(integration: NewIntegration): Promise<StoredIntegration>;
  /** The address that is meant, as it is kept. */
  resolve(address: Address): string;
  /**
   * Another address, with a token for it: a token is never sent elsewhere than where whoever gave it said,
   * and Abnormal's tokens work in one region only.
   */
  update(name: string, address: Address, token: Secret): Promise<StoredIntegration>;
  /** Whether it is the very token that is stored; false if that does not open. */
  holds(name: string, token: Secret): Promise<boolean>;
  /** Another token for the same address; `BAD_TOKEN` for the one that is there already. */
  rotate(name: string, token: Secret): Promise<StoredIntegration>;
  /** Notes what Abnormal says of the token stored at `storedAt`; nothing happens when another is there by now. */
  noteTimes(name: string, storedAt: Instant, times: TokenTimes): Promise<void>;
  /** Forgets the token. What was recorded of the integration stays in the history. */
  remove(name: string): Promise<void>;
  /**
   * The token, which only `integrations/` and the client's request may look into. With `storedAt`, that very one:
   * `BUSY` when another is there by now, which may be meant for another address.
   */
  reveal(name: string, storedAt?: Instant): Promise<Secret>;
  /** Seals every token under the current key; how many were under another. */
  reseal(): Promise<{ readonly resealed: number; readonly current: number }>;
  /** Throws a `VaultError` that says what to do when a stored token does not open. */
  check(): Promise<void>;
}
