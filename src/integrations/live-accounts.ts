import type { LookupFunction } from 'node:net';
import type { Budget } from '../abnormal/budget.js';
import type { AbnormalClient, UpstreamObserver } from '../abnormal/client.js';
import { UpstreamError } from '../abnormal/errors.js';
import { createAbnormalClient } from '../abnormal/rest-client.js';
import type { HistoryStore } from '../history/store.js';
import type { Log } from '../log.js';
import type { Secret } from '../values/secret.js';
import { type Account, type Accounts, SIMULATED_ACCOUNT } from './accounts.js';
import type { Vault } from './stored-vault.js';
import { hintOf, type StoredIntegration } from './vault.js';

export interface AccountOptions {
  readonly budget: Budget;
  readonly timeoutMs: number;
  readonly clock: () => number;
  readonly log: Log;
  readonly observe?: ((integration: string) => UpstreamObserver) | undefined;
}

export interface OpenAccount {
  readonly account: Account;
  readonly budget: Budget;
  /** The last four characters; `null` if there is no token, or a short one. */
  readonly tokenHint: string | null;
  close(): Promise<void>;
}

interface UnstoredAccount extends Pick<Account, 'name' | 'origin' | 'baseUrl'> {
  readonly token: Secret;
  /** Closes what serves the account, if this process does. */
  readonly close?: () => Promise<void>;
}

export function openUnstoredAccount(
  { token, close, ...named }: UnstoredAccount,
  options: AccountOptions,
): OpenAccount {
  const observer = options.observe?.(named.name);
  const { baseUrl } = named;
  const client = createAbnormalClient({ ...options, baseUrl, token: () => token.reveal(), observer });
  return {
    account: { ...named, client },
    budget: options.budget,
    tokenHint: named.origin === 'ABNORMAL' ? hintOf(token) || null : null,
    close: async () => {
      client.close();
      await close?.();
    },
  };
}

/**
 * Why an account's records may not be added to a history: it contains simulated ones, which a report could
 * not tell apart. `null` if they may.
 */
export async function simulatedDataGuard(
  store: Pick<HistoryStore, 'streams' | 'description'>,
): Promise<string | null> {
  const streams = await store.streams();
  if (!streams.some(({ integration }) => integration === SIMULATED_ACCOUNT)) return null;
  return `The history (${store.description}) contains records of the simulated tenant, which cannot be mixed with records of an account. Set another HISTORY for your account.`;
}

interface LiveAccountsOptions {
  /** `null` next to the simulated tenant, where no stored integration is read. */
  readonly vault: Pick<Vault, 'list' | 'reveal'> | null;
  readonly own: OpenAccount | null;
  readonly accountOptions: Omit<AccountOptions, 'budget'>;
  /** Resolves the hosts of stored accounts, and may refuse them. */
  readonly lookup?: LookupFunction | undefined;
  readonly budgetFor: (name: string) => Budget;
  readonly everyMs: number;
  readonly log: Log;
}

interface Held {
  account: Account;
  readonly client: DrainingClient;
  readonly budget: Budget;
  secret: Secret;
  storedAt: string;
}

/** Opens the stored accounts and refreshes them. What cannot be opened is logged once and left out. */
export async function openLiveAccounts(options: LiveAccountsOptions): Promise<LiveAccounts> {
  const accounts = new LiveAccounts(options);
  await accounts.refresh();
  accounts.keepLooking();
  return accounts;
}

/** The accounts that this process reads, as they are now. */
export class LiveAccounts implements Accounts {
  private readonly held = new Map<string, Held>();
  /** Includes removed accounts: one that returns does not get a new minute. */
  private readonly known = new Map<string, Budget>();
  /** The request budgets by account; an account keeps its budget when its token or address changes. */
  readonly budgets = new Map<string, Budget>();
  private readonly listeners = new Set<() => void>();
  private readonly draining = new Set<Promise<void>>();
  private readonly complaints = new Map<string, string>();
  private looking: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | null = null;
  private all: readonly Account[] = [];

  constructor(private readonly options: LiveAccountsOptions) {
    this.arrange();
  }

  list(): readonly Account[] {
    return this.all;
  }

