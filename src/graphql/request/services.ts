import type { BudgetSnapshot } from '../../abnormal/budget.js';
import { type AuditAction, audited } from '../../audit-trail.js';
import type { KeyRegistry } from '../../callers/api-keys.js';
import type { Thresholds } from '../../controls/thresholds.js';
import type { HistoryError } from '../../history/errors.js';
import type { HistoryStore } from '../../history/store.js';
import type { Accounts } from '../../integrations/accounts.js';
import { VaultError, type VaultErrorCode } from '../../integrations/vault.js';
import type { Log } from '../../log.js';
import type { Live } from '../../sync/sync.js';
import { type Caller, LOCAL_CALLER, type Role } from '../../values/access.js';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import { type Instant, toInstant, toMillis } from '../../values/instant.js';
import { badInput, type ErrorCode, queryError } from '../base/errors.js';
import type { Admission } from '../operation/analyse-operation.js';
import { CacheDependencies } from '../operation/response-cache.js';
import { createLoaders, type Loaders } from './loaders.js';
import { NotPossibleError, type Operations } from './operations.js';

export interface ContextOptions {
  readonly store: HistoryStore;
  /** The accounts that this process reads, as they come and go. */
  readonly accounts: Accounts;
  readonly live: Live;
  /** How old an answer may be when the caller says nothing, in milliseconds. */
  readonly defaultMaxAgeMs: number;
  /** The wall clock, in milliseconds since the epoch. */
  readonly clock: () => number;
  /** The request budgets by integration, where this process reads Abnormal. */
  readonly budgets?: ReadonlyMap<string, { snapshot(): BudgetSnapshot }>;
  /** What controls are judged by; the defaults when not given. */
  readonly thresholds?: Thresholds;
  /** What may be done to the accounts, where this process reads Abnormal. */
  readonly operations?: Operations;
  /** The keys that callers show, where there are any to be had. */
  readonly keys?: KeyRegistry;
  readonly log: Log;
}

/** What a request brings along. */
export interface RequestInfo {
  readonly caller: Caller;
  /** Ends the upstream work that the request caused. */
  readonly signal?: AbortSignal | undefined;
  /** What the operation was admitted with; without it nothing is said of its cost. */
  readonly admission?: Admission | undefined;
}

/** What reads of one request are made with. */
export class RequestServices {
  readonly requestedAt: Instant;
  /** Times that Abnormal was asked for this request. */
  liveReads = 0;
  private loadersMade: Loaders | null = null;

  constructor(
    private readonly options: ContextOptions,
    private readonly request: RequestInfo | undefined,
    /** What outlives the request: how fresh lists are known to be. */
    readonly listFreshness: KnownFreshness,
  ) {
    this.requestedAt = this.now();
  }

  now(): Instant {
    return toInstant(this.options.clock());
  }

  get store(): HistoryStore {
    return this.options.store;
  }

  get accounts(): Accounts {
    return this.options.accounts;
  }

  get live(): Live {
    return this.options.live;
  }

  get defaultMaxAgeMs(): number {
    return this.options.defaultMaxAgeMs;
  }

  get keys(): KeyRegistry | undefined {
    return this.options.keys;
  }

  get budgets(): ContextOptions['budgets'] {
    return this.options.budgets;
  }

  get thresholds(): ContextOptions['thresholds'] {
    return this.options.thresholds;
  }

  get operations(): Operations | null {
    return this.options.operations ?? null;
  }

  get signal(): AbortSignal | undefined {
    return this.request?.signal;
  }

  get admission(): Admission | undefined {
    return this.request?.admission;
  }

  /** Who asks; without a request, this process itself. */
  get caller(): Caller {
    return this.request?.caller ?? LOCAL_CALLER;
  }

  /** Made when first needed: many an answer needs none. */
  get loaders(): Loaders {
    this.loadersMade ??= createLoaders(this.options.store);
    return this.loadersMade;
  }
}

/**
 * What resolvers work with; one for each request, and the only way by which anything of the request or of the
 * moment reaches them. That is what makes it known which answers may serve again: see `CacheDependencies`.
 */
export class GatewayContext {
  readonly reads = new CacheDependencies();
  /** Records that a list has left out since they are damaged; each becomes an error of the answer. */
  readonly damaged: HistoryError[] = [];

  constructor(private readonly own: RequestServices) {}

