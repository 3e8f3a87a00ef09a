import type { IntegrationTest } from '../../integrations/connection-test.js';
import type { Address, NewIntegration } from '../../integrations/vault.js';
import type { Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import type { Secret } from '../../values/secret.js';

/** What may be known of an account besides how its token stands. */
export interface KeptIntegration {
  readonly name: string;
  /** When it was connected; `null` for the environment's account. */
  readonly createdAt: Instant | null;
  /** The token's last four characters; `null` where it is too short to show any. */
  readonly tokenHint: string | null;
}

/** Only what is named, of accounts and of resources; all, where nothing is. */
export interface Wanted {
  readonly integrations: readonly string[] | null;
  readonly resources: readonly Resource[] | null;
}

/** How the poll of one resource of one account stands. */
export interface PolledSource {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string | null;
  readonly isFinished: boolean;
}

/** How a reconciliation stands: its runs so far, or all of them. */
export interface ReconciledSoFar {
  readonly isFinished: boolean;
  readonly runIds: readonly string[];
}

/** How long whoever asks waits for work that goes on without them. */
export interface Patience {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What can be done to the accounts, and with them, where this process reads Abnormal. Refusals are a `VaultError`
 * or a `NotPossibleError`.
 */
export interface Operations {
  /** Of the accounts that this process reads, by name. */
  kept(): Promise<ReadonlyMap<string, KeptIntegration>>;
  connect(integration: NewIntegration): Promise<void>;
  update(name: string, address: Address, token: Secret): Promise<void>;
  rotate(name: string, token: Secret): Promise<void>;
  remove(name: string): Promise<void>;
  /** Tries what an account is read by; see `testIntegration`. */
  test(name: string, signal?: AbortSignal): Promise<IntegrationTest>;
  poll(wanted: Wanted, patience: Patience): Promise<readonly PolledSource[]>;
  reconcile(
    span: Wanted & { readonly from: Instant | null; readonly to: Instant | null },
    patience: Patience,
  ): Promise<ReconciledSoFar>;
}

/** What was asked cannot be done as the gateway stands; the message says why, and what to change. */
export class NotPossibleError extends Error {
  override readonly name = 'NotPossibleError';
}
