import { Gauge, type Registry } from 'prom-client';
import type { BudgetSnapshot } from '../abnormal/budget.js';
import type { ControlVerdict } from '../controls/control.js';
import type { HistoryStore, Pin } from '../history/store.js';
import type { WriteFailure } from '../history/watch-writes.js';
import { readTokenSituations } from '../integrations/token-history.js';
import { DRIFT_KINDS, driftOf } from '../model/drift.js';
import { type CoverageGap, UNREAD_CODES } from '../model/ledger.js';
import {
  INTEGRATION_STATUSES,
  integrationHealth,
  STREAM_STATUSES,
  type StreamState,
} from '../model/stream.js';
import { replaceBy, TOKEN_STATES, tokenState } from '../model/token.js';
import { KINDS } from '../resources/registry.js';
import type { CacheGauge } from '../values/bounded-cache.js';
import type { Instant } from '../values/instant.js';
import { named, secondsBetween, unixSeconds } from './counters.js';

export interface Gauges {
  history(head: Pin | null): void;
  writes(failure: WriteFailure | null, failures: number): void;
  budgets(snapshots: ReadonlyMap<string, BudgetSnapshot>): void;
  caches(caches: readonly CacheGauge[]): void;
  /** The digest of the policy in use, and why its file is not. */
  policy(digest: string, problem: string | null): void;
  streams(states: readonly StreamState[]): void;
  posture(states: readonly MeasuredState[]): void;
  gaps(gaps: readonly { readonly stream: StreamState; readonly gaps: readonly CoverageGap[] }[]): void;
}

/** The state of a control of one account for one window (`24h`). */
export interface MeasuredState {
  readonly control: string;
  readonly integration: string;
  readonly window: string;
  readonly verdict: ControlVerdict;
}

export function createGauges(registry: Registry): Gauges {
  return {
    history: historyGauges(registry),
    writes: writeGauges(registry),
    budgets: budgetGauges(registry),
    caches: cacheGauges(registry),
    policy: policyGauges(registry),
    streams: streamGauges(registry),
    posture: postureGauge(registry),
    gaps: gapGauges(registry),
  };
}

function gauge<L extends string>(registry: Registry, name: string, help: string, labels: readonly L[]) {
  return new Gauge(named(registry, name, help, labels));
}

function historyGauges(registry: Registry): Gauges['history'] {
  const up = gauge(registry, 'history_up', 'Whether the history responds: 1 or 0.', []);
  const seq = gauge(registry, 'history_head_seq', 'Sequence number of the newest batch in the history.', []);
  const at = gauge(
    registry,
    'history_head_timestamp_seconds',
    'When the newest batch was recorded, in seconds since the epoch.',
    [],
  );
  return (head) => {
    up.set(head ? 1 : 0);
    if (!head) return;
    seq.set(head.seq);
    at.set(unixSeconds(head.at));
  };
}

function writeGauges(registry: Registry): Gauges['writes'] {
  const failing = gauge(
    registry,
    'history_writable',
    'Whether the last writes to the history succeeded: 1 or 0.',
    [],
  );
  const since = gauge(
    registry,
    'history_write_failing_since_timestamp_seconds',
    'Since when writes to the history fail, in seconds since the epoch; 0 while they succeed.',
    [],
  );
  const count = gauge(
    registry,
    'history_write_failures',
    'Writes to the history that failed since the process started.',
    [],
  );
  return (failure, failures) => {
    failing.set(failure ? 0 : 1);
    since.set(failure ? unixSeconds(failure.since) : 0);
    count.set(failures);
  };
}

