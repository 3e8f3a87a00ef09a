import type { ControlVerdict } from '../controls/control.js';
import type { StreamStatus } from '../model/stream.js';
import { EARLIEST_ASKED, type Instant } from '../values/instant.js';

/** A message that Abnormal detected and that is still in a mailbox, as far as Abnormal reports. */
const LEFT = 'remediation: { notIn: [REMEDIATED, NOT_NEEDED] }';
const RECORDED = 'gaps { integration from to reason detail } missing { integration code }';
const COUNTED = 'total { count } groups { keys { dimension value } count } sampled untimed';
const SERIES = 'from to count gapReasons partial';

/** One operation with one `asOf`, so that all numbers of the page are of one snapshot, and the coverage of these resources. */
export const overviewQuery = (
  resources: readonly string[],
) => `query Overview($asOf: DateTime!, $before: DateTime!, $from: DateTime!, $to: DateTime!, $interval: StatisticsInterval!, $steps: StatisticsInterval!) {
  integrations {
    name origin tokenMessage
    streams { resource status message collectFrom lastAttemptAt lastSuccessAt }
  }
  ${resources.map((name) => `${name}: coverage(resource: ${name}, asOf: $asOf) { ${RECORDED} }`).join('\n  ')}
  left: messageStatistics(asOf: $asOf, from: "${EARLIEST_ASKED}", to: $to, filter: { ${LEFT} }, groupBy: [AGE, IS_READ], top: 20) { ${COUNTED} }
  oldestThreats: threats(asOf: $asOf, first: 5, filter: { unremediated: { eq: true } }, orderBy: { field: FIRST_RECEIVED_TIME, direction: ASC }) {
    nodes { firstReceivedTime subject recipientCount }
  }
  openCases: caseStatistics(asOf: $asOf, from: "${EARLIEST_ASKED}", to: $to, filter: { open: { eq: true } }, groupBy: [SEVERITY, AGE], top: 50) { ${COUNTED} }
  oldestCases: cases(asOf: $asOf, first: 5, filter: { open: { eq: true } }, orderBy: { field: CUSTOMER_VISIBLE_TIME, direction: ASC }) {
    nodes { affectedEmployee severity customerVisibleTime status }
  }
  attacks: messageStatistics(asOf: $asOf, from: $from, to: $to, interval: $interval, groupBy: [ATTACK_TYPE], top: 6) {
    total { count buckets { ${SERIES} } } groups { keys { dimension value } count buckets { count } } rest { values count } sampled untimed
  }
  attacksBefore: messageStatistics(asOf: $asOf, from: $before, to: $from, groupBy: [ATTACK_TYPE], top: 20) { ${COUNTED} }
  remediation: messageStatistics(asOf: $asOf, from: $from, to: $to, interval: $steps) {
    total { count duration { count pending unknown median p95 max } buckets { ${SERIES} duration { median } } } sampled untimed
  }
  controls { thresholds { name value } }
  reports: campaignStatistics(asOf: $asOf, from: $from, to: $to, groupBy: [JUDGEMENT]) { ${COUNTED} }
  undecided: campaignStatistics(asOf: $asOf, from: "${EARLIEST_ASKED}", to: $to, filter: { scanning: { eq: true } }, groupBy: [AGE]) { ${COUNTED} }
  recipients: messageStatistics(asOf: $asOf, from: $from, to: $to, groupBy: [RECIPIENT_ADDRESS], top: 10) { total { count distinct(of: RECIPIENT_ADDRESS) } groups { keys { dimension value } count } rest { values count } sampled untimed }
  parties: messageStatistics(asOf: $asOf, from: $from, to: $to, groupBy: [ATTACKED_PARTY, IS_READ], top: 20) { ${COUNTED} }
}`;

/** An operation alone: a long month takes some time, and the rest of the page does not wait for it. */
export const VERDICTS_QUERY = `query Verdicts($asOf: DateTime!, $period: String!) {
  evidence(period: $period, asOf: $asOf) { results { control { id title } verdict headline { text next } } }
}`;

/** Alone for the same reason. As of the instant of the request, so that a poll that is overdue shows. */
export const STATES_QUERY = `query States($asOf: DateTime!, $windows: [PostureWindow!]!) {
  posture(asOf: $asOf, windows: $windows) {
    asOf now
    states { control { id title } period { text } verdict headline { text next } wouldChange validUntil exceptions waived }
  }
}`;

/** Earlier recordings are evaluated for it, so it takes longer than the states. */
export const PLACES_QUERY = `query Places($asOf: DateTime!, $windows: [PostureWindow!]!) {
  posture(asOf: $asOf, windows: $windows) { states { control { id } verdict since { at before } trend { direction } } }
}`;

