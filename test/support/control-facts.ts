import type {
  ControlDefinition,
  ControlEvaluation,
  ControlFinding,
  Member,
  Outcome,
  RecordFact,
  RecordVersion,
  Scope,
  StreamFacts,
  ThreatFact,
  VersionedFact,
} from '../../src/controls/control.js';
import { parsePeriod, periodBefore } from '../../src/controls/period.js';
import { ledgerSpan, streamFacts } from '../../src/controls/stream-facts.js';
import type { LedgerEntry, RecordedEntry } from '../../src/model/ledger.js';
import { type Stream, streamsOf } from '../../src/model/stream.js';
import { applyPolicy, NO_POLICY } from '../../src/policy/policy.js';
import { intervalOf, type Thresholds, toThresholds } from '../../src/policy/thresholds.js';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { Detection360ReportRecord } from '../../src/resources/detection360-report/detection360-report.js';
import { CORE_RESOURCES, type Resource } from '../../src/resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../../src/resources/threat/threat.js';
import { type Instant, shift } from '../../src/values/instant.js';
import { campaignKey, caseKey, ledgerEntry, sampleMessage, sampleThreat, threatKey } from './records.js';

/*
 * Plain facts for controls: a scope in which every stream was polled on time and covers everything, to be
 * changed where a test wants something to be wrong.
 */

/** A stretch in which the stream was not polled. */
export interface Outage {
  readonly from: Instant;
  readonly to: Instant;
  /** Polls are tried and fail with this, rather than not tried at all. */
  readonly failure?: string;
  /** Whether the first poll afterwards reads what was missed. */
  readonly caughtUp: boolean;
}

export interface PollPlan {
  /** Polls are made from here on, the first reading back to `reach` before it. */
  readonly from: Instant;
  readonly to: Instant;
  readonly every: number;
  readonly lag: number;
  readonly outages?: readonly Outage[];
}

/** The ledger that regular polls of a stream leave, in the order of recording. */
export function pollLedger(stream: Stream, plan: PollPlan): RecordedEntry[] {
  const entries: RecordedEntry[] = [];
  let settled = shift(plan.from, -plan.every - plan.lag);
  let from = settled;
  const add = (changes: Partial<LedgerEntry>) => {
    entries.push({ ...ledgerEntry({ ...stream, ...changes }), seq: entries.length + 1 });
  };
  for (let at = plan.from; at <= plan.to; at = shift(at, plan.every)) {
    const outage = plan.outages?.find((each) => at >= each.from && at < each.to);
    if (outage) {
      // what was tried and failed has a name up to the last try
      if (!outage.caughtUp) from = outage.failure === undefined ? outage.to : at;
      const failed = { from: settled, to: at, readAt: at, settledTo: at, status: 'FAILED' } as const;
      if (outage.failure !== undefined) add({ ...failed, reason: outage.failure });
    } else if (from < at) {
      settled = shift(at, -plan.lag);
      add({ from, to: at, readAt: at, settledTo: settled });
      from = settled;
    }
  }
  return entries;
}

/** The facts of a stream with this ledger. */
export function factsOf(
  stream: Stream,
  entries: readonly RecordedEntry[],
  { period, now, thresholds }: Pick<Scope, 'period' | 'now' | 'thresholds'>,
): StreamFacts {
  const { from, to } = ledgerSpan(period, stream, thresholds);
  const answered = entries.filter(({ status }) => status === 'COMPLETE' || status === 'PARTIAL');
  return streamFacts({
    ...{ stream, period, now, thresholds },
    entries: entries.filter((entry) => entry.from < to && entry.to > from),
    polledFrom: answered.map(({ readAt }) => readAt).sort()[0] ?? null,
    begunFrom: answered.map((entry) => entry.from).sort()[0] ?? null,
  });
}

export interface ScopeChanges {
  readonly period?: string;
  readonly now?: Instant;
  readonly thresholds?: Partial<Thresholds>;
  readonly integrations?: readonly string[];
  /** What befell which streams. */
  readonly outages?: (stream: Stream) => readonly Outage[];
  /** The ledger of a stream instead of that of regular polls; `null` leaves the usual one. */
  readonly ledger?: (stream: Stream) => readonly RecordedEntry[] | null;
  readonly credentials?: Scope['credentials'];
  readonly reconciliations?: Scope['reconciliations'];
  /** From where on polls are made. */
  readonly polledFrom?: Instant;
  /** What is collected. */
  readonly resources?: readonly Resource[];
}

