import type { Coverage, CoverageGap, Missing } from '../model/coverage.js';
import type { ReconciliationRecord } from '../model/run.js';
import type { Stream } from '../model/stream.js';
import {
  FILTER_KEYS,
  type FilterKey,
  RESOURCES,
  type RecordKey,
  type RecordOf,
  type VersionedKind,
} from '../resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../resources/threat/threat.js';
import type { Instant } from '../values/instant.js';
import type { Period } from './period.js';
import type { ThresholdName, Thresholds } from './thresholds.js';

export const CONTROL_IDS = [
  'detection-active',
  'attacks-captured',
  'attacks-remediated',
  'account-takeover-handled',
  'behavioural-ai-operating',
  'abuse-mailbox-operating',
  'collection-continuous',
  'token-rotation',
] as const;
export type ControlId = (typeof CONTROL_IDS)[number];

/**
 * `INSUFFICIENT_DATA`: what is recorded does not decide it. `NOT_APPLICABLE`: there is nothing that the
 * control could be about.
 */
export type ControlVerdict = 'PASS' | 'FAIL' | 'INSUFFICIENT_DATA' | 'NOT_APPLICABLE';

/** A threat by all of its versions up to the view. */
export interface ThreatFact {
  readonly kind: 'threat';
  readonly key: RecordKey;
  /** Its last recorded state, with every message ever recorded in that message's last recorded state. */
  readonly record: ThreatRecord;
  /** When its first version was recorded: what counts where no message says when it was received. */
  readonly firstRecordedAt: Instant | null;
  /** Since when Abnormal no longer returns it (404 in two runs); `null` while it does. */
  readonly goneSince: Instant | null;
  /** Its messages that Abnormal no longer returns, with since when. */
  readonly goneMessages: ReadonlyMap<MessageRecord, Instant>;
}