export interface Gap {
  readonly integration: string;
  readonly from: Instant;
  readonly to: Instant;
  readonly reason: string;
  readonly detail: string | null;
}

export interface CoverageAnswer {
  readonly gaps: readonly Gap[];
  readonly missing: readonly { readonly integration: string; readonly code: string }[];
}

/** The resources that blocks are about; the first block is about all that are collected. */
export type ResourceName = 'THREATS' | 'CASES' | 'CAMPAIGNS';

interface StreamAnswer {
  readonly resource: string;
  readonly status: StreamStatus;
  readonly message: string | null;
  readonly collectFrom: Instant;
  readonly lastAttemptAt: Instant | null;
  readonly lastSuccessAt: Instant | null;
}

export interface IntegrationAnswer {
  readonly name: string;
  readonly origin: 'ABNORMAL' | 'SIMULATED' | null;
  readonly tokenMessage: string | null;
  readonly streams: readonly StreamAnswer[];
}

/** Durations in seconds. */
interface Duration {
  readonly count: number;
  readonly pending: number;
  readonly unknown: number;
  readonly median: number | null;
  readonly p95: number | null;
  readonly max: number | null;
}

export interface BucketAnswer {
  readonly from: Instant;
  readonly to: Instant;
  readonly count: number;
  readonly gapReasons: readonly string[];
  readonly partial: boolean;
  readonly duration: Duration;
}

export interface GroupAnswer {
  readonly keys: readonly { readonly dimension: string; readonly value: string | null }[];
  readonly count: number;
  readonly buckets: readonly BucketAnswer[];
}

/** Of every statistics; each has what its root selects. */
interface Counted {
  readonly total: Omit<GroupAnswer, 'keys'> & { readonly distinct: number; readonly duration: Duration };
  readonly groups: readonly GroupAnswer[];
  readonly rest: { readonly values: number; readonly count: number } | null;
  readonly sampled: number;
  readonly untimed: number;
}

interface Nodes<T> {
  readonly nodes: readonly T[];
}

interface ThreatAnswer {
  readonly firstReceivedTime: Instant | null;
  readonly subject: string | null;
  readonly recipientCount: number | null;
}

interface CaseAnswer {
  readonly affectedEmployee: string | null;
  readonly severity: string | null;
  readonly customerVisibleTime: Instant | null;
  readonly status: string | null;
}

type StatisticsRoot =
  | ('left' | 'openCases' | 'attacks' | 'attacksBefore' | 'remediation')
  | ('reports' | 'undecided' | 'recipients' | 'parties');

/** The answer to `overviewQuery`: what could not be read is null, with an error. */
export interface OverviewAnswer
  extends Readonly<Record<StatisticsRoot, Counted>>,
    Readonly<Record<ResourceName, CoverageAnswer>> {
  readonly integrations: readonly IntegrationAnswer[];
  readonly oldestThreats: Nodes<ThreatAnswer>;
  readonly oldestCases: Nodes<CaseAnswer>;
  readonly controls: readonly {
    readonly thresholds: readonly { readonly name: string; readonly value: number }[];
  }[];
}

interface DecidedAnswer {
  readonly control: { readonly id: string; readonly title: string };
  readonly verdict: ControlVerdict;
  readonly headline: { readonly text: string; readonly next: string | null };
}

export interface VerdictsAnswer {
  readonly evidence: { readonly results: readonly DecidedAnswer[] };
}

export interface StatesAnswer {
  readonly posture: {
    readonly asOf: Instant;
    readonly now: Instant;
    readonly states: readonly StateAnswer[];
  };
}

interface StateAnswer extends DecidedAnswer {
  readonly period: { readonly text: string };
  readonly wouldChange: string | null;
  readonly validUntil: Instant | null;
  readonly exceptions: number;
  readonly waived: number;
}

export interface PlacesAnswer {
  readonly posture: {
    readonly states: readonly {
      readonly control: { readonly id: string };
      readonly verdict: ControlVerdict;
      readonly since: { readonly at: Instant; readonly before: ControlVerdict | null } | null;
      readonly trend: { readonly direction: string | null } | null;
    }[];
  };
}

export interface Answer<T> {
  readonly data: { readonly [Field in keyof T]: T[Field] | null } | null;
  readonly errors: readonly AnswerError[];
}

export interface AnswerError {
  readonly message: string;
  readonly path: readonly (string | number)[];
  readonly code: string;
}
