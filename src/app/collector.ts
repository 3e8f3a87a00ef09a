import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Budget, createBudget } from '../abnormal/budget.js';
import type { UpstreamObserver } from '../abnormal/client.js';
import { type Config, DEFAULT_RPM } from '../config/config.js';
import { ConfigError } from '../config/reader.js';
import { openStore } from '../history/open-store.js';
import type { HistoryStore, OpenMode, ReadsFrom } from '../history/store.js';
import { type WriteWatch, watchWrites } from '../history/watch-writes.js';
import { ENVIRONMENT_ACCOUNT, SIMULATED_ACCOUNT } from '../integrations/accounts.js';
import { publicLookup } from '../integrations/address.js';
import {
  type AccountOptions,
  type LiveAccounts,
  type OpenAccount,
  openLiveAccounts,
  openUnstoredAccount,
  simulatedDataGuard,
} from '../integrations/live-accounts.js';
import { openVault, type Vault } from '../integrations/stored-vault.js';
import type { Log } from '../log.js';
import type { Resource } from '../resources/registry.js';
import type { Simulator, SimulatorOptions } from '../simulator/server.js';
import { DEFAULT_SYNC_SETTINGS, type SyncObserver, type SyncSettings } from '../sync/context.js';
import { createSync } from '../sync/create-sync.js';
import { createPoller, type Poller } from '../sync/schedule/poller.js';
import type { Sync } from '../sync/sync.js';
import { traced } from '../tracing.js';
import { Secret } from '../values/secret.js';
import type { DeliveryResult } from '../webhooks/deliveries.js';
import { createSealer, withSealing } from './sealing.js';
import { createWebhooks, type Webhooks } from './webhooks.js';

export interface AppOptions {
  readonly log: Log;
  readonly clock: () => number;
  /** Replaces the demo's tenant if no account is configured. */
  readonly simulator?: SimulatorOptions;
  readonly settings?: Partial<SyncSettings>;
}

export async function openHistory(
  { history }: Config,
  mode: OpenMode,
  { clock }: AppOptions,
  reads: ReadsFrom = 'primary',
): Promise<HistoryStore> {
  const store = await openStore(history, mode, { now: clock, reads });
  const [system = ''] = history.split(/[:+]/, 1);
  return traced(store, 'history', TRACED_CALLS, { 'db.system.name': system });
}

/** Those that a request or a poll waits for; the others walk through a whole history. */
const TRACED_CALLS = [
  ...(['record', 'head', 'pinAt', 'firstRecorded', 'get', 'page', 'count', 'statistics'] as const),
  ...(['recorded', 'referrers', 'revisions', 'countRevisions', 'changes', 'received', 'ledger'] as const),
  ...(['streams', 'runs', 'run', 'quarantine', 'document', 'documents', 'putDocument'] as const),
  ...(['append', 'journal', 'acquireLease'] as const),
];

interface Observers {
  upstream(integration: string): UpstreamObserver;
  readonly sync: SyncObserver;
  readonly webhooks?: (endpoint: string, result: DeliveryResult) => void;
}

export interface Collector {
  readonly store: HistoryStore;
  readonly writes: WriteWatch;
  readonly accounts: LiveAccounts;
  readonly vault: Vault;
  /** The account that is not stored: the environment's, or the simulated tenant. */
  readonly own: OpenAccount | null;
  readonly isSimulated: boolean;
  readonly sync: Sync;
  readonly webhooks: Webhooks;
  /** Names this process among those that poll. */
  readonly holder: string;
  close(): Promise<void>;
}

/** Throws a `ConfigError`, a `VaultError` or a `HistoryError`. */
export async function openCollector(
  config: Config,
  options: AppOptions,
  observers?: Observers,
  reads: ReadsFrom = 'primary',
): Promise<Collector> {
  const { clock, log } = options;
  const isRemote = !config.history.startsWith('sqlite:');
  const stores = await openStores(config, options, reads);
  const closeStores = () => closeAll(...stores.map((each) => () => each.close()));
  const [written, readable = written] = stores;
  const writes = watchWrites(written, { clock, log, isRemote, readable });
  const { store } = writes;
  try {
    const opened = await openAccounts(config, {
      ...options,
      store: writes.shown,
      observe: observers?.upstream,
    });
    const { accounts } = opened;
    const settings = settingsOf(config, options);
    const sealer = createSealer({ store, proof: config.proof, clock, log });
    const sync = withSealing(
      createSync({ store, accounts, settings, clock, log, observer: observers?.sync }),
      sealer,
    );
    const holder = holderOf(config);
    const parts = { store, config, accounts, holder, clock, log };
    const webhooks = createWebhooks({ ...parts, observe: observers?.webhooks });
    // seals what a killed process left unsealed
    void sealer.seal();
    const close = () => closeAll(sync.close, sealer.close, webhooks.flush, accounts.close, closeStores);
    return { ...opened, store, writes, sync, webhooks, holder, close };
  } catch (error) {
    await closeStores();
    throw error;
  }
}

/** What the collection writes to, and what callers read from: another one if secondaries may answer them. */
async function openStores(
  config: Config,
  options: AppOptions,
  reads: ReadsFrom,
): Promise<[HistoryStore, ...HistoryStore[]]> {
  const store = await openHistory(config, 'write', options);
  if (reads === 'primary' || config.history.startsWith('sqlite:')) return [store];
  try {
    return [store, await openHistory(config, 'read', options, reads)];
  } catch (error) {
    await store.close();
    throw error;
  }
}

