import { openHistory } from '../app/collector.js';
import type { AuditAction } from '../audit-entry.js';
import { DEFAULT_RPM } from '../config/config.js';
import type { HistoryStore } from '../history/store.js';
import { ENVIRONMENT_ACCOUNT } from '../integrations/open-account.js';
import { vaultOf } from '../integrations/open-vault.js';
import { publicLookup } from '../integrations/public-lookup.js';
import type { IntegrationTest } from '../integrations/test-integration.js';
import { type TokenTestOptions, testToken } from '../integrations/test-token.js';
import type { Vault } from '../integrations/vault.js';
import { audited } from '../record-audit.js';
import { commandCaller } from './command-caller.js';
import type { Invocation } from './invocation.js';

/** What a command on integrations works with. */
export interface VaultWork extends Invocation {
  readonly store: HistoryStore;
  /** Unchecked: some commands are there to mend one that does not open. */
  readonly vault: Vault;
}

/** Opens the vault beside whoever collects into the same history, and closes it after the work. */
export async function withVault<T>(
  invocation: Invocation,
  work: (means: VaultWork) => Promise<T>,
): Promise<T> {
  const { config, clock } = invocation;
  const store = await openHistory(config, 'manage', invocation);
  try {
    return await work({ ...invocation, store, vault: vaultOf(store, config.vault, clock) });
  } finally {
    await store.close();
  }
}

/** Does something to an integration and writes down who did, and what came of it. */
export function auditedDeed<T>(
  { store, clock }: Pick<VaultWork, 'store' | 'clock'>,
  action: AuditAction,
  target: string | null,
  work: () => Promise<T>,
  detailOf?: (result: T) => string,
): Promise<T> {
  return audited({ store, clock }, { caller: commandCaller(), action, target }, work, detailOf);
}

/** Tests an address with a token, within the allowance that the configuration gives each account. */
export function tryToken(
  { config, clock, log, stop: signal }: Invocation,
  account: Pick<TokenTestOptions, 'name' | 'baseUrl' | 'token'>,
): Promise<IntegrationTest> {
  const { rpm, concurrency, timeout: timeoutMs } = config.upstream;
  // the environment's address is set by whoever runs the gateway
  const isFree = config.vault.allowPrivate || account.name === ENVIRONMENT_ACCOUNT;
  const lookup = isFree ? undefined : publicLookup;
  const allowance = { rpm: rpm ?? DEFAULT_RPM, concurrency, timeoutMs };
  return testToken({ ...account, ...allowance, lookup, clock, log, signal });
}
