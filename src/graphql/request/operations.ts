import type { IntegrationTest } from '../../integrations/connection-test.js';
import type { Address, NewIntegration } from '../../integrations/vault.js';
import type { Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import type { Secret } from '../../values/secret.js';

export interface IntegrationDetails {
  readonly name: string;
  /** `null` for the environment's account. */
  readonly createdAt: Instant | null;
  /** The last four characters; `null` if the token is too short to show any. */
  readonly tokenHint: string | null;
}

/** `null`: all. */
export interface Wanted {
  readonly integrations: readonly string[] | null;
  readonly resources: readonly Resource[] | null;
}

export interface PolledSource {
  readonly integration: string;
  readonly resource: Resource;
  readonly runId: string | null;
  readonly isFinished: boolean;
}

/** The runs so far, or all of them. */
export interface ReconciledSoFar {
  readonly isFinished: boolean;
  readonly runIds: readonly string[];
}

/** How long a caller waits for work that continues without it. */
export interface Patience {
  readonly waitMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * What a caller may do with the accounts that this process reads. Refusals are a `VaultError` or a `NotPossibleError`.
 */
export interface Operations {
  /** By the name of the account. */
  details(): Promise<ReadonlyMap<string, IntegrationDetails>>;
  connect(integration: NewIntegration): Promise<void>;
  update(name: string, address: Address, token: Secret): Promise<void>;
  rotate(name: string, token: Secret): Promise<void>;
  remove(name: string): Promise<void>;
  test(name: string, signal?: AbortSignal): Promise<IntegrationTest>;
  poll(wanted: Wanted, patience: Patience): Promise<readonly PolledSource[]>;
  reconcile(
    span: Wanted & { readonly from: Instant | null; readonly to: Instant | null },
    patience: Patience,
  ): Promise<ReconciledSoFar>;
}

/** The current configuration does not allow this; the message says why, and what to change. */
export class NotPossibleError extends Error {
  override readonly name = 'NotPossibleError';
}