  /** For a read like any other. */
  get services(): RequestServices {
    this.reads.markUncacheable();
    return this.own;
  }

  /** Who asks; for the log, not for what an answer says. */
  get caller(): Caller {
    return this.own.caller;
  }

  /** What the caller may see, which may decide what an answer says: those given again are kept by it. */
  get role(): Role {
    return this.own.caller.role;
  }

  /** Ended when the caller has gone, or has waited for as long as it may. */
  get signal(): AbortSignal | undefined {
    return this.own.signal;
  }

  get admission(): Admission | undefined {
    return this.own.admission;
  }

  /**
   * For a read that is noted in `reads`, and for one at the `seq` of a list's node, which changes only if what is
   * noted of the list does.
   */
  get trackedServices(): RequestServices {
    return this.own;
  }
}

/** When lists were last known to be whole, and the newest `seq` then: once there is a newer one, it is looked up. */
type KnownFreshness = BoundedCache<{ readonly verifiedAt: Instant; readonly head: number }>;

/** Makes the maker of contexts. Loaders are fresh in each. */
export function createContextFactory(options: ContextOptions): (request?: RequestInfo) => GatewayContext {
  const listFreshness: KnownFreshness = new BoundedCache('listFreshness', ({ verifiedAt }) =>
    textBytes(verifiedAt),
  );
  return (request) => new GatewayContext(new RequestServices(options, request, listFreshness));
}

/** Every integration there is: those this process reads, and those that the history has read. */
export async function integrationNames(services: RequestServices): Promise<string[]> {
  const streams = await services.loaders.current.streams();
  const names = [...services.accounts.list().map(({ name }) => name), ...streams.map((s) => s.integration)];
  return [...new Set(names)].sort();
}

/** Checks the integrations that a list is asked for; `null` is all of them. */
export async function checkIntegrations(
  services: RequestServices,
  names: readonly string[] | null | undefined,
): Promise<readonly string[] | null> {
  if (!names) return null;
  if (names.every((name) => isAccount(services, name))) return [...new Set(names)].sort();
  const known = await integrationNames(services);
  for (const name of names) if (!known.includes(name)) throw unknown(name, known);
  return [...new Set(names)].sort();
}

/** The integration that a record is asked for in; it need not be named where there is but one. */
export async function chooseIntegration(
  services: RequestServices,
  name: string | null | undefined,
): Promise<string> {
  if (name && isAccount(services, name)) return name;
  const known = await integrationNames(services);
  if (name && known.includes(name)) return name;
  if (name) throw unknown(name, known);
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw badInput(`There are several integrations. Pass "integration" with one of ${known.join(', ')}.`);
}

function isAccount(services: RequestServices, name: string): boolean {
  return services.accounts.get(name) !== null;
}

function unknown(name: string, known: readonly string[]) {
  return badInput(
    `There is no integration ${JSON.stringify(name)}. Known integrations: ${known.join(', ') || 'none'}.`,
  );
}

/** What somebody asks the gateway to do. */
export interface Deed<T> {
  readonly action: AuditAction;
  /** What it is done to, for the audit trail. */
  readonly target: string | null;
  readonly work: (operations: Operations) => Promise<T>;
  /** What came of it, for the audit trail. */
  readonly detailOf?: (result: T) => string | null;
}

/** Does it and writes down who did, and what came of it. What is refused is an error for the caller. */
export async function runAudited<T>(
  services: RequestServices,
  { action, target, work, detailOf }: Deed<T>,
): Promise<T> {
  const { operations, store, caller } = services;
  if (!operations)
    throw queryError('NOT_POSSIBLE', 'This gateway serves a history and is not connected to any account.');
  const trail = { store, clock: () => toMillis(services.now()) };
  try {
    return await audited(trail, { caller, action, target }, () => work(operations), detailOf);
  } catch (error) {
    if (error instanceof NotPossibleError) throw queryError('NOT_POSSIBLE', error.message);
    if (error instanceof VaultError) throw queryError(CODES[error.code] ?? 'BAD_USER_INPUT', error.message);
    throw error;
  }
}

const CODES: Partial<Record<VaultErrorCode, ErrorCode>> = {
  NO_KEY: 'NOT_POSSIBLE',
  NOT_OPENED: 'NOT_POSSIBLE',
  BUSY: 'NOT_POSSIBLE',
};
