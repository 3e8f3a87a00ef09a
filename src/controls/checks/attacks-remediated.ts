import type { CoverageGap } from '../../model/ledger.js';
import { type MessageRecord, messageRemediation } from '../../resources/threat/threat.js';
import { DurationTally } from '../../values/duration-tally.js';
import { HOUR, type Instant, MINUTE, shift } from '../../values/instant.js';
import {
  type Assessment,
  type Belongs,
  type ControlDefinition,
  type ControlDistribution,
  type ControlEvaluation,
  type ControlMeasure,
  type Counts,
  type Find,
  type Member,
  noCounts,
  type Ruling,
  type Scope,
  type ThreatFact,
} from '../control.js';
import { isMalicious, messageMember, messageTimes, remediationMs } from '../malicious.js';
import { isInPeriod } from '../period.js';
import { barOf, timeBars } from '../timeliness.js';
import {
  atMost,
  causeOf,
  failedFrom,
  gradeShare,
  licensedStreams,
  measureOf,
  mostText,
  NEXT_IF_UNDECIDED,
  openMeasures,
  openText,
  shareMeasures,
  totalOf,
  verdictOf,
  waivedMeasures,
} from '../verdict.js';
import { countText, durationText, instantText, shareText } from '../words.js';

interface RemediationFacts {
  /** `EXCEPTION`: still in a mailbox at the deadline. `IN_DOUBT`: remediated in a gap, perhaps. */
  readonly counts: Counts;
  /** Mailboxes in Abnormal's count without a message. */
  unseen: number;
  readonly times: DurationTally;
}

const NEEDS = [
  { resource: 'threats', filterKey: 'receivedTime' },
  { resource: 'threats', filterKey: 'latestTimeRemediated' },
] as const;

/**
 * Evaluates `rule`. A late remediation counts as one and shows in the percentiles. A message within `remediateWithin`,
 * or whose deadline is in a gap of the remediation stream, is neither remediated nor an exception.
 */
export const attacksRemediated: ControlDefinition = {
  id: 'attacks-remediated',
  title: 'Attacks are remediated',
  rule: 'Every malicious message received in the period is remediated: none is in a mailbox longer than `remediateWithin`, except for the share that `remediatedShare` allows. The median and the 95th percentile of the time from receipt to remediation stay within their thresholds.',
  references: {
    'nist-800-53': ['SI-3', 'SI-8', 'IR-4'],
    'nist-csf': ['RS.MI-01', 'RS.MI-02'],
    'iso-27001': ['A.8.7', 'A.5.26'],
    soc2: ['CC6.8', 'CC7.4'],
    'cis-controls': ['9.7', '17.4'],
    'pci-dss': ['5.4.1', '5.2.2'],
    nis2: ['21(2)(b)'],
    dora: ['17(3)'],
  },
  limits:
    'It shows that detected malicious messages were removed from mailboxes, and how soon, by the times of Abnormal. It does not show whether a user acted on a message before, and it covers e-mail only.',
  thresholds: ['remediatedShare', 'remediateWithin', 'remediationMedian', 'remediationP95'],
  needs: NEEDS,
  takes: ['threat'],
  looksBack: false,
  population: {
    unit: 'messages',
    words:
      'Messages of threats received in the period, except messages that were marked as safe or that Abnormal judges spam, graymail, borderline or safe. A message without a time of receipt counts by its threat’s earliest one. Every recorded message belongs to the population in its last recorded state, including messages that Abnormal no longer returns.',
    isListed: true,
  },
  begin: assess,
};

function assess(scope: Scope, _find: Find, belongs: Belongs): Assessment {
  const facts: RemediationFacts = { counts: noCounts(), unseen: 0, times: new DurationTally() };
  const isKnown = knowledgeOf(scope);
  return {
    take(fact) {
      if (fact.kind === 'threat') takeThreat(fact, scope, isKnown, facts, belongs);
    },
    evaluate: () => evaluateRemediation(facts, scope),
  };
}

type IsKnown = (integration: string, from: Instant, to: Instant) => boolean;

function takeThreat(
  fact: ThreatFact,
  scope: Scope,
  isKnown: IsKnown,
  facts: RemediationFacts,
  belongs: Belongs,
): void {
  const timeOf = messageTimes(fact);
  const members = fact.record.messages.filter((message) => isInPeriod(scope.period, timeOf(message)));
  if (members.length === 0) return;
  facts.unseen += Math.max(0, (fact.record.recipientCount ?? 0) - fact.record.messages.length);
  for (const message of members.filter(isMalicious)) {
    const at = timeOf(message) ?? scope.period.from;
    const member = messageMember(fact, message, at);
    const outcome = belongs(member, outcomeOf(message, at, member, scope, isKnown));
    facts.counts[outcome] += 1;
    const ms = outcome === 'MET' ? remediationMs(message) : null;
    if (ms !== null) facts.times.add(ms);
  }
}

function outcomeOf(
  message: MessageRecord,
  at: Instant,
  { subject, noLongerGivenSince: gone }: Member,
  { thresholds, now }: Scope,
  isKnown: IsKnown,
): Ruling {
  const state = messageRemediation(message);
  if (state === 'REMEDIATED') return { outcome: 'MET', reason: remediatedText(message) };
  const deadline = shift(at, thresholds.remediateWithin);
  const open = `not remediated${gone === null ? '' : ' when last returned'}: ${STATES[state]}`;
  // what Abnormal stopped returning before its time was up may have been remediated since
  if (gone !== null && gone < deadline)
    return {
      outcome: 'IN_DOUBT',
      reason: `${open}; Abnormal no longer returns it since ${instantText(gone)}`,
    };
  if (deadline > now)
    return { outcome: 'PENDING', reason: `${open}; its deadline is ${instantText(deadline)}` };
  if (!isKnown(subject.key.integration, at, deadline)) {
    return {
      outcome: 'IN_DOUBT',
      reason: `${open}; remediations until ${instantText(deadline)} were not collected completely`,
    };
  }
  return {
    outcome: 'EXCEPTION',
    reason: `still in the mailbox ${durationText(thresholds.remediateWithin)} after receipt: ${STATES[state]}${gone === null ? '' : `; Abnormal no longer returns it since ${instantText(gone)}`}`,
  };
}

