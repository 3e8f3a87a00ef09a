import 'reflect-metadata';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphQLSchema } from 'graphql';
import { pino } from 'pino';
import { ApiKeys } from '../../src/callers/api-keys.js';
import { type Callers, createCallers } from '../../src/callers/callers.js';
import { Sessions } from '../../src/callers/sessions.js';
import { createApollo } from '../../src/graphql/operation/apollo.js';
import { createStoredResponse, OperationLimiter } from '../../src/graphql/operation/pipeline.js';
import { redactSchema } from '../../src/graphql/operation/redact-schema.js';
import { ResponseCache } from '../../src/graphql/operation/response-cache.js';
import { createSubscriptions } from '../../src/graphql/operation/subscriptions.js';
import type { FollowerSettings } from '../../src/graphql/request/followers.js';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import { openStore } from '../../src/history/open-store.js';
import type { Batch, HistoryStore, Recorded } from '../../src/history/store.js';
import type { FeedSettings } from '../../src/http/feed.js';
import type { GraphLimits } from '../../src/http/graph-route.js';
import { createServer, type Server } from '../../src/http/server.js';
import type { Account } from '../../src/integrations/accounts.js';
import type { Log } from '../../src/log.js';
import type { Observation } from '../../src/model/revision.js';
import { byResource, type Kind, type RecordKey } from '../../src/resources/registry.js';
import type { Freshness, Live } from '../../src/sync/sync.js';
import {
  DEFAULT_COST_LIMITS,
  DEFAULT_QUERY_LIMITS,
  type RedactionGroup,
  ROLES,
  type Role,
} from '../../src/values/access.js';
import { type Instant, toInstant, toMillis } from '../../src/values/instant.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { LOCAL_CALLERS } from '../support/local-callers.js';
import { batchOf, minutesAfterStart, START } from '../support/records.js';

export interface GraphError {
  readonly message: string;
  readonly path?: readonly (string | number)[];
  readonly extensions: { readonly code: string };
}

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly data: T;
  readonly errors: readonly GraphError[];
}

type Key = RecordKey & { readonly kind: Kind };

/** Abnormal, as far as the graph sees it: a test says what it answers. By default everything is fresh. */
export class ScriptedLive implements Live {
  onRecord: (key: Key, maxAgeMs: number) => Promise<Freshness> = async () => fresh(null);
  onList: () => Promise<Freshness> = async () => fresh(null);

  /** For tests that share a graph. */
  reset(): void {
    Object.assign(this, new ScriptedLive());
  }

  record(key: Key, maxAgeMs: number): Promise<Freshness> {
    return this.onRecord(key, maxAgeMs);
  }

  list(): Promise<Freshness> {
    return this.onList();
  }
}

export function fresh(verifiedAt: Instant | null, live = false): Freshness {
  return { stale: false, verifiedAt, live };
}

export function stale(code: string, reason = `no answer: ${code}`): Freshness {
  return { stale: true, verifiedAt: null, code, reason };
}

export interface GraphOptions {
  /** What readers see masked. */
  readonly redact?: readonly RedactionGroup[];
  /** Whether a stored response is sent before the GraphQL server receives the request, if `limits` admit it; default: true. */
  readonly sendsStored?: boolean;
  /** What is let through; anything unless given. */
  readonly limits?: (schema: GraphQLSchema) => GraphLimits;
  /** Whether each request needs the key of a role: see `keyOf`. */
  readonly asksCallers?: boolean;
  /** Whether the graph is also a subgraph. */
  readonly isSubgraph?: boolean;
  /** How long subscriptions last and wait. */
  readonly feed?: Partial<FeedSettings>;
  readonly followers?: Partial<FollowerSettings>;
}

/** As a gateway has them if nothing else is configured. */
export function defaultLimits(schema: GraphQLSchema): GraphLimits {
  const limiter = new OperationLimiter(schema, DEFAULT_QUERY_LIMITS, DEFAULT_COST_LIMITS);
  return { limiter, persisted: null, timeoutMs: 30_000 };
}

/** The header that a caller of a role shows. */
export function keyOf(role: Role): { 'x-api-key': string } {
  return { 'x-api-key': `a key for the role ${role}`.replaceAll(' ', '-') };
}

function callersByRole(store: HistoryStore, log: Log): Callers {
  const clock = Date.now;
  const fixedKeys = ROLES.map((role) => {
    const hash = createHash('sha256').update(keyOf(role)['x-api-key']).digest('hex');
    return { name: role, role, hash };
  });
  const keys = new ApiKeys({ store, clock, log });
  const sessions = new Sessions({ store, clock });
  return createCallers({ keys, fixedKeys, tokens: null, sessions, anybody: false, clock, log });
}

/** The graph over HTTP, over a SQLite history in a folder of its own, at a clock that stands where it is put. */
export class Graph {
  now = toMillis(minutesAfterStart(600));
  readonly live = new ScriptedLive();
  readonly logged: string[] = [];
  private batches = 0;

  private constructor(
    readonly store: HistoryStore,
    readonly folder: string,
    private readonly accounts: readonly Account[],
    private readonly options: GraphOptions,
  ) {}

