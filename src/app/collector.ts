import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Budget, createBudget } from '../abnormal/budget.js';
import type { UpstreamObserver } from '../abnormal/observer.js';
import { ConfigError } from '../config/config-error.js';
import { type Config, DEFAULT_RPM } from '../config.js';
import { openStore } from '../history/open-store.js';
import type { HistoryStore, OpenMode } from '../history/store.js';
import type { Account } from '../integrations/account.js';
import { fixedAccounts } from '../integrations/accounts.js';
import {
  type AccountOptions,
  type OpenAccount,
  openEnvironmentAccount,
  openSimulatedAccount,
  SIMULATED_ACCOUNT,
} from '../integrations/open-account.js';
import type { Log } from '../log.js';
import type { Resource } from '../model/kind.js';
import { demoTenant } from '../simulator/demo.js';
import type { SimulatorOptions } from '../simulator/server.js';
import { createTenant } from '../simulator/tenant.js';
import { createSync, type Sync } from '../sync/create-sync.js';
import type { SyncObserver } from '../sync/observer.js';
import { createPoller } from '../sync/poller.js';
import { DEFAULT_SYNC_SETTINGS, type SyncSettings } from '../sync/settings.js';

/** What the surroundings give, and what tests put in the place of the usual. */
export interface AppOptions {
  readonly log: Log;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** In place of the demo's tenant, when no account is configured. */
  readonly simulator?: SimulatorOptions;
  /** In place of what the configuration says, for what it does not name. */
  readonly settings?: Partial<SyncSettings>;
}

/** Opens the history that the configuration names. */
export function openHistory(config: Config, mode: OpenMode, { clock }: AppOptions): Promise<HistoryStore> {
  return openStore(config.history, mode, { now: clock });
}

/** Told of what a collector does, to count it. */
export interface Observers {
  upstream(integration: string): UpstreamObserver;
  readonly sync: SyncObserver;
}

/** What collects: a history open for writing, the account, and the sync between them. */
export interface Collector {
  readonly store: HistoryStore;
  readonly account: Account;
  readonly budget: Budget;
  readonly sync: Sync;
  /** Ends what is under way and closes everything, in that order. */
  close(): Promise<void>;
}

/** Opens everything that collecting needs. Throws a `ConfigError` or a `HistoryError`. */
export async function openCollector(
  config: Config,
  options: AppOptions,
  observers?: Observers,
): Promise<Collector> {
  const { clock, log } = options;
  const store = await openHistory(config, 'write', options);
  let open: OpenAccount | null = null;
  try {
    const budget = createBudget({ rpm: rpmOf(config), concurrency: config.upstream.concurrency, clock });
    const parts = { budget, timeoutMs: config.upstream.timeout, clock, log };
    open = await openAccount(config, options, { ...parts, observe: observers?.upstream });
    const { account } = open;
    await refuseMixture(store, account);
    const sync = createSync({
      store,
      accounts: fixedAccounts(account),
      settings: settingsOf(config, options),
      clock,
      log,
      observer: observers?.sync,
    });
    return {
      store,
      account,
      budget,
      sync,
      close: () => closeAll(sync.close, open?.close, () => store.close()),
    };
  } catch (error) {
    await closeAll(open?.close, () => store.close());
    throw error;
  }
}

/** The simulated tenant is this process itself: it bears more than Abnormal allows, and the demo is there sooner. */
const SIMULATED_RPM = 60_000;

function rpmOf({ account, upstream }: Config): number {
  return upstream.rpm ?? (account === null ? SIMULATED_RPM : DEFAULT_RPM);
}

async function openAccount(config: Config, options: AppOptions, parts: AccountOptions): Promise<OpenAccount> {
  if (config.account !== null) return openEnvironmentAccount(config.account, parts);
  const { clock, log } = options;
  const simulator = options.simulator ?? { tenant: createTenant(demoTenant(clock())), clock };
  log.warn('SIMULATED: no ABNORMAL_TOKEN is set, so this is a built-in tenant and every record is invented');
  return openSimulatedAccount(simulator, parts);
}

function settingsOf({ poll }: Config, options: AppOptions): SyncSettings {
  return {
    ...DEFAULT_SYNC_SETTINGS,
    ingestionLagMs: poll.ingestionLag,
    rereadHorizonMs: poll.rereadHorizon,
    intervals: poll.every,
    backfillFrom: poll.backfillFrom,
    ...options.settings,
  };
}

/** Invented records among an account's own, or the other way round, would never be told apart in a report. */
async function refuseMixture(store: HistoryStore, account: Account): Promise<void> {
  const isSimulated = account.name === SIMULATED_ACCOUNT;
  const streams = await store.streams();
  const other = streams.find(({ integration }) => (integration === SIMULATED_ACCOUNT) !== isSimulated);
  if (!other) return;
  throw new ConfigError(
    isSimulated
      ? `The history (${store.description}) holds records of the account "${other.integration}", and ABNORMAL_TOKEN is not set. Set it, or give the simulated tenant a history of its own with HISTORY.`
      : `The history (${store.description}) holds records of the simulated tenant, and ABNORMAL_TOKEN is set. Give your account a history of its own with HISTORY.`,
  );
}

/** Runs each in turn, whether or not those before it failed; throws the first failure at the end. */
export async function closeAll(...steps: ((() => Promise<void>) | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step?.().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}
/** Polls in intervals, all resources unless some are named, until the signal fires. */
export function pollUntil(
  signal: AbortSignal,
  config: Config,
  { clock, log }: AppOptions,
  { store, account, sync }: Collector,
  resources?: readonly Resource[],
): Promise<void> {
  const poller = createPoller({
    ...{ sync, store, accounts: fixedAccounts(account), intervals: config.poll.every, clock, log },
    ...(resources ? { resources } : {}),
    reconcileEveryMs: config.poll.reconcileEvery,
    holder: holderOf(config),
  });
  return poller.run(signal);
}

/** A SQLite history has one writer, which may follow a killed one at once; those of a MongoDB history are told apart. */
function holderOf({ history }: Config): string {
  return history.startsWith('sqlite:')
    ? 'writer'
    : `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}
