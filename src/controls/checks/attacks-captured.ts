import { keyText } from '../../resources/registry.js';
import { inquiryType } from '../../resources/vocabularies.js';
import { earliest, type Instant, latest, toMillis } from '../../values/instant.js';
import {
  type Assessment,
  type Belongs,
  type ControlDefinition,
  type ControlEvaluation,
  type ControlMeasure,
  type Counts,
  type Find,
  type Member,
  noCounts,
  RECEIVED_THREATS,
  type ReconciliationFact,
  type Ruling,
  type Scope,
  type ThreatFact,
  type VersionedFact,
} from '../control.js';
import { threatMember } from '../malicious.js';
import {
  findHoles,
  findUnread,
  gapText,
  holesOf,
  recordFinding,
  spanFinding,
  unreadRecords,
  unreadText,
  withoutHoles,
} from '../missed-polls.js';
import type { Period } from '../period.js';
import { timeOf } from '../timeliness.js';
import {
  atLeast,
  atMost,
  causeOf,
  failedFrom,
  gradeShare,
  isCovered,
  licensedStreams,
  measureOf,
  verdictOf,
  waivedMeasures,
  waivedText,
} from '../verdict.js';
import { countText, instantText, listText, shareText } from '../words.js';

/** Evaluates `rule`. Time before the collection's beginning or out of retention is no hole. */
export const attacksCaptured: ControlDefinition = {
  id: 'attacks-captured',
  title: 'Attacks are captured',
  rule: 'The population of threats is complete. The whole period was listed, and every id that Abnormal lists is stored (an id that disappeared before it could be read is named and does not count). Every threat is stored completely, except for the share that `capturedShare` allows. No comparison with Abnormal’s own population (a reconciliation) found a record that is still missing, and at least the share `reconciledShare` of the period was compared. A hole in the collection is a failure; a span before the start of the collection or out of Abnormal’s retention leaves the control undecided.',
  references: {
    'nist-800-53': ['AU-12', 'AU-10'],
    'nist-csf': ['PR.PS-04'],
    'iso-27001': ['A.8.15', 'A.5.28'],
    soc2: ['CC7.2'],
    'cis-controls': ['8.2'],
    'pci-dss': ['10.2.1'],
    nis2: ['21(2)(b)'],
    dora: ['17(1)'],
  },
  limits:
    'It shows that the records of Abnormal are stored completely and can be proved later. It does not show attacks that Abnormal does not report.',
  thresholds: ['capturedShare', 'reconciledShare', 'pollThreatsEvery', 'ingestionLag'],
  needs: RECEIVED_THREATS,
  takes: ['threat', 'detection360Report'],
  looksBack: false,
  population: {
    unit: 'threats',
    words:
      'Threats with a message received in the period, whatever their judgement. A threat without any message counts by when it was first recorded.',
    isListed: true,
  },
  begin: assess,
};

function assess(scope: Scope, find: Find, belongs: Belongs): Assessment {
  // `MET`: stored with every message that Abnormal returns
  const counts = noCounts();
  let missedAttacks = 0;
  return {
    take(fact) {
      if (fact.kind === 'detection360Report') missedAttacks += isMissedIn(scope.period, fact) ? 1 : 0;
      const member = fact.kind === 'threat' ? threatMember(fact, scope.period) : null;
      if (fact.kind !== 'threat' || member === null) return;
      counts[belongs(member, rulingOn(fact, member))] += 1;
    },
    evaluate() {
      const streams = licensedStreams(scope, RECEIVED_THREATS);
      for (const each of streams) findHoles(each, find);
      findUnread(streams, find);
      const named = new Set(unreadRecords(streams).map(({ key }) => keyText(key)));
      for (const fact of summariseReconciliations(scope).short) findLacking(fact, named, find);
      const { measures, ...evaluation } = evaluateCapture(counts, scope);
      return { ...evaluation, measures: [...measures, ...reportedMeasures(missedAttacks, scope)] };
    },
  };
}

