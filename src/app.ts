import type { GraphQLSchema } from 'graphql';
import { type AppOptions, type Collector, closeAll, openCollector, pollerOf } from './app/collector.js';
import { openCallers, openLimits, watchTokens } from './app/open-access.js';
import { RunningOperations } from './app/operations.js';
import { createPages } from './app/pages.js';
import { type PolicyWatch, policyCheck, watchPolicy } from './app/policy-file.js';
import { type PostureWatch, watchPosture } from './app/posture-watch.js';
import { controlRules, createReports } from './app/reports.js';
import type { KeyRegistry } from './callers/api-keys.js';
import type { Callers } from './callers/callers.js';
import type { Config } from './config/config.js';
import { publishedKeys, publishedPem } from './evidence/seal/signing-key.js';
import { createApollo } from './graphql/operation/apollo.js';
import { createStoredResponse } from './graphql/operation/pipeline.js';
import { redactSchema } from './graphql/operation/redact-schema.js';
import { ResponseCache } from './graphql/operation/response-cache.js';
import { createSubscriptions } from './graphql/operation/subscriptions.js';
import type { Operations } from './graphql/request/operations.js';
import { createContextFactory } from './graphql/request/services.js';
import { buildGatewaySchema } from './graphql/schema.js';
import { removeLeftoverFolders } from './history/temporary-files.js';
import type { GraphLimits } from './http/graph-route.js';
import { collectionCheck, historyCheck, readiness, writesCheck } from './http/health.js';
import { createServer, type Server } from './http/server.js';
import { type Counters, createCounters } from './metrics/counters.js';
import { createScrape } from './metrics/scrape.js';
import type { Poller } from './sync/schedule/poller.js';

export interface App {
  /** Listens and starts collecting. Throws a `ConfigError`, a `HistoryError` or a `ListenError`. */
  start(): Promise<Started>;
  /** Finishes open requests, ends the collection between two batches, and closes the history. */
  close(): Promise<void>;
}

export interface Started {
  readonly url: string;
  readonly accounts: readonly string[];
}

/** How long open requests may take during a shutdown. */
const PATIENCE_MS = 8000;

export function createApp(config: Config, options: AppOptions): App {
  const opened: (() => Promise<void>)[] = [];
  return {
    async start() {
      // of exports during which an earlier process was killed
      removeLeftoverFolders();
      const schema = buildGatewaySchema(config.http);
      const limits = openLimits(config, schema);
      const counters = createCounters();
      const collector = await openCollector(config, options, counters, config.historyReads);
      opened.unshift(collector.close);
      const { callers, keys } = await openCallers(config, { ...options, store: collector.writes.shown });
      opened.unshift(() => callers.close());
      const policy = await watchPolicy({ ...options, path: config.policy, store: collector.writes.shown });
      opened.unshift(policy.close);
      const posture = watchPosture({
        ...{ ...options, config, policy: policy.current },
        store: collector.writes.shown,
      });
      opened.unshift(posture.close);
      collector.webhooks.usePolicy(policy.current);
      const poller = pollerOf(config, options, collector);
      const operations = new RunningOperations(
        { ...options, maxAgeMs: config.maxAge, collect: config.poll.collect },
        collector,
        poller,
      );
      const server = createGatewayServer(config, options, {
        ...{ collector, counters, callers, keys, operations },
        ...{ schema, limits, policy, posture },
      });
      opened.unshift(() => server.close(PATIENCE_MS));
      const url = await server.start();
      opened.splice(1, 0, startPolling(poller));
      opened.splice(1, 0, await watchTokens(config, options, collector));
      return { url, accounts: collector.accounts.list().map(({ name }) => name) };
    },
    close: () => closeAll(...opened.splice(0)),
  };
}

/** Polls in intervals; the returned function stops this between two batches. */
function startPolling(poller: Poller): () => Promise<void> {
  const stop = new AbortController();
  const polling = poller.run(stop.signal);
  return () => {
    stop.abort();
    return polling;
  };
}

interface Parts {
  readonly collector: Collector;
  readonly counters: Counters;
  readonly callers: Callers;
  readonly keys: KeyRegistry;
  readonly operations: Operations;
  readonly schema: GraphQLSchema;
  readonly limits: GraphLimits;
  readonly policy: PolicyWatch;
  readonly posture: PostureWatch;
}

function redactedBy({ limits: { redact }, http }: Config): GraphQLSchema | undefined {
  return redact.size > 0 ? redactSchema(buildGatewaySchema(http), redact) : undefined;
}

function createGatewayServer(
  config: Config,
  { clock, log }: AppOptions,
  { collector, counters, callers, keys, operations, schema, limits, policy, posture }: Parts,
): Server {
  const { accounts, sync, writes } = collector;
  const store = writes.shown;
  const context = createContextFactory({
    store,
    accounts,
    live: {
      record: (...wanted) => writes.whilePresent(() => sync.live.record(...wanted)),
      list: (...wanted) => writes.whilePresent(() => sync.live.list(...wanted)),
    },
    defaultMaxAgeMs: config.maxAge,
    clock,
    budgets: accounts.budgets,
    rules: () => controlRules(config, policy.current()),
    operations,
    keys,
    pollEvery: config.poll.every,
    // the answer must be ready before the request ends
    followers: { longestWaitMs: Math.max(0, Math.min(25_000, config.limits.requestTimeout - 3_000)) },
    log,
  });
  const { introspection, landingPage: sandbox } = config.http;
  const graph = { schema, redactedSchema: redactedBy(config), log, observer: counters.graph, introspection };
  const responses = new ResponseCache();
  const apollo = createApollo({ ...graph, sandbox, responses });
  return createServer({
    ...config.http,
    callers,
    apollo,
    subscribe: createSubscriptions(graph),
    context,
    readiness: () =>
      readiness([
        historyCheck(store),
        writesCheck(writes),
        collectionCheck(store, () => accounts.list().length > 0),
        ...(config.policy === null ? [] : [policyCheck(policy)]),
      ]),
    pages: createPages({ apollo, context, store, config, policy: policy.current, clock, log }),
    reports: createReports({ store, config, policy: policy.current, clock, log }),
    signingKeys: () => publishedKeys(store),
    signingKeysPem: () => publishedPem(store),
    limits: { ...limits, observer: counters.graph },
    stored: createStoredResponse(responses),
    ratePerMinute: config.limits.ratePerMinute,
    onAnswer: counters.http,
    metrics: createScrape({
      ...{ counters, store, writes, posture, budgets: () => accounts.budgets, clock, log },
      pollEvery: config.poll.every,
      ...(config.policy === null ? {} : { policy }),
      webhooks: collector.webhooks.status,
    }),
    log,
  });
}
