import type { Registry } from 'prom-client';
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
import { KINDS, type Resource } from '../resources/registry.js';
import type { CacheGauge } from '../values/bounded-cache.js';
import type { Instant } from '../values/instant.js';
import type { DeliveryStatus } from '../webhooks/deliveries.js';
import { gaugesOf, secondsBetween, unixSeconds } from './counters.js';

export interface MeasuredState {
  readonly control: string;
  readonly integration: string;
  readonly window: string;
  readonly verdict: ControlVerdict;
}

const STREAM = ['integration', 'resource', 'filter_key'] as const;

const STATES: Record<ControlVerdict, number> = { PASS: 0, FAIL: 1, INSUFFICIENT_DATA: 2, NOT_APPLICABLE: 3 };

/** Every gauge, with its labels. Times are in seconds since the epoch. */
function registerGauges(registry: Registry) {
  return {
    ...gaugesOf(registry, [], {
      history_up: 'Whether the history responds: 1 or 0.',
      history_head_seq: 'Sequence number of the newest batch in the history.',
      history_head_timestamp_seconds: 'When the newest batch was recorded, in seconds since the epoch.',
      history_writable: 'Whether the last writes to the history succeeded: 1 or 0.',
      history_write_failing_since_timestamp_seconds:
        'Since when writes to the history fail, in seconds since the epoch; 0 while they succeed.',
      history_write_failures: 'Writes to the history that failed since the process started.',
    }),
    ...gaugesOf(registry, ['integration'], {
      upstream_budget_limit_requests: 'Requests allowed for an integration in any 60 seconds (UPSTREAM_RPM).',
      upstream_budget_used_requests:
        'Requests that count against the limit now: in flight, or answered within the last 60 seconds.',
    }),
    ...gaugesOf(registry, ['integration', 'priority'], {
      upstream_budget_waiting_requests: 'Requests waiting for the rate budget, by purpose.',
    }),
    ...gaugesOf(registry, ['cache'], {
      cache_bytes: 'Memory that a cache uses now, in bytes.',
      cache_limit_bytes: 'Maximum memory of a cache, in bytes.',
    }),
    ...gaugesOf(registry, ['digest'], {
      policy_info: 'The policy in use, by the SHA-256 of its file: always 1.',
    }),
    ...gaugesOf(registry, [], {
      policy_valid:
        'Whether the policy file can be used as it is: 1, or 0 while an earlier policy stays in use.',
    }),
    ...gaugesOf(registry, [...STREAM, 'status'], {
      stream_status:
        'Whether Abnormal allowed a stream to be read at the last attempt: 1 for its current state, 0 for the others.',
    }),
    ...gaugesOf(registry, ['integration', 'status'], {
      integration_status: 'State of an integration: 1 for its current state, 0 for the others.',
    }),
    ...gaugesOf(registry, STREAM, {
      stream_last_attempt_timestamp_seconds:
        'When a stream was last tried, in seconds since the epoch; absent before the first attempt.',
      stream_last_success_timestamp_seconds:
        'When a stream was last read to its end, in seconds since the epoch; absent before the first time.',
    }),
    ...gaugesOf(
      registry,
      ['control', 'integration', 'window'],
      {
        control_state:
          'State of a control for a window up to now: 0 PASS, 1 FAIL, 2 INSUFFICIENT_DATA, 3 NOT_APPLICABLE; absent until it was first evaluated.',
      },
      'abnormal_',
    ),
    ...gaugesOf(registry, [...STREAM, 'reason'], {
      gaps: 'Number of spans of source time that are not completely collected, by reason; before each poll there is one for the last interval.',
      longest_gap_seconds:
        'Length of the longest span of source time that is not completely collected, by reason.',
    }),
    ...gaugesOf(registry, ['integration', 'kind'], {
      quarantine_records:
        'Records that could not be read and are requested again with each poll; deleted records are not counted.',
    }),
    ...gaugesOf(registry, ['integration', 'drift'], {
      schema_drift_names: "Unknown fields and values in Abnormal's responses.",
    }),
    ...gaugesOf(registry, ['integration', 'state'], {
      token_state: "State of an integration's token: 1 for its current state, 0 for the others.",
    }),
    ...gaugesOf(registry, ['integration'], {
      token_replace_by_timestamp_seconds:
        'Deadline for replacing the token of an integration, in seconds since the epoch; absent if it is not known.',
    }),
    ...gaugesOf(registry, ['webhook'], {
      webhook_failing_since_timestamp_seconds:
        'Since when a webhook does not accept a message, in seconds since the epoch; 0 while it accepts all.',
      webhook_dead_letters: 'Messages that a webhook did not accept for days; see “webhooks replay”.',
      webhook_behind_batches: 'Recorded batches of which a webhook was not notified yet.',
    }),
    ...gaugesOf(registry, ['resource'], {
      poll_interval_seconds: 'Polling interval of a resource, in seconds.',
    }),
  };
}

/** What is measured at each scrape; each method replaces the values of its gauges. */
export class Gauges {
  readonly #of: ReturnType<typeof registerGauges>;

  constructor(registry: Registry) {
    this.#of = registerGauges(registry);
  }

  history(head: Pin | null): void {
    this.#of.history_up.set(head ? 1 : 0);
    if (!head) return;
    this.#of.history_head_seq.set(head.seq);
    this.#of.history_head_timestamp_seconds.set(unixSeconds(head.at));
  }