const REPORTS = [{ resource: 'detection360Reports', filterKey: 'submissionTime' }] as const;

function isMissedIn(period: Period, fact: VersionedFact<'detection360Report'>): boolean {
  const at = timeOf(fact);
  const { inquiryTypeRaw } = fact.versions.at(-1)?.record ?? fact.versions[0].record;
  return inquiryType(inquiryTypeRaw) === 'MISSED_ATTACK' && at >= period.from && at < period.to;
}

/** What the organisation reported to Abnormal; null unless its reports of the whole period are stored. */
function reportedMeasures(missedAttacks: number, scope: Scope): ControlMeasure[] {
  if (licensedStreams(scope, REPORTS).length === 0) return [];
  const value = isCovered(scope, REPORTS) ? missedAttacks : null;
  return [measureOf('count', 'Missed attacks reported in the period', value)];
}

function rulingOn({ record }: ThreatFact, { noLongerGivenSince: gone }: Member): Ruling {
  if (record.messages.length === 0)
    return { outcome: 'EXCEPTION', reason: 'Abnormal returned it without any message' };
  if (!record.pagesComplete)
    return { outcome: 'EXCEPTION', reason: 'not all pages of its messages could be read' };
  const held = gone === null ? 'gives' : `returned; it no longer returns them since ${instantText(gone)}`;
  return { outcome: 'MET', reason: `stored with all messages that Abnormal ${held}` };
}

function findLacking(
  { integration, found, stillMissing, stillMissingMore }: ReconciliationFact,
  named: ReadonlySet<string>,
  find: Find,
) {
  const span = `missing according to a comparison of ${instantText(found.from)} to ${instantText(found.to)}`;
  for (const id of stillMissing) {
    const key = { integration, kind: 'threat', id } as const;
    if (named.has(keyText(key))) continue;
    find(recordFinding('EXCEPTION', key, `${span}: Abnormal has it, the history does not`));
  }
  if (stillMissingMore === 0) return;
  const stream = { integration, resource: 'threats', filterKey: 'receivedTime' } as const;
  const reason = `${countText(stillMissingMore, 'threat')} more ${span}, by number only`;
  find(spanFinding('EXCEPTION', stream, found, reason));
}

const HOLES = {
  measure: 'Holes',
  next: 'Run “backfill --from” from the start of the oldest hole; “status” names what keeps polls from filling it.',
};
const UNREAD = {
  measure: 'Listed ids that are stored',
  next: 'The exceptions name the records and why they could not be read; each poll tries again.',
};
const INCOMPLETE = {
  measure: 'Threats stored completely',
  next: 'The exceptions name the threats; a poll or “reconcile” reads them again, a waiver can accept them.',
};
const LACKING = {
  measure: 'Threats that Abnormal has and the history has not',
  next: 'Run “backfill --from” over the compared span, then “reconcile”.',
};
const UNCOMPARED = {
  measure: 'Compared with Abnormal’s records and complete',
  next: 'Run “reconcile” over the period.',
};

