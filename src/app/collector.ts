import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { UpstreamObserver } from '../abnormal/observer.js';
import type { Config } from '../config/config.js';
import { openStore } from '../history/open-store.js';
import type { HistoryStore, OpenMode } from '../history/store.js';
import { type WriteWatch, watchWrites } from '../history/watch-writes.js';
import type { LiveAccounts } from '../integrations/live-accounts.js';
import type { OpenAccount } from '../integrations/open-account.js';
import type { Vault } from '../integrations/vault.js';
import type { Log } from '../log.js';
import type { Resource } from '../resources/kind.js';
import type { SimulatorOptions } from '../simulator/server.js';
import { createSync, type Sync } from '../sync/create-sync.js';
import type { SyncObserver } from '../sync/observer.js';
import { createPoller, type Poller } from '../sync/schedule/poller.js';
import { DEFAULT_SYNC_SETTINGS, type SyncSettings } from '../sync/settings.js';
import { openAccounts } from './open-accounts.js';
import { createSealer, withSealing } from './sealer.js';

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

/** What collects: a history open for writing, the accounts, and the sync between them. */
export interface Collector {
  readonly store: HistoryStore;
  /** Whether what is written to it succeeds. */
  readonly writes: WriteWatch;
  readonly accounts: LiveAccounts;
  readonly vault: Vault;
  /** The account that is not stored: the environment's, or the simulated tenant. */
  readonly own: OpenAccount | null;
  /** Whether what is read is the simulated tenant: then no other account is. */
  readonly isSimulated: boolean;
  readonly sync: Sync;
  /** Ends what is under way and closes everything, in that order. */
  close(): Promise<void>;
}

/** Opens everything that collecting needs. Throws a `ConfigError`, a `VaultError` or a `HistoryError`. */
export async function openCollector(
  config: Config,
  options: AppOptions,
  observers?: Observers,
): Promise<Collector> {
  const { clock, log } = options;
  const writes = watchWrites(await openHistory(config, 'write', options), { clock, log });
  const { store } = writes;
  try {
    const opened = await openAccounts(config, { ...options, store, observe: observers?.upstream });
    const { accounts } = opened;
    const settings = settingsOf(config, options);
    const sealer = createSealer({ store, proof: config.proof, clock, log });
    const sync = withSealing(
      createSync({ store, accounts, settings, clock, log, observer: observers?.sync }),
      sealer,
    );
    // what a process that was killed has left unsealed
    void sealer.seal();
    const close = () => closeAll(sync.close, sealer.close, accounts.close, () => store.close());
    return { ...opened, store, writes, sync, close };
  } catch (error) {
    await closeAll(() => store.close());
    throw error;
  }
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

/** Runs each in turn, whether or not those before it failed; throws the first failure at the end. */
export async function closeAll(...steps: ((() => Promise<void>) | undefined)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const step of steps) await step?.().catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** Only what is named, of accounts and of resources. */
export interface Wanted {
  readonly resources?: readonly Resource[] | undefined;
  readonly integrations?: readonly string[] | undefined;
}

/** What polls in intervals: every account and every resource, unless some are named. */
export function pollerOf(
  config: Config,
  { clock, log }: AppOptions,
  { store, accounts, sync }: Collector,
  { resources, integrations }: Wanted = {},
): Poller {
  return createPoller({
    ...{ sync, store, accounts, intervals: config.poll.every, clock, log },
    ...{ resources, integrations },
    reconcileEveryMs: config.poll.reconcileEvery,
    holder: holderOf(config),
  });
}

/** A SQLite history has one writer, which may follow a killed one at once; those of a MongoDB history are told apart. */
function holderOf({ history }: Config): string {
  return history.startsWith('sqlite:')
    ? 'writer'
    : `${hostname()}-${process.pid}-${randomUUID().slice(0, 8)}`;
}