const STATES: Record<'ATTEMPTED' | 'NOT_REMEDIATED' | 'NOT_NEEDED' | 'UNKNOWN', string> = {
  ATTEMPTED: 'remediation was attempted, no success is reported',
  NOT_REMEDIATED: 'Abnormal reports that it is not remediated',
  NOT_NEEDED: 'marked as safe',
  UNKNOWN: 'Abnormal reports no remediation',
};

function remediatedText(message: MessageRecord): string {
  const ms = remediationMs(message);
  return ms === null ? 'remediated, Abnormal gives no time' : `remediated after ${durationText(ms)}`;
}

function knowledgeOf(scope: Scope): IsKnown {
  const gaps = new Map<string, readonly CoverageGap[]>();
  for (const { stream, gapsBeyond } of licensedStreams(scope, [NEEDS[1]])) {
    gaps.set(stream.integration, gapsBeyond);
  }
  return (integration, from, to) => {
    const known = gaps.get(integration);
    return known !== undefined && !known.some((gap) => gap.from < to && gap.to > from);
  };
}

const LEFT = {
  measure: 'Remediated',
  next: 'Remediate the messages that the exceptions name, or accept them with a waiver.',
};
const SLOW =
  'List the members with the longest times, “report --format ndjson --rows population”, and check automatic remediation in Abnormal.';
const MEDIAN = { measure: 'Median time to remediation', next: SLOW };
const P95 = { measure: '95th percentile of the time to remediation', next: SLOW };
const UNDECIDED = {
  measure: 'Remediated',
  next: NEXT_IF_UNDECIDED,
};

function evaluateRemediation(facts: RemediationFacts, scope: Scope): ControlEvaluation {
  const { thresholds } = scope;
  const { counts, times } = facts;
  const grade = gradeShare(counts, thresholds.remediatedShare);
  const rest = openText(counts, 'message');
  const [median, p95] = [times.percentile(0.5), times.percentile(0.95)];
  const failures = [
    causeOf(grade === 'SHORT' && shortText(counts, scope), LEFT),
    causeOf(exceeds('median', median, thresholds.remediationMedian), MEDIAN),
    causeOf(exceeds('95th percentile', p95, thresholds.remediationP95), P95),
  ];
  return {
    ...verdictOf(
      scope,
      NEEDS,
      {
        ...failedFrom(failures, rest),
        doubtBy: UNDECIDED,
        doubt:
          grade === 'DOUBTFUL' || (grade === 'EMPTY' && counts.PENDING > 0)
            ? `Too few messages are decided.${rest}`
            : null,
        empty: grade === 'EMPTY' ? 'No malicious message was received in the period.' : null,
        passed: `${passedText(facts)}${rest}`,
      },
      measuresOf(facts, scope),
    ),
    count: totalOf(counts),
    distributions: [distributionOf(facts)],
  };
}

function shortText(counts: Counts, { thresholds }: Scope): string {
  const { MET: met, EXCEPTION: missed, IN_DOUBT: doubtful } = counts;
  const { remediateWithin, remediatedShare } = thresholds;
  return `${missed} of ${countText(met + missed + doubtful, 'malicious message')} still in a mailbox ${durationText(remediateWithin)} after receipt: ${mostText(counts)} remediated, at least ${shareText(remediatedShare)} required`;
}

function measuresOf(facts: RemediationFacts, { thresholds }: Scope): ControlMeasure[] {
  const { counts, times, unseen } = facts;
  const time = (name: string, share: number, limit: number) =>
    measureOf('ms', name, times.percentile(share), atMost(limit));
  return [
    ...shareMeasures('Remediated', counts, thresholds.remediatedShare),
    time(MEDIAN.measure, 0.5, thresholds.remediationMedian),
    time(P95.measure, 0.95, thresholds.remediationP95),
    ...openMeasures(counts),
    measureOf('count', 'Recipients without a message from Abnormal', unseen),
    ...waivedMeasures('Remediated', counts),
  ];
}

function exceeds(what: string, value: number | null, limit: number): string | null {
  if (value === null || value <= limit) return null;
  return `the ${what} of the time to remediation is ${durationText(value)}, at most ${durationText(limit)} required`;
}

function passedText({ counts, times }: RemediationFacts): string {
  const decided = counts.MET + counts.EXCEPTION;
  if (decided === 0) return 'No other malicious message was received.';
  const median = times.percentile(0.5);
  const time = median === null ? '' : `, half of them within ${durationText(median)}`;
  return `${shareText(counts.MET / decided)} of ${countText(decided, 'malicious message')} remediated${time}.`;
}

const LIMITS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR];

function distributionOf({ counts, times }: RemediationFacts): ControlDistribution {
  return {
    title: 'Time from receipt to remediation',
    bars: [
      ...timeBars(times, LIMITS),
      barOf('time not given', counts.MET - times.size),
      barOf('not remediated', counts.EXCEPTION),
      barOf('not decided yet', counts.PENDING + counts.IN_DOUBT),
      ...(counts.WAIVED > 0 ? [barOf('waived', counts.WAIVED)] : []),
    ],
  };
}
