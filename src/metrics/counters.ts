import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UpstreamObserver } from '../abnormal/client.js';
import { ERROR_CODES } from '../graphql/base/errors.js';
import type { GraphObserver } from '../graphql/operation/apollo.js';
import type { RunRecord } from '../model/run.js';
import type { SyncObserver } from '../sync/context.js';
import { type Instant, toMillis } from '../values/instant.js';
import type { DeliveryResult } from '../webhooks/deliveries.js';

export type Counters = ReturnType<typeof createCounters>;

/** Metrics of Node and the process have other prefixes. */
const PREFIX = 'abnormal_gateway_';

const WAIT_SECONDS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300];
const RUN_SECONDS = [0.1, 1, 5, 15, 60, 300, 900, 3600, 14_400];
const GRAPH_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30];

function registerCounters(registry: Registry) {
  const settings = <L extends string>(name: string, labelNames: L[], help: string) => {
    return { name: `${PREFIX}${name}`, help, labelNames, registers: [registry] };
  };
  const counter = <L extends string>(name: string, labelNames: L[], help: string) =>
    new Counter<L>(settings(name, labelNames, help));
  const histogram = <L extends string>(name: string, labelNames: L[], buckets: number[], help: string) =>
    new Histogram<L>({ ...settings(name, labelNames, help), buckets });
  return {
    upstreamRequests: counter(
      'upstream_requests_total',
      ['integration', 'resource', 'outcome'],
      'Requests sent to Abnormal, including retries, by result: OK, or the reason of the failure.',
    ),
    misread: counter(
      'upstream_misread_total',
      ['integration', 'resource'],
      'Responses with status OK that could not be parsed: JSON, but no list or no such record.',
    ),
    retries: counter(
      'upstream_retries_total',
      ['integration', 'resource'],
      'Repeated requests to Abnormal after a failed one.',
    ),
    waits: histogram(
      'upstream_wait_seconds',
      ['integration', 'priority'],
      WAIT_SECONDS,
      'How long requests waited for the rate budget, by purpose.',
    ),
    records: counter(
      'records_total',
      ['integration', 'resource', 'outcome'],
      'Records read, by result in the history; a conflict is fetched again, a deletion is a tombstone.',
    ),
    windows: counter(
      'windows_total',
      ['integration', 'resource', 'filter_key', 'status'],
      'Windows of source time read, by result.',
    ),
    runs: counter(
      'runs_total',
      ['integration', 'resource', 'trigger', 'status'],
      'Runs that have ended, by trigger and result.',
    ),
    runSeconds: histogram('run_duration_seconds', ['resource', 'trigger'], RUN_SECONDS, 'Duration of runs.'),
    reconciliations: counter(
      'reconciliations_total',
      ['integration', 'resource', 'verdict'],
      "Windows compared with Abnormal's records, by verdict: MATCH, SHORT, EXTRA or UNVERIFIED.",
    ),
    graphRequests: counter(
      'graphql_requests_total',
      ['outcome'],
      'GraphQL requests, by result: OK, PARTIAL (data and errors), REFUSED (the request was wrong), FAILED.',
    ),
    graphErrors: counter(
      'graphql_errors_total',
      ['code'],
      'Errors in GraphQL responses, by `extensions.code`.',
    ),
    graphSeconds: histogram(
      'graphql_request_duration_seconds',
      ['outcome'],
      GRAPH_SECONDS,
      'Duration of GraphQL requests.',
    ),
    answers: counter(
      'http_answers_total',
      ['route', 'status'],
      'HTTP responses, by route and status; `none` is no route.',
    ),
    deliveries: counter(
      'webhook_deliveries_total',
      ['webhook', 'result'],
      'Tries to send a message, by result; DEAD_LETTER: it failed for days, and the next message is sent.',
    ),
  };
}

type Metrics = ReturnType<typeof registerCounters>;

/** Counters at zero, with the metrics of Node and the process. */
export function createCounters() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metrics = registerCounters(registry);
  return {
    registry,
    upstream: (integration: string) => countUpstream(metrics, integration),
    sync: countSync(metrics),
    graph: countGraph(metrics),
    /** By route (`null`: none) and status. */
    http: (route: string | null, status: number) =>
      metrics.answers.inc({ route: route ?? 'none', status: String(status) }),
    webhooks: (webhook: string, result: DeliveryResult) => metrics.deliveries.inc({ webhook, result }),
  };
}

function countUpstream(metrics: Metrics, integration: string): UpstreamObserver {
  const { waits, upstreamRequests, retries, misread } = metrics;
  return {
    waited: (priority, ms) => waits.observe({ integration, priority }, ms / 1000),
    ended(resource, outcome, attempt) {
      upstreamRequests.inc({ integration, resource, outcome });
      if (attempt > 1) retries.inc({ integration, resource });
    },
    misread: (resource) => misread.inc({ integration, resource }),
  };
}

function countSync(metrics: Metrics): SyncObserver {
  return {
    recorded(run, ledger, { added, changed, unchanged, deleted, conflicts }) {
      const { integration, resource } = run;
      const outcomes = { added, changed, unchanged, deleted, conflict: conflicts.length };
      for (const [outcome, count] of Object.entries(outcomes)) {
        if (count > 0) metrics.records.inc({ integration, resource, outcome }, count);
      }
      for (const { filterKey, status } of ledger) {
        metrics.windows.inc({ integration, resource, filter_key: filterKey, status });
      }
      if (run.endedAt !== null) countRun(metrics, run, run.endedAt);
    },
  };
}

function countRun({ runs, runSeconds, reconciliations }: Metrics, run: RunRecord, endedAt: Instant): void {
  const { integration, resource, trigger, status, startedAt, reconciliation } = run;
  runs.inc({ integration, resource, trigger, status });
  runSeconds.observe({ resource, trigger }, secondsBetween(startedAt, endedAt));
  if (reconciliation) reconciliations.inc({ integration, resource, verdict: reconciliation.verdict });
}

const CODES = new Set(Object.keys(ERROR_CODES));

function countGraph({ graphRequests, graphErrors, graphSeconds }: Metrics): GraphObserver {
  return {
    began() {
      const stop = graphSeconds.startTimer();
      return (outcome, codes) => {
        stop({ outcome });
        graphRequests.inc({ outcome });
        // callers must not be able to invent labels
        for (const code of codes) graphErrors.inc({ code: CODES.has(code) ? code : 'OTHER' });
      };
    },
  };
}

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