  private server: Server | null = null;
  url = '';

  static async start(
    accounts: readonly Pick<Account, 'name' | 'origin'>[] = [DEFAULT],
    options: GraphOptions = {},
  ): Promise<Graph> {
    const folder = await mkdtemp(join(tmpdir(), 'gateway-graph-'));
    const store = await openStore(`sqlite:${join(folder, 'history.db')}`, 'write');
    const graph = new Graph(store, folder, accounts.map(toAccount), options);
    await graph.serve();
    return graph;
  }

  /** Another gateway over the same history, which only reads it; the caller stops it and closes its store. */
  async replica(): Promise<Graph> {
    const store = await openStore(`sqlite:${join(this.folder, 'history.db')}`, 'read');
    const graph = new Graph(store, this.folder, this.accounts, this.options);
    await graph.serve();
    return graph;
  }

  /** Keys beside the gateway, as a command creates and revokes them. */
  get keys(): ApiKeys {
    return new ApiKeys({ store: this.store, clock: Date.now, log: pino({ level: 'silent' }) });
  }

  /** Stops the server; the history stays open. */
  async stop(): Promise<void> {
    await this.server?.close(1_000);
    this.server = null;
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.serve();
  }

  private async serve(): Promise<void> {
    const log = pino({ level: 'warn' }, { write: (line: string) => void this.logged.push(line) });
    const { store, live, accounts } = this;
    const snapshot = () => ({
      limit: 300,
      used: 7,
      resetsAt: null,
      waiting: { interactive: 1, poll: 2, backfill: 3 },
    });
    const context = createContextFactory({
      ...{
        store,
        live,
        accounts: fixedAccounts(...accounts),
        log,
        defaultMaxAgeMs: 300_000,
        clock: () => this.now,
      },
      budgets: new Map([['default', { snapshot }]]),
      pollEvery: byResource(({ polling }) => polling.defaultMs),
      followers: this.options.followers ?? {},
    });
    const { redact, limits, asksCallers, isSubgraph = false, sendsStored = true } = this.options;
    const schema = buildGatewaySchema({ isSubgraph });
    const redactedSchema = redact && redactSchema(buildGatewaySchema({ isSubgraph }), new Set(redact));
    const responses = new ResponseCache();
    const callers = asksCallers ? callersByRole(store, log) : LOCAL_CALLERS;
    this.server = createServer({
      ...{ host: '127.0.0.1', port: 0, ide: false, anyHost: false, callers, context, log },
      apollo: createApollo({ schema, log, redactedSchema, responses }),
      ...(sendsStored && { stored: createStoredResponse(responses) }),
      subscribe: createSubscriptions({ schema, log, redactedSchema }),
      feed: this.options.feed ?? {},
      limits: limits?.(schema),
      readiness: async () => ({ ready: true, checks: [] }),
    });
    this.url = await this.server.start();
  }

  /** Records a batch; each under an instant of its own, a minute after the one before unless `now` is given. */
  async record(changes: Partial<Batch>): Promise<Recorded> {
    this.batches += 1;
    const id = `batch-${this.batches}`;
    return this.store.record(batchOf(id, { now: minutesAfterStart(this.batches), ...changes }));
  }

  /** Records details as seen just now, in view of all that is held. */
  async observe(...observations: readonly Observation[]): Promise<Recorded> {
    const { seq: basis } = await this.store.head();
    return this.record({ observations: observations.map((seen) => ({ ...seen, basis })) });
  }

  async ask<T = Record<string, unknown>>(query: string, variables: object = {}): Promise<Answer<T>> {
    const response = await this.post(JSON.stringify({ query, variables }));
    const { data, errors = [] } = (await response.json()) as { data: T; errors?: GraphError[] };
    return { status: response.status, headers: response.headers, data, errors };
  }

  post(body: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...headers,
      },
      body,
    });
  }

  /** The data of a query that must go well. */
  async data<T = Record<string, unknown>>(query: string, variables: object = {}): Promise<T> {
    const { data, errors } = await this.ask<T>(query, variables);
    if (errors.length > 0) throw new Error(JSON.stringify(errors));
    return data;
  }

  /** The code and message of a query's only error. */
  async error(query: string, variables: object = {}): Promise<{ code: string; message: string }> {
    const { errors } = await this.ask(query, variables);
    const [error] = errors;
    if (!error || errors.length > 1) throw new Error(`one error expected: ${JSON.stringify(errors)}`);
    return { code: error.extensions.code, message: error.message };
  }

  async close(): Promise<void> {
    await this.stop();
    await this.store.close();
    await rm(this.folder, { recursive: true });
  }

  get instant(): Instant {
    return toInstant(this.now);
  }
}

const DEFAULT = { name: 'default', origin: 'ABNORMAL' } as const;

function toAccount({ name, origin }: Pick<Account, 'name' | 'origin'>): Account {
  // the graph never calls an account's client: what it wants of Abnormal it asks Live for
  const client = undefined as unknown as Account['client'];
  return { name, origin, baseUrl: `https://${name}.example.test/v1`, client };
}

export { minutesAfterStart, START };