  get(name: string): Account | null {
    return this.all.find((account) => account.name === name) ?? null;
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  refresh(): Promise<void> {
    // serialised, so that no refresh works with the changes of another
    const next = this.looking.catch(() => undefined).then(() => this.look());
    this.looking = next;
    return next;
  }

  keepLooking(): void {
    const { vault, everyMs, log } = this.options;
    if (vault === null) return;
    this.timer = setInterval(() => {
      this.refresh().catch((error: unknown) =>
        log.warn({ err: error }, 'the stored integrations cannot be read'),
      );
    }, everyMs);
    this.timer.unref();
  }

  readonly close = async (): Promise<void> => {
    if (this.timer) clearInterval(this.timer);
    await this.looking.catch(() => undefined);
    for (const { client } of this.held.values()) client.close();
    await Promise.all([...this.draining]);
    await this.options.own?.close();
  };

  private async look(): Promise<void> {
    const { vault } = this.options;
    if (vault === null) return;
    const stored = (await vault.list()).filter(({ name }) => name !== this.options.own?.account.name);
    let hasChanged = this.dropAllBut(stored.map(({ name }) => name));
    for (const each of stored) {
      const change = await this.take(vault, each).catch((error: unknown) => this.complain(each, error));
      hasChanged ||= change;
    }
    if (hasChanged) this.announce();
  }

  private async take(vault: Pick<Vault, 'reveal'>, stored: StoredIntegration): Promise<boolean> {
    const { name, baseUrl, token } = stored;
    const held = this.held.get(name);
    if (held?.account.baseUrl === baseUrl && held.storedAt === token.storedAt) return false;
    const secret = await vault.reveal(name, token.storedAt);
    this.complaints.delete(name);
    if (held?.account.baseUrl === baseUrl) {
      Object.assign(held, { secret, storedAt: token.storedAt, account: { ...held.account } });
    } else {
      if (held) this.letGo(held);
      this.held.set(name, this.open(name, baseUrl, secret, token.storedAt));
    }
    return true;
  }

  private open(name: string, baseUrl: string, secret: Secret, storedAt: string): Held {
    const budget = this.known.get(name) ?? this.options.budgetFor(name);
    this.known.set(name, budget);
    const { observe, ...parts } = this.options.accountOptions;
    const token = () => held.secret.reveal();
    const { lookup } = this.options;
    const options = { ...parts, budget, baseUrl, token, lookup, observer: observe?.(name) };
    const client = drainingClient(createAbnormalClient(options));
    const account: Account = { name, origin: 'ABNORMAL', baseUrl, client };
    const held: Held = { account, client, budget, secret, storedAt };
    return held;
  }

  private dropAllBut(names: readonly string[]): boolean {
    const gone = [...this.held].filter(([name]) => !names.includes(name));
    for (const [name, held] of gone) {
      this.held.delete(name);
      this.letGo(held);
    }
    return gone.length > 0;
  }

  private letGo({ client }: Held): void {
    const end = client.drain().finally(() => this.draining.delete(end));
    this.draining.add(end);
  }

  private complain({ name }: StoredIntegration, error: unknown): boolean {
    const message = error instanceof Error ? error.message : String(error);
    if (this.complaints.get(name) !== message) this.options.log.error({ integration: name }, message);
    this.complaints.set(name, message);
    return false;
  }

  private announce(): void {
    this.arrange();
    this.options.log.info({ integrations: this.all.map(({ name }) => name) }, 'the accounts have changed');
    for (const listener of [...this.listeners]) listener();
  }

  private arrange(): void {
    const { own } = this.options;
    const all = [...(own ? [own.account] : []), ...[...this.held.values()].map(({ account }) => account)];
    this.all = all.sort((a, b) => (a.name < b.name ? -1 : 1));
    this.budgets.clear();
    if (own) this.budgets.set(own.account.name, own.budget);
    for (const [name, { budget }] of this.held) this.budgets.set(name, budget);
  }
}

interface DrainingClient extends AbnormalClient {
  /** Refuses new requests as `CANCELLED`, and closes when the current ones have ended. */
  drain(): Promise<void>;
}

function drainingClient(client: AbnormalClient): DrainingClient {
  const underway = new Set<Promise<unknown>>();
  let isDraining = false;

  function call<T>(begin: () => Promise<T>): Promise<T> {
    if (isDraining) return Promise.reject(new UpstreamError('CANCELLED', 'The account is no longer read.'));
    const result = begin();
    const settled = result.then(
      () => void underway.delete(settled),
      () => void underway.delete(settled),
    );
    underway.add(settled);
    return result;
  }

  return {
    list: (...args) => call(() => client.list(...args)),
    detail: (...args) => call(() => client.detail(...args)),
    threatLog: (...args) => call(() => client.threatLog(...args)),
    tokens: (...args) => call(() => client.tokens(...args)),
    close: () => client.close(),
    async drain() {
      isDraining = true;
      await Promise.all(underway);
      client.close();
    },
  };
}
