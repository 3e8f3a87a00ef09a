import type { CoverageGap } from '../../model/ledger.js';
import { type MessageRecord, messageRemediation } from '../../resources/threat/threat.js';
import { DurationTally } from '../../values/duration-tally.js';
import { HOUR, type Instant, MINUTE, shift } from '../../values/instant.js';
import type {
  Assessment,
  Belongs,
  ControlDefinition,
  ControlEvaluation,
  ControlFinding,
  ControlMeasure,
  Find,
  Member,
  RecordFact,
  Scope,
} from '../control.js';
import { isMalicious, messageMember, messageTimes, remediationMs } from '../malicious.js';
import { isInPeriod } from '../period.js';
import {
  atMost,
  causeOf,
  failedFrom,
  gradeShare,
  licensedStreams,
  measureOf,
  mostText,
  shareMeasures,
  verdictOf,
  waivedMeasures,
  waivedText,
} from '../verdict.js';
import { countText, durationText, instantText, shareText } from '../words.js';

interface RemediationFacts {
  remediated: number;
  /** Still in a mailbox at their deadline. */
  left: number;
  /** As `left`, and accepted by a waiver. */
  waived: number;
  /** Not remediated, with time left. */
  pending: number;
  /** Not remediated as far as known, with a gap in which it may have happened. */
  doubtful: number;
  /** Mailboxes in Abnormal's count without a message. */
  unseen: number;
  readonly times: DurationTally;
}

function noRemediationFacts(): RemediationFacts {
  return {
    remediated: 0,
    left: 0,
    waived: 0,
    pending: 0,
    doubtful: 0,
    unseen: 0,
    times: new DurationTally(),
  };
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
  population: () => ({
    unit: 'messages',
    words:
      'Messages of threats received in the period, except messages that were marked as safe or that Abnormal judges spam, graymail, borderline or safe. A message without a time of receipt counts by its threat’s earliest one. Every recorded message belongs to the population in its last recorded state, including messages that Abnormal no longer returns.',
    isListed: true,
  }),
  begin: assess,
};

function assess(scope: Scope, _find: Find, belongs: Belongs): Assessment {
  const facts = noRemediationFacts();
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
  fact: Extract<RecordFact, { kind: 'threat' }>,
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
    count(facts, belongs(member, outcomeOf(message, at, member, scope, isKnown)), message);
  }
}

function count(facts: RemediationFacts, outcome: ControlFinding['outcome'], message: MessageRecord): void {
  if (outcome === 'EXCEPTION') facts.left += 1;
  else if (outcome === 'WAIVED') facts.waived += 1;
  else if (outcome === 'PENDING') facts.pending += 1;
  else if (outcome === 'IN_DOUBT') facts.doubtful += 1;
  else {
    facts.remediated += 1;
    const ms = remediationMs(message);
    if (ms !== null) facts.times.add(ms);
  }
}

function outcomeOf(
  message: MessageRecord,
  at: Instant,
  { subject, noLongerGivenSince: gone }: Member,
  { thresholds, now }: Scope,
  isKnown: IsKnown,
): Pick<ControlFinding, 'outcome' | 'reason'> {
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
  next: 'Evaluate the period again after the next polls; what is in doubt is in the population.',
};

function evaluateRemediation(facts: RemediationFacts, scope: Scope): ControlEvaluation {
  const { thresholds } = scope;
  const { remediated: met, left: missed, doubtful, pending, waived, times } = facts;
  const grade = gradeShare({ met, missed, doubtful, waived }, thresholds.remediatedShare);
  const [median, p95] = [times.percentile(0.5), times.percentile(0.95)];
  const failures = [
    causeOf(grade === 'SHORT' && shortText(facts, scope), LEFT),
    causeOf(exceeds('median', median, thresholds.remediationMedian), MEDIAN),
    causeOf(exceeds('95th percentile', p95, thresholds.remediationP95), P95),
  ].filter((failure) => failure !== null);
  return {
    ...verdictOf(
      scope,
      NEEDS,
      {
        ...failedFrom(failures, openText(facts)),
        doubtBy: UNDECIDED,
        doubt:
          grade === 'DOUBTFUL' || (grade === 'EMPTY' && pending > 0)
            ? `Too few messages are decided.${openText(facts)}`
            : null,
        empty: grade === 'EMPTY' ? 'No malicious message was received in the period.' : null,
        passed: passedText(facts),
      },
      measuresOf(facts, scope),
    ),
    count: met + missed + doubtful + pending + waived,
    distributions: [distributionOf(facts)],
  };
}

