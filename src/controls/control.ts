import type { Coverage, CoverageGap, Missing } from '../model/ledger.js';
import type { ReconciliationRecord } from '../model/run.js';
import type { Stream } from '../model/stream.js';
import type { FrameworkReferences } from '../policy/frameworks.js';
import type { ControlId, Rules, Waiver } from '../policy/policy.js';
import type { ThresholdName, Thresholds } from '../policy/thresholds.js';
import {
  CORE_RESOURCES,
  FILTER_KEYS,
  type FilterKey,
  type RecordKey,
  type RecordOf,
  type VersionedKind,
} from '../resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../resources/threat/threat.js';
import type { Instant } from '../values/instant.js';
import type { Period } from './period.js';

/** `INSUFFICIENT_DATA`: undecided. `NOT_APPLICABLE`: no members, or the feature is missing. */
export type ControlVerdict = 'PASS' | 'FAIL' | 'INSUFFICIENT_DATA' | 'NOT_APPLICABLE';

export interface ThreatFact {
  readonly kind: 'threat';
  readonly key: RecordKey;
  /** Its last recorded state, including every message ever recorded in its own last state. */
  readonly record: ThreatRecord;
  /** When its first version was recorded; used if no message has a received time. */
  readonly firstRecordedAt: Instant | null;
  readonly goneSince: Instant | null;
  /** Messages that Abnormal no longer returns, with the time since. */
  readonly goneMessages: ReadonlyMap<MessageRecord, Instant>;
}

export interface RecordVersion<R> {
  readonly record: R;
  readonly observedFrom: Instant;
  /** The last request that returned it; `null` for the current version. */
  readonly verifiedAt: Instant | null;
}

/** A record with its versions up to the view, oldest first, tombstones left out. */
export interface VersionedFact<K extends VersionedKind> {
  readonly kind: K;
  readonly key: RecordKey;
  readonly versions: readonly [RecordVersion<RecordOf[K]>, ...RecordVersion<RecordOf[K]>[]];
  /** Since when Abnormal no longer returns it (404 in two runs); `null` while it does. */
  readonly goneSince: Instant | null;
}

export type RecordFact = ThreatFact | { [K in VersionedKind]: VersionedFact<K> }[VersionedKind];

export interface CredentialFact {
  readonly integration: string;
  /** `NONE`: the account has none, such as the simulated one. */
  readonly kind: 'TOKEN' | 'NONE';
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Since when the gateway has it: without an issue time it is at least that old. */
  readonly storedAt?: Instant | null;
  readonly replacedAt?: Instant | null;
  /** As Abnormal last reported them; missing if it does not. */
  readonly permissions?: readonly string[] | undefined;
}

export interface Scope {
  readonly period: Period;
  readonly before: Period;
  /** The instant of the view, used as now. */
  readonly now: Instant;
  readonly rules: Rules;
  readonly thresholds: Thresholds;
  readonly integrations: readonly string[];
  readonly streams: readonly StreamFacts[];
  readonly streamsBefore: readonly StreamFacts[];
  readonly credentials: readonly CredentialFact[];
  readonly reconciliations: readonly ReconciliationFact[];
}

/** The subject of a finding: a record or one of its messages, a span of a stream, or an account. */
export type Subject =
  | { readonly type: 'RECORD'; readonly key: RecordKey; readonly messageId: string | null }
  | { readonly type: 'SPAN'; readonly stream: Stream; readonly from: Instant; readonly to: Instant }
  | { readonly type: 'INTEGRATION'; readonly integration: string };

/**
 * `PENDING`: before its deadline. `IN_DOUBT`: undecided. `WAIVED`: an exception that the policy accepts. Only an
 * `EXCEPTION` counts against the control.
 */
export type Outcome = 'MET' | 'EXCEPTION' | 'PENDING' | 'IN_DOUBT' | 'WAIVED';

export type Counts = Record<Outcome, number>;

export function noCounts(): Counts {
  return { MET: 0, EXCEPTION: 0, PENDING: 0, IN_DOUBT: 0, WAIVED: 0 };
}

export interface ControlFinding {
  readonly outcome: Outcome;
  readonly subject: Subject;
  /** Text of the record by which people recognise it: a subject and a recipient, an employee. */
  readonly label: string | null;
  readonly at: Instant | null;
  readonly reason: string;
  /** For a record or a message: since when Abnormal no longer returns it; `null` or missing while it does. */
  readonly noLongerGivenSince?: Instant | null;
  readonly waiver?: Waiver;
}

export type Ruling = Pick<ControlFinding, 'outcome' | 'reason'>;

export interface Member {
  readonly subject: Extract<Subject, { readonly type: 'RECORD' }>;
  readonly label: string | null;
  readonly at: Instant | null;
  readonly noLongerGivenSince: Instant | null;
}

