import type { BudgetSnapshot } from '../../abnormal/budget.js';
import { type AuditAction, audited } from '../../audit-trail.js';
import type { KeyRegistry } from '../../callers/api-keys.js';
import type { HistoryError } from '../../history/errors.js';
import type { HistoryStore, Pin } from '../../history/store.js';
import type { Accounts } from '../../integrations/accounts.js';
import { VaultError, type VaultErrorCode } from '../../integrations/vault.js';
import type { Log } from '../../log.js';
import { applyPolicy, NO_POLICY, type Rules } from '../../policy/policy.js';
import type { Resource } from '../../resources/registry.js';
import type { Live } from '../../sync/sync.js';
import { type Caller, LOCAL_CALLER, type Role } from '../../values/access.js';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import { type Instant, toInstant, toMillis } from '../../values/instant.js';
import { badInput, queryError } from '../base/errors.js';
import type { Admission } from '../operation/analyse-operation.js';
import { CacheDependencies, namesOf } from '../operation/response-cache.js';
import { FOLLOWER_SETTINGS, type FollowerSettings, Followers } from './followers.js';
import { createLoaders, type Loaders } from './loaders.js';
import { NotPossibleError, type Operations } from './operations.js';

interface ContextOptions {
  readonly store: HistoryStore;
  readonly accounts: Accounts;
  readonly live: Live;
  /** The default of `maxAge`, in milliseconds. */
  readonly defaultMaxAgeMs: number;
  readonly clock: () => number;
  /** By integration, if this process reads Abnormal. */
  readonly budgets?: ReadonlyMap<string, { snapshot(): BudgetSnapshot }>;
  /** What controls are evaluated by, as it is now; the defaults when not given. */
  readonly rules?: () => Rules;
  /** Missing if this process does not read Abnormal. */
  readonly operations?: Operations;
  /** Missing if the configuration has no keys. */
  readonly keys?: KeyRegistry;
  /** The polling intervals in milliseconds, if Abnormal is polled. */
  readonly pollEvery?: Readonly<Record<Resource, number>>;
  readonly followers?: Partial<FollowerSettings>;
  readonly log: Log;
}

export interface RequestInfo {
  readonly caller: Caller;
  /** Aborts the upstream work of the request. */
  readonly signal?: AbortSignal | undefined;
  /** The admission of the operation, with its cost. */
  readonly admission?: Admission | undefined;
  /** Whose limits the request counts for; `null`: no limit by caller. */
  readonly callerKey?: string | null;
  readonly following?: Following | undefined;
  readonly facts?: RequestFacts | undefined;
}

/** What is known of an operation when it has run, for the access log and for traces. */
export interface RequestFacts {
  operation: string | null;
  /** What it did cost; `null` if it did not run, such as with a stored response. */
  cost: number | null;
  /** Whether a stored response was sent; `null` for what is never stored. */
  cache: 'HIT' | 'MISS' | null;
}

export function noFacts(): RequestFacts {
  return { operation: null, cost: null, cache: null };
}

interface Following {
  /** Fires when the subscription must end by itself: after its time, or on shutdown. */
  readonly ending: AbortSignal;
  /** The cursor of the last event that the caller received before it connected again. */
  readonly lastEventId: string | null;
}

/** What outlives a request. */
interface ProcessServices {
  readonly listFreshness: KnownFreshness;
  readonly followers: Followers;
  readonly known: KnownNames;
}

type Parts = 'store' | 'accounts' | 'live' | 'defaultMaxAgeMs' | 'keys' | 'budgets' | 'pollEvery';

export interface RequestServices
  extends Pick<ContextOptions, Parts>,
    Omit<RequestInfo, 'callerKey'>,
    ProcessServices {
  readonly callerKey: string | null;
  readonly operations: Operations | null;
  readonly rules: Rules;
  readonly loaders: Loaders;
  readonly requestedAt: Instant;
  readonly reads: CacheDependencies;
  /** How often this request called Abnormal. */
  liveReads: number;
  now(): Instant;
  /** The same request as if it came now: with loaders that remember nothing. */
  renewed(): RequestServices;
}

