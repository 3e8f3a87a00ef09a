import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UpstreamObserver } from '../abnormal/client.js';
import { ERROR_CODES } from '../graphql/base/errors.js';
import type { GraphObserver } from '../graphql/operation/apollo.js';
import type { RunRecord } from '../model/run.js';
import type { SyncObserver } from '../sync/context.js';
import { type Instant, toMillis } from '../values/instant.js';
import type { DeliveryResult } from '../webhooks/deliveries.js';

/** Counts since the start of the process. */
export interface Counters {
  readonly registry: Registry;
  upstream(integration: string): UpstreamObserver;
  readonly sync: SyncObserver;
  readonly graph: GraphObserver;
  /** By route (`null`: none) and status. */
  readonly http: (route: string | null, status: number) => void;
  /** By name of the webhook. */
  readonly webhooks: (webhook: string, result: DeliveryResult) => void;
}

/** Counters at zero, with the metrics of Node and the process. */
export function createCounters(): Counters {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    upstream: countUpstream(registry),
    sync: countSync(registry),
    graph: countGraph(registry),
    http: countHttp(registry),
    webhooks: countDeliveries(registry),
  };
}

const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300];

function countUpstream(registry: Registry): Counters['upstream'] {
  const requests = new Counter(
    named(
      registry,
      'upstream_requests_total',
      'Requests sent to Abnormal, including retries, by result: OK, or the reason of the failure.',
      ['integration', 'resource', 'outcome'],
    ),
  );
  const misread = new Counter(
    named(
      registry,
      'upstream_misread_total',
      'Responses with status OK that could not be parsed: JSON, but no list or no such record.',
      ['integration', 'resource'],
    ),
  );
  const retries = new Counter(
    named(registry, 'upstream_retries_total', 'Repeated requests to Abnormal after a failed one.', [
      'integration',
      'resource',
    ]),
  );
  const wait = new Histogram({
    ...named(registry, 'upstream_wait_seconds', 'How long requests waited for the rate budget, by purpose.', [
      'integration',
      'priority',
    ]),
    buckets: WAIT_SECONDS,
  });
  return (integration) => ({
    waited: (priority, ms) => wait.observe({ integration, priority }, ms / 1000),
    ended(resource, outcome, attempt) {
      requests.inc({ integration, resource, outcome });
      if (attempt > 1) retries.inc({ integration, resource });
    },
    misread: (resource) => misread.inc({ integration, resource }),
  });
}

const RUN_SECONDS = [0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400];

function countSync(registry: Registry): SyncObserver {
  const records = new Counter(
    named(
      registry,
      'records_total',
      'Records read, by result in the history; a conflict is fetched again, a deletion is a tombstone.',
      ['integration', 'resource', 'outcome'],
    ),
  );
  const windows = new Counter(
    named(registry, 'windows_total', 'Windows of source time read, by result.', [
      'integration',
      'resource',
      'filter_key',
      'status',
    ]),
  );
  const ended = countRuns(registry);
  return {
    recorded(run, ledger, { added, changed, unchanged, deleted, conflicts }) {
      const { integration, resource } = run;
      const outcomes = { added, changed, unchanged, deleted, conflict: conflicts.length };
      for (const [outcome, count] of Object.entries(outcomes)) {
        if (count > 0) records.inc({ integration, resource, outcome }, count);
      }
      for (const { filterKey, status } of ledger) {
        windows.inc({ integration, resource, filter_key: filterKey, status });
      }
      if (run.endedAt !== null) ended(run);
    },
  };
}

function countRuns(registry: Registry): (run: RunRecord) => void {
  const runs = new Counter(
    named(registry, 'runs_total', 'Runs that have ended, by trigger and result.', [
      'integration',
      'resource',
      'trigger',
      'status',
    ]),
  );
  const duration = new Histogram({
    ...named(registry, 'run_duration_seconds', 'Duration of runs.', ['resource', 'trigger']),
    buckets: RUN_SECONDS,
  });
  const verdicts = new Counter(
    named(
      registry,
      'reconciliations_total',
      "Windows compared with Abnormal's records, by verdict: MATCH, SHORT, EXTRA or UNVERIFIED.",
      ['integration', 'resource', 'verdict'],
    ),
  );
  return ({ integration, resource, trigger, status, startedAt, endedAt, reconciliation }) => {
    runs.inc({ integration, resource, trigger, status });
    duration.observe({ resource, trigger }, secondsBetween(startedAt, endedAt ?? startedAt));
    if (reconciliation) verdicts.inc({ integration, resource, verdict: reconciliation.verdict });
  };
}

function countHttp(registry: Registry): Counters['http'] {
  const answers = new Counter(
    named(registry, 'http_answers_total', 'HTTP responses, by route and status; `none` is no route.', [
      'route',
      'status',
    ]),
  );
  return (route, status) => answers.inc({ route: route ?? 'none', status: String(status) });
}

function countDeliveries(registry: Registry): Counters['webhooks'] {
  const deliveries = new Counter(
    named(
      registry,
      'webhook_deliveries_total',
      'Tries to send a message, by result; DEAD_LETTER: it failed for days, and the next message is sent.',
      ['webhook', 'result'],
    ),
  );
  return (webhook, result) => deliveries.inc({ webhook, result });
}

const GRAPH_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];
const CODES = new Set(Object.keys(ERROR_CODES));

function countGraph(registry: Registry): GraphObserver {
  const requests = new Counter(
    named(
      registry,
      'graphql_requests_total',
      'GraphQL requests, by result: OK, PARTIAL (data and errors), REFUSED (the request was wrong), FAILED.',
      ['outcome'],
    ),
  );
  const errors = new Counter(
    named(registry, 'graphql_errors_total', 'Errors in GraphQL responses, by `extensions.code`.', ['code']),
  );
  const duration = new Histogram({
    ...named(registry, 'graphql_request_duration_seconds', 'Duration of GraphQL requests.', ['outcome']),
    buckets: GRAPH_SECONDS,
  });
  return {
    began() {
      const stop = duration.startTimer();
      return (outcome, codes) => {
        stop({ outcome });
        requests.inc({ outcome });
        // callers must not be able to invent labels
        for (const code of codes) errors.inc({ code: CODES.has(code) ? code : 'OTHER' });
      };
    },
  };
}

/** Metrics of Node and the process have other prefixes. */
const PREFIX = 'abnormal_gateway_';

/** Registers a metric in `registry`. */
function named<R, L extends string>(registry: R, name: string, help: string, labelNames: readonly L[]) {
  return { name: `${PREFIX}${name}`, help, labelNames: [...labelNames], registers: [registry] };
}

/** Registers gauges with the same labels, by name with what each shows. */
export function gaugesOf<N extends string, L extends string>(
  registry: Registry,
  labelNames: readonly L[],
  helps: Readonly<Record<N, string>>,
  prefix = PREFIX,
): Record<N, Gauge<L>> {
  const made = Object.entries<string>(helps).map(([name, help]) => [
    name,
    new Gauge({ name: `${prefix}${name}`, help, labelNames: [...labelNames], registers: [registry] }),
  ]);
  return Object.fromEntries(made);
}

export function secondsBetween(from: Instant, to: Instant): number {
  return Math.max(0, (toMillis(to) - toMillis(from)) / 1000);
}

/** Prometheus uses seconds. */
export function unixSeconds(instant: Instant): number {
  return toMillis(instant) / 1000;
}
