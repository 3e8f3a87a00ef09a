import { type Budget, createBudget } from '../abnormal/budget.js';
import { type Config, DEFAULT_RPM } from '../config/config.js';
import { ConfigError } from '../config/config-error.js';
import type { HistoryStore } from '../history/store.js';
import { type LiveAccounts, openLiveAccounts } from '../integrations/live-accounts.js';
import { refusalOfReal } from '../integrations/mixture.js';
import {
  type AccountOptions,
  type OpenAccount,
  openEnvironmentAccount,
  openSimulatedAccount,
  SIMULATED_ACCOUNT,
} from '../integrations/open-account.js';
import { openVault } from '../integrations/open-vault.js';
import { publicLookup } from '../integrations/public-lookup.js';
import type { Vault } from '../integrations/vault.js';
import { demoTenant } from '../simulator/demo.js';
import { createTenant } from '../simulator/tenant.js';
import type { AppOptions } from './collector.js';

/** How often it is looked whether somebody else, such as a command, has changed what is stored. */
const LOOK_EVERY_MS = 3000;

/** The simulated tenant is this process itself: it bears more than Abnormal allows, and the demo is there sooner. */
const SIMULATED_RPM = 60_000;

/** What accounts are opened with, besides what the configuration says. */
export interface AccountParts extends AppOptions {
  readonly store: HistoryStore;
  readonly observe?: AccountOptions['observe'];
}

/** The accounts that a process reads, and the vault that the stored ones are in. */
export interface OpenAccounts {
  readonly accounts: LiveAccounts;
  readonly vault: Vault;
  /** The account that is not stored. */
  readonly own: OpenAccount | null;
  /** Whether what is read is the simulated tenant: then no other account is. */
  readonly isSimulated: boolean;
}

/**
 * Opens the environment's account and the stored ones, or the simulated tenant where there are none. Throws a
 * `ConfigError` where invented records would get among an account's own, and a `VaultError` where a stored token
 * does not open.
 */
export async function openAccounts(config: Config, parts: AccountParts): Promise<OpenAccounts> {
  const { store, clock, log } = parts;
  const vault = await openVault(store, config.vault, clock);
  const stored = await vault.list();
  const isSimulated = config.account === null && stored.length === 0 && (await wantsTenant(config, store));
  await refuseMixture(config, store, isSimulated);
  const accountOptions = { timeoutMs: config.upstream.timeout, clock, log, observe: parts.observe };
  const budgetFor = () => budgetOf(config, DEFAULT_RPM, clock);
  const own = await openOwn(config, parts, isSimulated, accountOptions);
  try {
    const accounts = await openLiveAccounts({
      ...{ own, accountOptions, budgetFor, log },
      vault: isSimulated ? null : vault,
      lookup: config.vault.allowPrivate ? undefined : publicLookup,
      everyMs: LOOK_EVERY_MS,
    });
    if (accounts.list().length === 0) log.warn(NO_ACCOUNT);
    return { accounts, vault, own, isSimulated };
  } catch (error) {
    await own?.close();
    throw error;
  }
}

const NO_ACCOUNT =
  'there is no account to read yet: what is recorded is served, and nothing is collected. Connect one with the command "integrations add" or the mutation connectIntegration';

function budgetOf({ upstream }: Config, byDefault: number, clock: () => number): Budget {
  return createBudget({ rpm: upstream.rpm ?? byDefault, concurrency: upstream.concurrency, clock });
}

/** Whoever has set a key is about to connect an account, which could not come into a history of invented records. */
async function wantsTenant({ simulator, vault }: Config, store: HistoryStore): Promise<boolean> {
  if (simulator !== null) return simulator;
  return vault.encryptionKeys.length === 0 || (await refusalOfReal(store)) !== null;
}

async function openOwn(
  config: Config,
  { clock, log, simulator }: AccountParts,
  isSimulated: boolean,
  options: Omit<AccountOptions, 'budget'>,
): Promise<OpenAccount | null> {
  if (config.account !== null) {
    return openEnvironmentAccount(config.account, {
      ...options,
      budget: budgetOf(config, DEFAULT_RPM, clock),
    });
  }
  if (!isSimulated) return null;
  log.warn('SIMULATED: no account is configured, so this is a built-in tenant and every record is invented');
  const budget = budgetOf(config, SIMULATED_RPM, clock);
  return openSimulatedAccount(simulator ?? { tenant: createTenant(demoTenant(clock())), clock }, {
    ...options,
    budget,
  });
}

/** Invented records among an account's own, or the other way round, would never be told apart in a report. */
async function refuseMixture(config: Config, store: HistoryStore, isSimulated: boolean): Promise<void> {
  if (!isSimulated) {
    const isToRead = config.account !== null || (await store.documents('integrations')).length > 0;
    const refusal = isToRead ? await refusalOfReal(store) : null;
    if (refusal === null) return;
    throw new ConfigError(refusal);
  }
  const other = (await store.streams()).find(({ integration }) => integration !== SIMULATED_ACCOUNT);
  if (!other) return;
  throw new ConfigError(
    `The history (${store.description}) holds records of the account "${other.integration}", and ABNORMAL_TOKEN is not set, nor is an integration stored. Set it or add one (integrations add), give the simulated tenant a history of its own with HISTORY, or serve what is recorded with SIMULATOR=off.`,
  );
}