/** What is the same for all requests. */
type SharedServices = Omit<ContextOptions, 'rules' | 'operations' | 'followers'> &
  ProcessServices &
  Pick<RequestServices, 'operations' | 'now'>;

/** What one request has of its own. A class, because a literal with getters and spreads took 30 µs to make. */
class OwnServices implements Omit<RequestServices, keyof SharedServices> {
  readonly caller: Caller;
  readonly callerKey: string | null;
  readonly signal: AbortSignal | undefined;
  readonly admission: Admission | undefined;
  readonly following: Following | undefined;
  readonly facts: RequestFacts | undefined;
  readonly requestedAt: Instant;
  readonly reads: CacheDependencies;
  liveReads = 0;
  #loaders: Loaders | null = null;

  /** Without a request, the caller is this process itself. */
  constructor(
    private readonly shared: SharedServices,
    private readonly rulesNow: () => Rules,
    private readonly request: RequestInfo | undefined,
  ) {
    this.caller = request?.caller ?? LOCAL_CALLER;
    this.callerKey = request?.callerKey ?? null;
    this.signal = request?.signal;
    this.admission = request?.admission;
    this.following = request?.following;
    this.facts = request?.facts;
    this.requestedAt = shared.now();
    this.reads = new CacheDependencies(namesOf(shared.accounts));
  }

  get rules(): Rules {
    return this.rulesNow();
  }

  get loaders(): Loaders {
    this.#loaders ??= createLoaders(this.shared.store);
    return this.#loaders;
  }

  renewed(): RequestServices {
    return createServices(this.shared, this.rulesNow, this.request);
  }
}

function createServices(...parts: ConstructorParameters<typeof OwnServices>): RequestServices {
  return Object.assign(new OwnServices(...parts), parts[0]);
}

/**
 * The context of resolvers, one per request. Everything that depends on the request or the time goes through
 * it, so that it is known which responses can be stored: see `CacheDependencies`.
 */
export class GatewayContext {
  /** For the log; a response must not depend on it. */
  readonly caller: Caller;
  /** A response may depend on it: stored responses belong to one role. */
  readonly role: Role;
  /** Fires when the caller disconnects, or after the time limit. */
  readonly signal: AbortSignal | undefined;
  readonly admission: Admission | undefined;
  readonly reads: CacheDependencies;
  /** Damaged records that a list left out; each becomes an error of the response. */
  readonly damaged: HistoryError[] = [];
  /** Is written by the pipeline. */
  readonly facts: RequestFacts;
  /** The key of the request in the response cache, once that was asked for it. */
  responseKey: string | null = null;

  constructor(private readonly own: RequestServices) {
    this.caller = own.caller;
    this.role = own.caller.role;
    this.signal = own.signal;
    this.admission = own.admission;
    this.reads = own.reads;
    this.facts = own.facts ?? noFacts();
  }

  /** For the next event of a subscription. */
  renewed(): GatewayContext {
    return new GatewayContext(this.own.renewed());
  }

  /** For every other read. */
  get services(): RequestServices {
    this.own.reads.markUncacheable();
    return this.own;
  }

  /** For reads that are noted in `reads`, and for those of what only a batch changes, below one that is noted. */
  get trackedServices(): RequestServices {
    return this.own;
  }
}

/** When lists were last known to be complete, and the newest `seq` at that time. */
type KnownFreshness = BoundedCache<{ readonly verifiedAt: Instant; readonly head: number }>;

/** The integrations of the history as of one `seq`. */
interface KnownNames {
  head: number;
  names: readonly string[];
}