function settingsOf({ poll }: Config, options: AppOptions): SyncSettings {
  return {
    ...DEFAULT_SYNC_SETTINGS,
    ingestionLagMs: poll.ingestionLag,
    rereadHorizonMs: poll.rereadHorizon,
    intervals: poll.every,
    collect: poll.collect,
    collectParts: poll.collectParts,
    backfillFrom: poll.backfillFrom,
    ...options.settings,
  };
}

/** Runs all steps in order; throws the first failure at the end. */
export async function closeAll(...steps: ((() => Promise<void>) | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step?.().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

interface Wanted {
  readonly resources?: readonly Resource[] | undefined;
  readonly integrations?: readonly string[] | undefined;
}

export function pollerOf(
  config: Config,
  { clock, log }: AppOptions,
  { store, accounts, sync, webhooks, holder }: Collector,
  { resources, integrations }: Wanted = {},
): Poller {
  return createPoller({
    ...{ sync, store, accounts, intervals: config.poll.every, clock, log },
    ...{ resources: resources ?? config.poll.collect, integrations },
    reconcileEveryMs: config.poll.reconcileEvery,
    holder,
    alongside: [webhooks],
  });
}

/** The successor of a SQLite writer may begin at once; MongoDB writers need distinct names. */
function holderOf({ history }: Config): string {
  return history.startsWith('sqlite:')
    ? 'writer'
    : `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}

/** How often to look for changes that another process made to the stored accounts. */
const LOOK_EVERY_MS = 3000;

/** The simulated tenant is this process, so it may exceed Abnormal's rate and the demo is ready sooner. */
const SIMULATED_RPM = 60_000;

interface AccountParts extends AppOptions {
  readonly store: HistoryStore;
  readonly observe?: AccountOptions['observe'];
}

type OpenAccounts = Pick<Collector, 'accounts' | 'vault' | 'own' | 'isSimulated'>;

/**
 * Opens the environment's account and the stored ones, or the simulated tenant if there are none. Throws a
 * `ConfigError` if simulated and real records would mix, and a `VaultError` if a stored token does not decrypt.
 */
async function openAccounts(config: Config, parts: AccountParts): Promise<OpenAccounts> {
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
  'no account is connected: the gateway serves recorded data and collects nothing. Connect an account with the command "integrations add" or the mutation connectIntegration';

function budgetOf({ upstream }: Config, byDefault: number, clock: () => number): Budget {
  return createBudget({ rpm: upstream.rpm ?? byDefault, concurrency: upstream.concurrency, clock });
}

/** An account will be added, which a history of simulated records would refuse. */
async function wantsTenant({ simulator, vault }: Config, store: HistoryStore): Promise<boolean> {
  if (simulator !== null) return simulator;
  return vault.encryptionKeys.length === 0 || (await simulatedDataGuard(store)) !== null;
}

async function openOwn(
  config: Config,
  { clock, log, simulator }: AccountParts,
  isSimulated: boolean,
  options: Omit<AccountOptions, 'budget'>,
): Promise<OpenAccount | null> {
  if (config.account !== null) {
    const budget = budgetOf(config, DEFAULT_RPM, clock);
    const account = { name: ENVIRONMENT_ACCOUNT, origin: 'ABNORMAL', ...config.account } as const;
    return openUnstoredAccount(account, { ...options, budget });
  }
  if (!isSimulated) return null;
  log.warn(
    'SIMULATED: no account is configured, so the built-in simulated tenant is used; all records are invented',
  );
  const budget = budgetOf(config, SIMULATED_RPM, clock);
  const { baseUrl, token, close } = await startTenant(simulator, clock);
  const account = {
    name: SIMULATED_ACCOUNT,
    origin: 'SIMULATED',
    baseUrl,
    token: new Secret(token),
    close,
  } as const;
  return openUnstoredAccount(account, { ...options, budget });
}

/** The simulator is loaded only if used, so that an image may omit it. */
async function startTenant(options: SimulatorOptions | undefined, clock: () => number): Promise<Simulator> {
  const [{ startSimulator }, { createTenant, demoTenant }] = await Promise.all([
    import('../simulator/server.js'),
    import('../simulator/tenant.js'),
  ]).catch((cause) => {
    throw new ConfigError(
      'No account is configured, and this installation does not include the simulated tenant. Set ABNORMAL_TOKEN, add an integration (integrations add), or set SIMULATOR=off.',
      { cause },
    );
  });
  return startSimulator(options ?? { tenant: createTenant(demoTenant(clock())), clock });
}

/** A report could not tell simulated records from real ones. */
async function refuseMixture(config: Config, store: HistoryStore, isSimulated: boolean): Promise<void> {
  if (!isSimulated) {
    const isToRead = config.account !== null || (await store.documents('integrations')).length > 0;
    const refusal = isToRead ? await simulatedDataGuard(store) : null;
    if (refusal === null) return;
    throw new ConfigError(refusal);
  }
  const other = (await store.streams()).find(({ integration }) => integration !== SIMULATED_ACCOUNT);
  if (!other) return;
  throw new ConfigError(
    `The history (${store.description}) contains records of the account "${other.integration}", but ABNORMAL_TOKEN is not set and no integration is stored. Set it or add an integration (integrations add), use another HISTORY for the simulated tenant, or serve the recorded data with SIMULATOR=off.`,
  );
}