function evaluateCapture(counts: Counts, scope: Scope): ControlEvaluation {
  const { MET: whole, EXCEPTION: partial, WAIVED: waived } = counts;
  const { capturedShare, reconciledShare } = scope.thresholds;
  const streams = licensedStreams(scope, RECEIVED_THREATS);
  const holes = holesOf(streams).map(({ facts, gap }) => gapText(facts, gap));
  const count = whole + partial;
  const isShort = gradeShare(counts, capturedShare) === 'SHORT';
  const { share: reconciled, short } = summariseReconciliations(scope);
  const failure = failedFrom([
    causeOf(
      holes.length > 0 && `${countText(holes.length, 'hole')} in the collection: ${listText(holes, 2)}`,
      HOLES,
    ),
    causeOf(unreadText(streams), UNREAD),
    causeOf(isShort && `${partial} of ${countText(count, 'threat')} not stored completely`, INCOMPLETE),
    causeOf(
      short.length > 0 &&
        `${countText(short.length, 'comparison')} with Abnormal found threats that are still missing`,
      LACKING,
    ),
  ]);
  const unread = unreadRecords(streams).filter(({ isGone }) => !isGone).length;
  const shareOf = (some: number) => (count + unread === 0 ? null : some / (count + unread));
  const lacking = short.reduce((sum, fact) => sum + fact.stillMissing.length + fact.stillMissingMore, 0);
  return {
    ...verdictOf(
      holes.length + unread > 0 ? withoutHoles(scope) : scope,
      RECEIVED_THREATS,
      {
        ...failure,
        doubtBy: UNCOMPARED,
        doubt:
          reconciled < reconciledShare
            ? `Only ${shareText(reconciled)} of the period was compared with Abnormal’s records and is complete; at least ${shareText(reconciledShare)} is required.`
            : null,
        empty: null,
        passed: `All of the period is covered, and ${shareText(count === 0 ? 1 : whole / count)} of ${countText(count, 'threat')} stored completely; ${shareText(reconciled)} of the period was compared with Abnormal’s records and is complete.${waivedText(waived)}`,
      },
      [
        measureOf('share', INCOMPLETE.measure, shareOf(whole), atLeast(capturedShare)),
        measureOf('share', UNREAD.measure, shareOf(count), atLeast(1)),
        measureOf('share', UNCOMPARED.measure, reconciled, atLeast(reconciledShare)),
        measureOf('count', HOLES.measure, holes.length, atMost(0)),
        ...(short.length > 0 ? [measureOf('count', LACKING.measure, lacking, atMost(0))] : []),
        ...waivedMeasures(INCOMPLETE.measure, { ...counts, EXCEPTION: partial + unread }),
      ],
    ),
    count: count + waived,
    distributions: [],
  };
}

/** The newest reconciliation of each span decides. */
function summariseReconciliations(scope: Scope) {
  const { period, integrations } = scope;
  const all = [...scope.reconciliations].sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  const parts = integrations.map((name) => {
    const own = all.filter((fact) => fact.integration === name);
    return spokenOf(own, period);
  });
  const length = toMillis(period.to) - toMillis(period.from);
  const matched = parts.reduce((sum, part) => sum + part.matchedMs, 0);
  return {
    /** The share of the period that the newest reconciliations of all integrations found complete. */
    share: integrations.length === 0 ? 0 : matched / (length * integrations.length),
    short: parts.flatMap(({ short }) => short),
  };
}

type Span = { readonly from: Instant; readonly to: Instant };

function spokenOf(facts: readonly ReconciliationFact[], period: Period) {
  let open: Span[] = [{ from: period.from, to: period.to }];
  let matchedMs = 0;
  const short: ReconciliationFact[] = [];
  for (const fact of facts) {
    const { found } = fact;
    // an unreadable population leaves the older result valid
    if (found.verdict === 'UNVERIFIED') continue;
    const own = open.flatMap((span) => overlapOf(span, found) ?? []);
    if (own.length === 0) continue;
    open = open.flatMap((span) => without(span, found));
    if (fact.stillMissing.length + fact.stillMissingMore > 0) short.push(fact);
    else matchedMs += own.reduce((sum, { from, to }) => sum + toMillis(to) - toMillis(from), 0);
  }
  return { matchedMs, short };
}

function overlapOf(a: Span, b: Span): Span | null {
  const span = { from: latest(a.from, b.from), to: earliest(a.to, b.to) };
  return span.from < span.to ? span : null;
}

function without(span: Span, taken: Span): Span[] {
  const rest = [
    { from: span.from, to: earliest(span.to, taken.from) },
    { from: latest(span.from, taken.to), to: span.to },
  ];
  return rest.filter(({ from, to }) => from < to);
}