/** One version of a record. */
export interface RecordVersion<R> {
  readonly record: R;
  readonly observedFrom: Instant;
  /** The last request that saw it, where it was superseded; `null` for the one that the view shows. */
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

export type CaseFact = VersionedFact<'case'>;
export type CampaignFact = VersionedFact<'campaign'>;
export type RecordFact = ThreatFact | { [K in VersionedKind]: VersionedFact<K> }[VersionedKind];

/** What is known of an account's credential; an account that had several has a fact for each. */
export interface CredentialFact {
  readonly integration: string;
  /** `NONE`: the account has none, as the simulated one. */
  readonly kind: 'TOKEN' | 'NONE';
  readonly issuedAt: Instant | null;
  readonly expiresAt: Instant | null;
  /** Since when the gateway has had it: where nobody says when it was issued, it is at least that old. */
  readonly storedAt?: Instant | null;
  /** When another took its place; `null` for the present one. */
  readonly replacedAt?: Instant | null;
  /** What it may do, as Abnormal last said; absent where it does not say. */
  readonly permissions?: readonly string[] | undefined;
}

/** All that a verdict depends on besides the records. */
export interface Scope {
  readonly period: Period;
  readonly before: Period;
  /** The instant of the view: what counts as now. */
  readonly now: Instant;
  readonly thresholds: Thresholds;
  readonly integrations: readonly string[];
  /** Every stream of every integration, over the period. */
  readonly streams: readonly StreamFacts[];
  /** The same over the period before; empty where no control asks for it. */
  readonly streamsBefore: readonly StreamFacts[];
  readonly credentials: readonly CredentialFact[];
  /** Comparisons of the threats held with Abnormal’s own, those that touch the period. */
  readonly reconciliations: readonly ReconciliationFact[];
}

/** What a finding is about: a record, perhaps one message of it, or a span of a stream, or an account. */
export type Subject =
  | { readonly type: 'RECORD'; readonly key: RecordKey; readonly messageId: string | null }
  | { readonly type: 'SPAN'; readonly stream: Stream; readonly from: Instant; readonly to: Instant }
  | { readonly type: 'INTEGRATION'; readonly integration: string };

/**
 * What became of one member of a population. `PENDING`: its time is not up yet. `IN_DOUBT`: what is recorded
 * cannot tell. Only an `EXCEPTION` counts against the control.
 */
export type Outcome = 'MET' | 'EXCEPTION' | 'PENDING' | 'IN_DOUBT';

export interface ControlFinding {
  readonly outcome: Outcome;
  readonly subject: Subject;
  /** What a person knows it by, from the record itself: a subject and a recipient, an employee. */
  readonly label: string | null;
  /** The instant by which it belongs to the period. */
  readonly at: Instant | null;
  /** For a person: why it is what it is. */
  readonly reason: string;
  /** Of a record or a message: since when Abnormal no longer returns it; `null` or absent while it does. */
  readonly noLongerGivenSince?: Instant | null;
}

/** A record or a message that belongs to a population. */
export interface Member {
  readonly subject: Extract<Subject, { readonly type: 'RECORD' }>;
  readonly label: string | null;
  readonly at: Instant | null;
  readonly noLongerGivenSince: Instant | null;
}

export type Unit = 'share' | 'ms' | 'count';

/** One number that was measured, and what it is held against. */
export interface ControlMeasure {
  readonly name: string;
  readonly value: number | null;
  readonly unit: Unit;
  readonly threshold: { readonly value: number; readonly bound: 'AT_LEAST' | 'AT_MOST' } | null;
}

/** How a population spreads over the values of one attribute, in a fixed order. */
export interface ControlDistribution {
  readonly title: string;
  readonly bars: readonly {
    readonly label: string;
    readonly count: number;
    readonly before: number | null;
  }[];
}

/** What a control says of a period. */
export interface ControlJudgement {
  readonly verdict: ControlVerdict;
  /** One sentence or two, for a person. */
  readonly reason: string;
  /** The first is what the control is known by. */
  readonly measures: readonly ControlMeasure[];
  /** Members of the population that the history holds. */
  readonly count: number;
  readonly distributions: readonly ControlDistribution[];
}

/** What a control is about. */
export interface PopulationSpec {
  /** What its members are, in the plural. */
  readonly unit: string;
  /** Who belongs to it, and by which time. */
  readonly words: string;
  /** Whether its members are records or messages, which the graph lists under `population`. */
  readonly isListed: boolean;
}

/** A control at work on one period: takes records one by one, then judges. */
export interface Assessment {
  take(fact: RecordFact): void;
  judge(): ControlJudgement;
}

export interface StreamNeed {
  readonly resource: Stream['resource'];
  readonly filterKey: FilterKey;
}

/** One control. It neither reads nor waits: all it knows is handed to it. */
export interface ControlDefinition {
  readonly id: ControlId;
  readonly title: string;
  readonly rule: string;
  readonly thresholds: readonly ThresholdName[];
  /** The streams that must be covered for a verdict to stand. */
  readonly needs: readonly StreamNeed[];
  /** The records it takes. */
  readonly takes: readonly RecordFact['kind'][];
  /** Whether it compares with the period before and takes that one's records too. */
  readonly looksBack: boolean;
  population(period: Period): PopulationSpec;
  /** `find` is told what became of each member and of what else counts, `belongs` of each record or message that belongs. */
  begin(scope: Scope, find: (finding: ControlFinding) => void, belongs: (member: Member) => void): Assessment;
}

/** Every stream that is collected. */
export const ALL_STREAMS: readonly StreamNeed[] = RESOURCES.flatMap((resource) =>
  FILTER_KEYS[resource].map((filterKey) => ({ resource, filterKey })),
);

/** The stream that says which threats there are. */
export const RECEIVED_THREATS = [{ resource: 'threats', filterKey: 'receivedTime' }] as const;

/**
 * What a gap means for a verdict. `NOT_DUE`: so near to the view's end that no collection could vouch for it
 * yet. `UNREACHED`: before the collection's beginning, out of retention, or not licensed: nothing was lost that
 * could have been had. `HOLE`: what should have been collected and was not.
 */
export type CoverageGapClass = 'NOT_DUE' | 'UNREACHED' | 'HOLE';

export interface ClassedGap extends CoverageGap {
  readonly class: CoverageGapClass;
}

/** What the ledger says of one stream over one period, as of the view. */
export interface StreamFacts {
  readonly stream: Stream;
  /** False when every answer so far was that the account has no licence for it. */
  readonly licensed: boolean;
  /** Why not, as Abnormal put it. */
  readonly refusal: string | null;
  readonly coverage: Coverage;
  /** The gaps that keep a verdict from standing: those of the period, and see `vouchedTo`. */
  readonly gaps: readonly ClassedGap[];
  /** Gaps of the period and of the deadlines that run on after it. */
  readonly gapsBeyond: readonly CoverageGap[];
  /** When polls were answered: within the period, and as long around it as deadlines and intervals reach. */
  readonly answeredAt: readonly Instant[];
  /** When a poll was first answered; `null` for never. Earlier, nobody asked. */
  readonly polledFrom: Instant | null;
  /** Stretches of more than an interval and its lag without an answered poll. */
  readonly silences: readonly MissedPoll[];
  /**
   * Records that Abnormal lists where the coverage has to be whole, and that could not be read; those with the code
   * `GONE` disappeared before, and nothing is missing for them. Their own time is not known, only the window of the list.
   */
  readonly missing: readonly Missing[];
}

/** A stretch in which no poll of the newest was answered for longer than the interval and its lag. */
export interface MissedPoll {
  readonly from: Instant;
  readonly to: Instant;
  /** Polls that should have been answered in between. */
  readonly missed: number;
  /** Polls that were tried and not answered. */
  readonly failed: number;
  /** What the last of those said. */
  readonly failure: string | null;
}

/** One comparison of what is held of the threats of a window with what Abnormal has, as of the view. */
export interface ReconciliationFact {
  readonly integration: string;
  readonly endedAt: Instant;
  readonly found: ReconciliationRecord;
  /** Those found missing that the view still lacks; those beyond the ids that were kept count as lacking. */
  readonly lacking: readonly string[];
  readonly lackingMore: number;
}