/** Each context has its own loaders. */
export function createContextFactory(options: ContextOptions): (request?: RequestInfo) => GatewayContext {
  const listFreshness: KnownFreshness = new BoundedCache('listFreshness', ({ verifiedAt }) =>
    textBytes(verifiedAt),
  );
  const followers = new Followers(options.store, { ...FOLLOWER_SETTINGS, ...options.followers });
  const known: KnownNames = { head: 0, names: [] };
  const { rules = () => applyPolicy(NO_POLICY), operations = null, followers: _, ...rest } = options;
  const now = () => toInstant(options.clock());
  const shared: SharedServices = { ...rest, listFreshness, followers, known, operations, now };
  return (request) => new GatewayContext(createServices(shared, rules, request));
}

/** Those that this process reads, and those that the history contains; what is known as of `head` is not read again. */
export async function integrationNames(services: RequestServices, head?: Pin): Promise<string[]> {
  const { known } = services;
  if (head === undefined || known.head !== head.seq) {
    const streams = await services.loaders.current.streams();
    const names = streams.map(({ integration }) => integration);
    // what was recorded since the head was read may be in it, which does no harm
    if (head) Object.assign(known, { head: head.seq, names });
    return withAccounts(services, names);
  }
  return withAccounts(services, known.names);
}

function withAccounts({ accounts }: RequestServices, names: readonly string[]): string[] {
  return [...new Set([...accounts.list().map(({ name }) => name), ...names])].sort();
}

/** `null`: all. */
export async function checkIntegrations(
  services: RequestServices,
  names: readonly string[] | null | undefined,
): Promise<readonly string[] | null> {
  if (!names) return null;
  if (names.every((name) => isAccount(services, name))) return [...new Set(names)].sort();
  const known = await integrationNames(services);
  for (const name of names) if (!known.includes(name)) throw unknown(name, known, 'integrations');
  return [...new Set(names)].sort();
}

/** The name is optional if there is only one. */
export async function chooseIntegration(
  services: RequestServices,
  name: string | null | undefined,
  head?: Pin,
): Promise<string> {
  if (name && isAccount(services, name)) return name;
  const known = await integrationNames(services, head);
  if (name && known.includes(name)) return name;
  if (name) throw unknown(name, known, 'integration');
  const [only] = known;
  if (only !== undefined && known.length === 1) return only;
  throw badInput(
    `There are several integrations. Pass "integration" with one of ${known.join(', ')}.`,
    'integration',
  );
}

function isAccount(services: RequestServices, name: string): boolean {
  return services.accounts.get(name) !== null;
}

function unknown(name: string, known: readonly string[], argument: 'integration' | 'integrations') {
  return badInput(
    `There is no integration ${JSON.stringify(name)}. Known integrations: ${known.join(', ') || 'none'}.`,
    argument,
  );
}

interface AuditedWork<T> {
  readonly action: AuditAction;
  readonly target: string | null;
  readonly work: (operations: Operations) => Promise<T>;
  readonly detailOf?: (result: T) => string | null;
}

/** Does the work and records it in the audit trail. A refusal becomes an error for the caller. */
export async function runAudited<T>(
  services: RequestServices,
  { action, target, work, detailOf }: AuditedWork<T>,
): Promise<T> {
  const { operations, store, caller } = services;
  if (!operations)
    throw queryError('NOT_POSSIBLE', 'This gateway serves a history and is not connected to any account.');
  const trail = { store, clock: () => toMillis(services.now()) };
  try {
    return await audited(trail, { caller, action, target }, () => work(operations), detailOf);
  } catch (error) {
    if (error instanceof NotPossibleError) throw queryError('NOT_POSSIBLE', error.message);
    if (error instanceof VaultError) {
      const argument = ARGUMENTS[error.code];
      throw argument ? badInput(error.message, argument) : queryError('NOT_POSSIBLE', error.message);
    }
    throw error;
  }
}

/** The argument that is wrong; of other errors, none is. */
const ARGUMENTS: Partial<Record<VaultErrorCode, string>> = {
  ...{ BAD_NAME: 'name', EXISTS: 'name', NOT_FOUND: 'name' },
  ...{ BAD_TOKEN: 'token', BAD_ADDRESS: 'baseUrl' },
};