function shortText(
  { remediated: met, left: missed, doubtful }: RemediationFacts,
  { thresholds }: Scope,
): string {
  const { remediateWithin, remediatedShare } = thresholds;
  return `${missed} of ${countText(met + missed + doubtful, 'malicious message')} still in a mailbox ${durationText(remediateWithin)} after receipt: ${mostText({ met, missed, doubtful })} remediated, at least ${shareText(remediatedShare)} required`;
}

function measuresOf(facts: RemediationFacts, { thresholds }: Scope): ControlMeasure[] {
  const { remediated, left, times, unseen, pending, doubtful, waived } = facts;
  const time = (name: string, share: number, limit: number) =>
    measureOf('ms', name, times.percentile(share), atMost(limit));
  return [
    ...shareMeasures(
      'Remediated',
      { met: remediated, missed: left, doubtful, waived },
      thresholds.remediatedShare,
    ),
    time(MEDIAN.measure, 0.5, thresholds.remediationMedian),
    time(P95.measure, 0.95, thresholds.remediationP95),
    measureOf('count', 'Still before their deadline', pending),
    measureOf('count', 'In doubt: the recorded data do not decide it', doubtful),
    measureOf('count', 'Recipients without a message from Abnormal', unseen),
    ...waivedMeasures('Remediated', { met: remediated, missed: left, doubtful, waived }),
  ];
}

function exceeds(what: string, value: number | null, limit: number): string | null {
  if (value === null || value <= limit) return null;
  return `the ${what} of the time to remediation is ${durationText(value)}, at most ${durationText(limit)} required`;
}

function passedText(facts: RemediationFacts): string {
  const { remediated, left, times } = facts;
  const decided = remediated + left;
  if (decided === 0) return `No other malicious message was received.${openText(facts)}`;
  const median = times.percentile(0.5);
  const time = median === null ? '' : `, half of them within ${durationText(median)}`;
  return `${shareText(remediated / decided)} of ${countText(decided, 'malicious message')} remediated${time}.${openText(facts)}`;
}

function openText({ pending, doubtful, waived }: RemediationFacts): string {
  const waiting = pending === 0 ? '' : ` ${countText(pending, 'message')} still before the deadline.`;
  const doubt = ` For ${countText(doubtful, 'message')} the recorded data do not decide it.`;
  return `${waiting}${doubtful === 0 ? '' : doubt}${waivedText(waived)}`;
}

const LIMITS = [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 4 * HOUR, 24 * HOUR];

function distributionOf({
  times,
  left,
  pending,
  doubtful,
  remediated,
  waived,
}: RemediationFacts): ControlEvaluation['distributions'][number] {
  const counts = times.histogram(LIMITS);
  const labels = [...LIMITS.map((limit) => `≤ ${durationText(limit)}`), `> ${durationText(24 * HOUR)}`];
  const bar = (label: string, value: number) => ({ label, count: value, before: null });
  return {
    title: 'Time from receipt to remediation',
    bars: [
      ...labels.map((label, i) => bar(label, counts[i] ?? 0)),
      bar('time not given', remediated - times.size),
      bar('not remediated', left),
      bar('not decided yet', pending + doubtful),
      ...(waived > 0 ? [bar('waived', waived)] : []),
    ],
  };
}