  writes(failure: WriteFailure | null, failures: number): void {
    this.#of.history_writable.set(failure ? 0 : 1);
    this.#of.history_write_failing_since_timestamp_seconds.set(failure ? unixSeconds(failure.since) : 0);
    this.#of.history_write_failures.set(failures);
  }

  budgets(snapshots: ReadonlyMap<string, BudgetSnapshot>): void {
    const {
      upstream_budget_limit_requests: limit,
      upstream_budget_used_requests: used,
      upstream_budget_waiting_requests: waiting,
    } = this.#of;
    for (const each of [limit, used, waiting]) each.reset();
    for (const [integration, snapshot] of snapshots) {
      limit.set({ integration }, snapshot.limit);
      used.set({ integration }, snapshot.used);
      for (const [priority, count] of Object.entries(snapshot.waiting))
        waiting.set({ integration, priority }, count);
    }
  }

  caches(caches: readonly CacheGauge[]): void {
    const { cache_bytes: bytes, cache_limit_bytes: limit } = this.#of;
    for (const each of [bytes, limit]) each.reset();
    for (const { cache, bytes: taken, maxBytes } of caches) {
      bytes.inc({ cache }, taken);
      limit.inc({ cache }, maxBytes);
    }
  }

  policy(digest: string, problem: string | null): void {
    this.#of.policy_info.reset();
    this.#of.policy_info.set({ digest }, 1);
    this.#of.policy_valid.set(problem === null ? 1 : 0);
  }

  posture(states: readonly MeasuredState[]): void {
    this.#of.control_state.reset();
    for (const { verdict, control, integration, window } of states)
      this.#of.control_state.set({ control, integration, window }, STATES[verdict]);
  }

  streams(states: readonly StreamState[]): void {
    const {
      stream_status: status,
      integration_status: integration,
      stream_last_attempt_timestamp_seconds: attempt,
      stream_last_success_timestamp_seconds: success,
    } = this.#of;
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
  }

  gaps(lists: readonly { readonly stream: StreamState; readonly gaps: readonly CoverageGap[] }[]): void {
    const { gaps: count, longest_gap_seconds: longest } = this.#of;
    for (const each of [count, longest]) each.reset();
    for (const { stream, gaps } of lists) {
      for (const reason of new Set(gaps.map((gap) => gap.reason))) {
        const widths = gaps.flatMap((gap) => (gap.reason === reason ? secondsBetween(gap.from, gap.to) : []));
        count.set({ ...labelsOf(stream), reason }, widths.length);
        longest.set({ ...labelsOf(stream), reason }, Math.max(...widths));
      }
    }
  }

  webhooks(webhooks: readonly DeliveryStatus[]): void {
    const {
      webhook_failing_since_timestamp_seconds: failing,
      webhook_dead_letters: dead,
      webhook_behind_batches: batches,
    } = this.#of;
    for (const each of [failing, dead, batches]) each.reset();
    for (const { name: webhook, failure, deadLetters, behind } of webhooks) {
      failing.set({ webhook }, failure ? unixSeconds(failure.since) : 0);
      dead.set({ webhook }, deadLetters);
      batches.set({ webhook }, behind);
    }
  }

  /** In milliseconds; with them an alert can say which stream is late. */
  intervals(pollEvery: Readonly<Partial<Record<Resource, number>>>): void {
    for (const [resource, ms] of Object.entries(pollEvery))
      this.#of.poll_interval_seconds.set({ resource }, ms / 1000);
  }

  async stored(store: HistoryStore, integrations: readonly string[], now: Instant): Promise<void> {
    await Promise.all([this.#quarantine(store, integrations), this.#drift(store), this.#tokens(store, now)]);
  }

  async #quarantine(store: HistoryStore, integrations: readonly string[]): Promise<void> {
    const series = integrations.flatMap((integration) => KINDS.map((kind) => ({ integration, kind })));
    const counts = await Promise.all(
      series.map(({ integration, kind }) =>
        store.countQuarantine({ integrations: [integration], kinds: [kind], codes: UNREAD_CODES }),
      ),
    );
    this.#of.quarantine_records.reset();
    for (const [index, labels] of series.entries())
      this.#of.quarantine_records.set(labels, counts[index] ?? 0);
  }

  async #drift(store: HistoryStore): Promise<void> {
    const documents = await store.documents('drift');
    this.#of.schema_drift_names.reset();
    for (const { id: integration, body } of documents) {
      const { names } = driftOf(body);
      for (const drift of DRIFT_KINDS) {
        const count = names.filter(({ kind }) => kind === drift).length;
        this.#of.schema_drift_names.set({ integration, drift }, count);
      }
    }
  }

  async #tokens(store: HistoryStore, now: Instant): Promise<void> {
    const { token_state: states, token_replace_by_timestamp_seconds: due } = this.#of;
    const situations = await readTokenSituations(store);
    for (const each of [states, due]) each.reset();
    for (const [integration, situation] of situations) {
      const state = tokenState(situation, now);
      for (const each of TOKEN_STATES) states.set({ integration, state: each }, each === state ? 1 : 0);
      const by = replaceBy(situation);
      if (by !== null) due.set({ integration }, unixSeconds(by));
    }
  }
}

function labelsOf({ integration, resource, filterKey }: StreamState) {
  return { integration, resource, filter_key: filterKey };
}
