import type { BudgetSnapshot } from '../abnormal/budget.js';
import type { HistoryStore } from '../history/store.js';
import type { Account } from '../integrations/account.js';
import { createLoaders, type Loaders } from '../loaders/loaders.js';
import type { Log } from '../log.js';
import { type Instant, toInstant } from '../model/instant.js';
import type { Live } from '../sync/freshness.js';

export interface ContextOptions {
  readonly store: HistoryStore;
  /** The accounts that this process reads. */
  readonly accounts: readonly Account[];
  readonly live: Live;
  /** How old an answer may be when the caller says nothing, in milliseconds. */
  readonly defaultMaxAgeMs: number;
  /** The wall clock, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** The request budgets by integration, where this process reads Abnormal. */
  readonly budgets?: ReadonlyMap<string, { snapshot(): BudgetSnapshot }>;
  readonly log: Log;
}

/** What a request brings along. */
export interface RequestInfo {
  /** Ends the upstream work that the request caused. */
  readonly signal?: AbortSignal | undefined;
}

/** What resolvers work with; one for each request. */
export interface GatewayContext extends Omit<ContextOptions, 'clock'> {
  readonly now: () => Instant;
  readonly requestedAt: Instant;
  readonly signal: AbortSignal | undefined;
  readonly loaders: Loaders;
}

/** Makes the maker of contexts. Loaders are fresh in each, so nothing read is shared between callers. */
export function createContextFactory(options: ContextOptions): (request?: RequestInfo) => GatewayContext {
  const now = () => toInstant(options.clock());
  return (request) => ({
    ...options,
    now,
    requestedAt: now(),
    signal: request?.signal,
    loaders: createLoaders(options.store),
  });
}