function budgetGauges(registry: Registry): Gauges['budgets'] {
  const limit = gauge(
    registry,
    'upstream_budget_limit_requests',
    'Requests allowed for an integration in any 60 seconds (UPSTREAM_RPM).',
    ['integration'],
  );
  const used = gauge(
    registry,
    'upstream_budget_used_requests',
    'Requests that count against the limit now: in flight, or answered within the last 60 seconds.',
    ['integration'],
  );
  const waiting = gauge(
    registry,
    'upstream_budget_waiting_requests',
    'Requests waiting for the rate budget, by purpose.',
    ['integration', 'priority'],
  );
  return (snapshots) => {
    for (const each of [limit, used, waiting]) each.reset();
    for (const [integration, snapshot] of snapshots) {
      limit.set({ integration }, snapshot.limit);
      used.set({ integration }, snapshot.used);
      for (const [priority, count] of Object.entries(snapshot.waiting))
        waiting.set({ integration, priority }, count);
    }
  };
}

const STREAM = ['integration', 'resource', 'filter_key'] as const;

function labelsOf({ integration, resource, filterKey }: StreamState) {
  return { integration, resource, filter_key: filterKey };
}

function cacheGauges(registry: Registry): Gauges['caches'] {
  const bytes = gauge(registry, 'cache_bytes', 'Memory that a cache uses now, in bytes.', ['cache']);
  const limit = gauge(registry, 'cache_limit_bytes', 'Maximum memory of a cache, in bytes.', ['cache']);
  return (caches) => {
    for (const each of [bytes, limit]) each.reset();
    for (const { cache, bytes: taken, maxBytes } of caches) {
      bytes.inc({ cache }, taken);
      limit.inc({ cache }, maxBytes);
    }
  };
}

function policyGauges(registry: Registry): Gauges['policy'] {
  const info = gauge(registry, 'policy_info', 'The policy in use, by the SHA-256 of its file: always 1.', [
    'digest',
  ]);
  const valid = gauge(
    registry,
    'policy_valid',
    'Whether the policy file can be used as it is: 1, or 0 while an earlier policy stays in use.',
    [],
  );
  return (digest, problem) => {
    info.reset();
    info.set({ digest }, 1);
    valid.set(problem === null ? 1 : 0);
  };
}

const STATES: Record<ControlVerdict, number> = {
  PASS: 0,
  FAIL: 1,
  INSUFFICIENT_DATA: 2,
  NOT_APPLICABLE: 3,
};

function postureGauge(registry: Registry): Gauges['posture'] {
  const state = new Gauge({
    name: 'abnormal_control_state',
    help: 'State of a control for a window up to now: 0 PASS, 1 FAIL, 2 INSUFFICIENT_DATA, 3 NOT_APPLICABLE; absent until it was first evaluated.',
    labelNames: ['control', 'integration', 'window'],
    registers: [registry],
  });
  return (states) => {
    state.reset();
    for (const { verdict, control, integration, window } of states)
      state.set({ control, integration, window }, STATES[verdict]);
  };
}

function streamGauges(registry: Registry): Gauges['streams'] {
  const status = gauge(
    registry,
    'stream_status',
    'Whether Abnormal allowed a stream to be read at the last attempt: 1 for its current state, 0 for the others.',
    [...STREAM, 'status'],
  );
  const integration = gauge(
    registry,
    'integration_status',
    'State of an integration: 1 for its current state, 0 for the others.',
    ['integration', 'status'],
  );
  const attempt = gauge(
    registry,
    'stream_last_attempt_timestamp_seconds',
    'When a stream was last tried, in seconds since the epoch; absent before the first attempt.',
    STREAM,
  );
  const success = gauge(
    registry,
    'stream_last_success_timestamp_seconds',
    'When a stream was last read to its end, in seconds since the epoch; absent before the first time.',
    STREAM,
  );
  return (states) => {
    for (const each of [status, integration, attempt, success]) each.reset();
    for (const state of states) {
      const labels = labelsOf(state);
      for (const each of STREAM_STATUSES)
        status.set({ ...labels, status: each }, each === state.status ? 1 : 0);
      if (state.lastAttemptAt !== null) attempt.set(labels, unixSeconds(state.lastAttemptAt));
      if (state.lastSuccessAt !== null) success.set(labels, unixSeconds(state.lastSuccessAt));
    }
    for (const name of new Set(states.map((state) => state.integration))) {
      const health = integrationHealth(states.filter((state) => state.integration === name));
      for (const each of INTEGRATION_STATUSES)
        integration.set({ integration: name, status: each }, each === health.status ? 1 : 0);
    }
  };
}