/** A finding that is not about a member: a gap, which no waiver hides. */
export type Find = (finding: ControlFinding) => void;

/** A member, with its outcome if it has one; gives the outcome that counts, which a waiver may change. */
export type Belongs = (member: Member, ruling?: Ruling) => Outcome;

export type PopulationUnit = 'share' | 'ms' | 'count';

export interface ControlMeasure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: PopulationUnit;
  readonly threshold: { readonly value: number; readonly bound: 'AT_LEAST' | 'AT_MOST' } | null;
}

export interface ControlDistribution {
  readonly title: string;
  readonly bars: readonly {
    readonly label: string;
    readonly count: number;
    readonly before: number | null;
  }[];
}

export interface Cause {
  /** The name of the measure that decided; `null` if none did. */
  readonly measure: string | null;
  readonly next: string;
}

export interface HeadlineFacts {
  readonly measure: ControlMeasure | null;
  readonly text: string;
  /** The next step; `null` if there is none. */
  readonly next: string | null;
}

export interface ControlEvaluation {
  readonly verdict: ControlVerdict;
  readonly reason: string;
  readonly headline: HeadlineFacts;
  readonly measures: readonly ControlMeasure[];
  readonly count: number;
  readonly distributions: readonly ControlDistribution[];
}

export interface PopulationSpec {
  readonly unit: string;
  /** Which records belong to it, and by which time. */
  readonly words: string;
  /** Whether its members are records or messages, which the graph lists under `population`. */
  readonly isListed: boolean;
}

/** One control on one period: takes the records one by one, then evaluates. */
export interface Assessment {
  take(fact: RecordFact): void;
  evaluate(): ControlEvaluation;
}

export interface StreamNeed {
  readonly resource: Stream['resource'];
  readonly filterKey: FilterKey;
}

/** One control: a pure function of its input. */
export interface ControlDefinition {
  readonly id: ControlId;
  readonly title: string;
  readonly rule: string;
  readonly references: FrameworkReferences;
  /** How far the evidence goes, and what it does not show. */
  readonly limits: string;
  readonly thresholds: readonly ThresholdName[];
  readonly needs: readonly StreamNeed[];
  readonly takes: readonly RecordFact['kind'][];
  /** Whether it also needs the records of the period before. */
  readonly looksBack: boolean;
  readonly population: PopulationSpec;
  /** `belongs` gets each member, `find` all findings that are not about a member. */
  begin(scope: Scope, find: Find, belongs: Belongs): Assessment;
}

/** Those of the core resources: other ones may be switched on and off, which must not change a verdict. */
export const CORE_STREAMS: readonly StreamNeed[] = CORE_RESOURCES.flatMap((resource) =>
  FILTER_KEYS[resource].map((filterKey) => ({ resource, filterKey })),
);

export const RECEIVED_THREATS = [{ resource: 'threats', filterKey: 'receivedTime' }] as const;

/**
 * `NOT_DUE`: too recent to be complete. `UNREACHED`: before the collection's beginning, out of retention, or
 * not licensed: nothing was lost. `HOLE`: should have been collected and was not.
 */
export type CoverageGapClass = 'NOT_DUE' | 'UNREACHED' | 'HOLE';

export interface ClassedGap extends CoverageGap {
  readonly class: CoverageGapClass;
}

export interface StreamFacts {
  readonly stream: Stream;
  /** False if every response so far was that there is no licence. */
  readonly licensed: boolean;
  readonly refusal: string | null;
  readonly coverage: Coverage;
  /** The gaps that prevent a verdict: those of the period, extended as in `requiredUntil`. */
  readonly gaps: readonly ClassedGap[];
  /** Gaps of the period and of the deadlines after it. */
  readonly gapsBeyond: readonly CoverageGap[];
  /** The times of successful polls, in the period and around it as far as deadlines and intervals extend. */
  readonly answeredAt: readonly Instant[];
  readonly polledFrom: Instant | null;
  /** Spans without a successful poll longer than an interval and the lag. */
  readonly missedPolls: readonly MissedPoll[];
  /** Unread listed records where coverage must be complete; `GONE` ones are not missing. */
  readonly missing: readonly Missing[];
}

export interface MissedPoll {
  readonly from: Instant;
  readonly to: Instant;
  readonly missed: number;
  readonly failed: number;
  readonly failure: string | null;
}

export interface ReconciliationFact {
  readonly integration: string;
  readonly endedAt: Instant;
  readonly found: ReconciliationRecord;
  /** Missing records that are still not stored in the view; ids beyond the stored sample count as missing. */
  readonly stillMissing: readonly string[];
  readonly stillMissingMore: number;
}
