import type { CredentialFact } from '../../src/controls/control.js';
import { parsePeriod, type TrendUnit } from '../../src/controls/period.js';
import { controlsOf } from '../../src/controls/registry.js';
import {
  type EvidenceOptions,
  evaluatePeriod,
  type PeriodEvidence,
} from '../../src/evidence/evaluate-period.js';
import type { HistoryStore, Pin } from '../../src/history/store.js';
import type { LedgerEntry } from '../../src/model/ledger.js';
import type { Observation } from '../../src/model/revision.js';
import { type Stream, streamsOf } from '../../src/model/stream.js';
import { applyPolicy, CONTROL_IDS, NO_POLICY, type Policy } from '../../src/policy/policy.js';
import { intervalOf, type Thresholds, toThresholds } from '../../src/policy/thresholds.js';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import { CORE_RESOURCES, type RecordKey } from '../../src/resources/registry.js';
import type { ThreatRecord } from '../../src/resources/threat/threat.js';
import { type Instant, shift } from '../../src/values/instant.js';
import { type Outage, pollLedger } from './control-facts.js';
import { batchOf, observeCampaign, observeCase, observeThreat, sampleRun, streamState } from './records.js';

/** Something that a poll saw at an instant. */
export interface Seen {
  readonly at: Instant;
  readonly threat?: ThreatRecord;
  readonly case?: CaseRecord;
  readonly campaign?: CampaignRecord;
  /** A record that answered 404, in a second run. */
  readonly gone?: Pick<RecordKey, 'kind' | 'id'>;
}

export interface HistoryPlan {
  readonly integration?: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly outages?: (stream: Stream) => readonly Outage[];
  readonly seen?: readonly Seen[];
  /** Ledger entries beside those of the polls, recorded at their `readAt`. */
  readonly ledger?: readonly LedgerEntry[];
  /** Only what happened up to then; the rest of the same plan may be recorded later. */
  readonly until?: Instant;
  /** Batch ids begin with it, where a store is given several plans. */
  readonly prefix?: string;
}

/** Records what regular polls of an account between two instants leave, with what they saw on the way. */
export async function recordHistory(store: HistoryStore, plan: HistoryPlan): Promise<Pin> {
  const { integration = 'default', prefix = 'batch' } = plan;
  const thresholds = toThresholds();
  const streams = CORE_RESOURCES.flatMap((resource) => streamsOf(integration, resource));
  const entries = streams.flatMap((stream) =>
    pollLedger(stream, {
      ...{ from: plan.from, to: plan.to, lag: thresholds.ingestionLag },
      every: intervalOf(thresholds, stream.resource),
      outages: plan.outages?.(stream) ?? [],
    }),
  );
  const steps = new Map<Instant, { ledger: LedgerEntry[]; seen: Seen[] }>();
  const stepAt = (at: Instant) => {
    const step = steps.get(at) ?? { ledger: [], seen: [] };
    steps.set(at, step);
    return step;
  };
  for (const entry of [...entries, ...(plan.ledger ?? [])]) stepAt(entry.readAt).ledger.push(entry);
  for (const seen of plan.seen ?? []) stepAt(seen.at).seen.push(seen);
  for (const [at, step] of [...steps].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (plan.until !== undefined && at > plan.until) break;
    const { seq: basis } = await store.head();
    const seenAs = { integration, fetchedAt: at, basis };
    const observations = step.seen.flatMap((seen): Observation[] => [
      ...(seen.threat ? [observeThreat(seen.threat, seenAs)] : []),
      ...(seen.case ? [observeCase(seen.case, seenAs)] : []),
      ...(seen.campaign ? [observeCampaign(seen.campaign, seenAs)] : []),
    ]);
    const recorded = await store.record(
      batchOf(`${prefix}-${at}`, {
        now: at,
        run: sampleRun(`${prefix}-${at}`, { integration, startedAt: at, endedAt: at, status: 'SUCCEEDED' }),
        ledger: step.ledger,
        observations,
        tombstones: step.seen.flatMap(({ gone }) => (gone ? [{ integration, ...gone }] : [])),
        streams: streams.map((stream) => streamState({ ...stream, lastSuccessAt: at })),
      }),
    );
    if (recorded.conflicts.length > 0) throw new Error('the plan contradicts itself');
  }
  return store.head();
}

export interface Question {
  readonly period: string;
  readonly pin?: Pin;
  readonly controls?: readonly string[];
  readonly integrations?: readonly string[];
  readonly thresholds?: Partial<Thresholds>;
  readonly policy?: Policy;
  readonly credentials?: readonly CredentialFact[];
  readonly trend?: TrendUnit;
  readonly keep?: { readonly skip: number; readonly limit: number };
}

/** Asks for evidence, at the head unless a pin is given. */
export async function ask(
  store: HistoryStore,
  question: Question,
  options?: EvidenceOptions,
): Promise<PeriodEvidence> {
  return evaluatePeriod(
    store,
    {
      period: parsePeriod(question.period),
      controls: controlsOf(question.controls ?? CONTROL_IDS),
      pin: question.pin ?? (await store.head()),
      integrations: question.integrations ?? null,
      rules: applyPolicy(question.policy ?? NO_POLICY, {}, question.thresholds),
      credentials: question.credentials ?? [],
      trend: question.trend ?? null,
      keep: question.keep ?? { skip: 0, limit: 1000 },
    },
    options,
  );
}

/** An instant so many hours after another. */
export function hoursAfter(at: Instant, hours: number): Instant {
  return shift(at, hours * 3_600_000);
}