function gapGauges(registry: Registry): Gauges['gaps'] {
  const labels = [...STREAM, 'reason'];
  const count = gauge(
    registry,
    'gaps',
    'Number of spans of source time that are not completely collected, by reason; before each poll there is one for the last interval.',
    labels,
  );
  const longest = gauge(
    registry,
    'longest_gap_seconds',
    'Length of the longest span of source time that is not completely collected, by reason.',
    labels,
  );
  return (lists) => {
    count.reset();
    longest.reset();
    for (const { stream, gaps } of lists) {
      for (const reason of new Set(gaps.map((gap) => gap.reason))) {
        const widths = gaps.flatMap((gap) => (gap.reason === reason ? secondsBetween(gap.from, gap.to) : []));
        const series = { ...labelsOf(stream), reason };
        count.set(series, widths.length);
        longest.set(
          series,
          widths.reduce((a, b) => Math.max(a, b)),
        );
      }
    }
  };
}

type Books = Pick<HistoryStore, 'countQuarantine' | 'documents'>;

/** Measures the history's ledger, streams and runs. */
type HistoryGauges = (store: HistoryStore, integrations: readonly string[], now: Instant) => Promise<void>;

export function createHistoryGauges(registry: Registry): HistoryGauges {
  const quarantine = quarantineGauge(registry);
  const drift = driftGauge(registry);
  const tokens = tokenGauges(registry);
  return async (store, integrations, now) => {
    await Promise.all([quarantine(store, integrations), drift(store), tokens(store, now)]);
  };
}

function quarantineGauge(registry: Registry) {
  const gauge = new Gauge(
    named(
      registry,
      'quarantine_records',
      'Records that could not be read and are requested again with each poll; deleted records are not counted.',
      ['integration', 'kind'],
    ),
  );
  return async (store: Books, integrations: readonly string[]) => {
    const series = integrations.flatMap((integration) => KINDS.map((kind) => ({ integration, kind })));
    const counts = await Promise.all(
      series.map(({ integration, kind }) =>
        store.countQuarantine({ integrations: [integration], kinds: [kind], codes: UNREAD_CODES }),
      ),
    );
    gauge.reset();
    for (const [index, labels] of series.entries()) gauge.set(labels, counts[index] ?? 0);
  };
}

function driftGauge(registry: Registry) {
  const gauge = new Gauge(
    named(registry, 'schema_drift_names', "Unknown fields and values in Abnormal's responses.", [
      'integration',
      'drift',
    ]),
  );
  return async (store: Books) => {
    const documents = await store.documents('drift');
    gauge.reset();
    for (const { id: integration, body } of documents) {
      const { names } = driftOf(body);
      for (const drift of DRIFT_KINDS) {
        gauge.set({ integration, drift }, names.filter(({ kind }) => kind === drift).length);
      }
    }
  };
}

function tokenGauges(registry: Registry) {
  const states = new Gauge(
    named(
      registry,
      'token_state',
      "State of an integration's token: 1 for its current state, 0 for the others.",
      ['integration', 'state'],
    ),
  );
  const due = new Gauge(
    named(
      registry,
      'token_replace_by_timestamp_seconds',
      'Deadline for replacing the token of an integration, in seconds since the epoch; absent if it is not known.',
      ['integration'],
    ),
  );
  return async (store: HistoryStore, now: Instant) => {
    const situations = await readTokenSituations(store);
    states.reset();
    due.reset();
    for (const [integration, situation] of situations) {
      const state = tokenState(situation, now);
      for (const each of TOKEN_STATES) states.set({ integration, state: each }, each === state ? 1 : 0);
      const by = replaceBy(situation);
      if (by !== null) due.set({ integration }, unixSeconds(by));
    }
  };
}