/** A scope that covers its period: September 2026, judged two weeks later, unless said otherwise. */
export function scopeOf(changes: ScopeChanges = {}): Scope {
  const period = parsePeriod(changes.period ?? '2026-09');
  const before = periodBefore(period);
  const now = changes.now ?? shift(period.to, 14 * 24 * 3_600_000);
  const thresholds = toThresholds(changes.thresholds);
  const integrations = changes.integrations ?? ['default'];
  const streams = integrations.flatMap((name) =>
    (changes.resources ?? CORE_RESOURCES).flatMap((resource) => streamsOf(name, resource)),
  );
  const factsFor = (each: typeof period) =>
    streams.map((stream) => {
      const plan = {
        from: changes.polledFrom ?? shift(before.from, -7 * 24 * 3_600_000),
        to: now,
        every: intervalOf(thresholds, stream.resource),
        lag: thresholds.ingestionLag,
        outages: changes.outages?.(stream) ?? [],
      };
      return factsOf(stream, changes.ledger?.(stream) ?? pollLedger(stream, plan), {
        period: each,
        now,
        thresholds,
      });
    });
  return {
    ...{ period, before, now, thresholds, integrations },
    rules: applyPolicy(NO_POLICY, {}, changes.thresholds),
    streams: factsFor(period),
    streamsBefore: factsFor(before),
    credentials: changes.credentials ?? [],
    reconciliations: changes.reconciliations ?? [],
  };
}

export interface Ran extends ControlEvaluation {
  readonly findings: readonly ControlFinding[];
  readonly members: readonly Member[];
  readonly exceptions: readonly ControlFinding[];
  readonly outcomes: Readonly<Record<Outcome, number>>;
}

/** Runs a control over facts. */
export function run(control: ControlDefinition, scope: Scope, facts: readonly RecordFact[] = []): Ran {
  const findings: ControlFinding[] = [];
  const members: Member[] = [];
  const assessment = control.begin(
    scope,
    (finding) => findings.push(finding),
    (member, ruling) => {
      members.push(member);
      if (ruling) findings.push({ ...ruling, ...member });
      return ruling?.outcome ?? 'MET';
    },
  );
  for (const fact of facts) assessment.take(fact);
  const judgement = assessment.evaluate();
  const of = (outcome: Outcome) => findings.filter((finding) => finding.outcome === outcome);
  const outcomes = {
    MET: of('MET').length,
    EXCEPTION: of('EXCEPTION').length,
    PENDING: of('PENDING').length,
    IN_DOUBT: of('IN_DOUBT').length,
    WAIVED: of('WAIVED').length,
  };
  return { ...judgement, findings, members, exceptions: of('EXCEPTION'), outcomes };
}

let made = 0;

/** A threat with these messages. */
export function threatFact(
  messages: readonly Partial<MessageRecord>[],
  changes: Partial<ThreatRecord> = {},
): ThreatFact {
  made += 1;
  const record = sampleThreat(`threat-${made}`, {
    messages: messages.map((message, i) => sampleMessage(`${made}${String(i).padStart(4, '0')}`, message)),
    recipientCount: messages.length,
    ...changes,
  });
  return { kind: 'threat', key: threatKey(record.threatId), record, firstRecordedAt: null, ...NOTHING_GONE };
}

const NOTHING_GONE = { goneSince: null, goneMessages: new Map<MessageRecord, Instant>() };

/** A message that was received at `at` and remediated after `ms`; `null`: not at all. */
export function mail(
  at: Instant,
  ms: number | null,
  changes: Partial<MessageRecord> = {},
): Partial<MessageRecord> {
  if (ms === null) {
    const none = { remediationTime: null, autoRemediated: false, postRemediated: false };
    return { receivedTime: at, remediationStatusRaw: 'Not remediated', ...none, ...changes };
  }
  return { receivedTime: at, remediationTime: shift(at, ms), ...changes };
}

/** One version of a record as the history has it. */
export type VersionOf<R> = readonly [observedFrom: Instant, record: R, verifiedAt?: Instant];

export function caseFact(
  id: string,
  versions: readonly [VersionOf<CaseRecord>, ...VersionOf<CaseRecord>[]],
): VersionedFact<'case'> {
  return { kind: 'case', key: caseKey(id), versions: toVersions(versions), goneSince: null };
}

export function campaignFact(
  id: string,
  versions: readonly [VersionOf<CampaignRecord>, ...VersionOf<CampaignRecord>[]],
): VersionedFact<'campaign'> {
  return { kind: 'campaign', key: campaignKey(id), versions: toVersions(versions), goneSince: null };
}

export function reportFact(
  id: string,
  versions: readonly [VersionOf<Detection360ReportRecord>, ...VersionOf<Detection360ReportRecord>[]],
): VersionedFact<'detection360Report'> {
  const key = { ...caseKey(id), kind: 'detection360Report' } as const;
  return { kind: 'detection360Report', key, versions: toVersions(versions), goneSince: null };
}

function toVersions<R>(
  versions: readonly [VersionOf<R>, ...VersionOf<R>[]],
): [RecordVersion<R>, ...RecordVersion<R>[]] {
  const made = versions.map(([observedFrom, record, verifiedAt], i) => ({
    ...{ observedFrom, record },
    verifiedAt: i === versions.length - 1 ? null : (verifiedAt ?? observedFrom),
  }));
  return made as [RecordVersion<R>, ...RecordVersion<R>[]];
}
