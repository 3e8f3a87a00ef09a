import type { CaseRecord } from '../../resources/case/case.js';
import { caseStatus } from '../../resources/vocabularies.js';
import { HOUR, type Instant } from '../../values/instant.js';
import type { Assessment, Belongs, CaseFact, ControlDefinition, Find, Member, Scope } from '../control.js';
import { isInPeriod } from '../period.js';
import {
  addTimely,
  deadlineOf,
  evaluateTimely,
  noTimelyFacts,
  outcomeOf,
  type TimelyFacts,
  timelyMember,
  timeOf,
  timesDistribution,
} from '../timeliness.js';
import { licensedStreams } from '../verdict.js';

const NEEDS = [{ resource: 'cases', filterKey: 'lastModifiedTime' }] as const;

const WORDS = {
  noun: 'case',
  done: 'acknowledged or resolved',
  measure: 'Acknowledged or resolved in time',
  next: 'Acknowledge the cases that the exceptions name in Abnormal, or accept them with a waiver.',
};

/** Evaluates `rule`. The versions of a case bound the time of its acknowledgement, see `timeliness.ts`. */
export const accountTakeoverHandled: ControlDefinition = {
  id: 'account-takeover-handled',
  title: 'Account takeovers are handled',
  rule: 'Every account-takeover case that became visible in the period is acknowledged or resolved within `handleCasesWithin`, except for the share that `casesHandledShare` allows. The time of the acknowledgement lies between two recorded versions. It is in time if the first version that has it, or the last modification of the case, is in time. It is late if a request after the deadline still found the case open.',
  references: {
    'nist-800-53': ['AC-2(12)', 'IR-4', 'IR-5'],
    'nist-csf': ['DE.CM-03', 'RS.MA-02'],
    'iso-27001': ['A.5.25', 'A.5.26'],
    soc2: ['CC6.1', 'CC7.3', 'CC7.4'],
    'cis-controls': ['17.4'],
    'pci-dss': ['12.10.5'],
    nis2: ['21(2)(b)', '21(2)(i)'],
    dora: ['17(1)', '17(3)'],
  },
  limits:
    'It shows that cases were acknowledged or resolved in time. It does not show whether the response was adequate, or takeovers that Abnormal does not report.',
  thresholds: ['casesHandledShare', 'handleCasesWithin'],
  needs: NEEDS,
  takes: ['case'],
  looksBack: false,
  population: () => ({
    unit: 'cases',
    words:
      'Account-takeover cases that became visible to customers in the period; if Abnormal gives no such time, created or first observed in it; if it gives none of these, first recorded in it.',
    isListed: true,
  }),
  begin: assess,
};

/** Whether the case is acknowledged: any `Acknowledged (…)`, also an unknown one. */
export function isTakenUp({ statusRaw }: CaseRecord): boolean {
  const status = caseStatus(statusRaw);
  if (status === 'IN_PROGRESS' || status === 'RESOLVED' || status === 'NOT_AN_ATTACK') return true;
  return /^\s*(acknowledged|resolved)\b/i.test(statusRaw ?? '');
}

function assess(scope: Scope, _find: Find, belongs: Belongs): Assessment {
  const facts = noTimelyFacts();
  const gaps = new Map(
    licensedStreams(scope, NEEDS).map(({ stream, gapsBeyond }) => [stream.integration, gapsBeyond]),
  );
  return {
    take(fact) {
      if (fact.kind !== 'case' || !isInPeriod(scope.period, timeOf(fact))) return;
      const known = gaps.get(fact.key.integration);
      const member = timelyMember(fact, ({ affectedEmployee }) => affectedEmployee);
      takeCase(fact, member, scope, facts, belongs, (from, to) => {
        return known !== undefined && !known.some((gap) => gap.from < to && gap.to > from);
      });
    },
    evaluate: () => evaluate(facts, scope),
  };
}

function takeCase(
  fact: CaseFact,
  member: Member,
  { thresholds, now }: Scope,
  facts: TimelyFacts,
  belongs: Belongs,
  isCovered: (from: Instant, to: Instant) => boolean,
): void {
  const start = timeOf(fact);
  const turn = deadlineOf(fact.versions, isTakenUp, ({ lastModifiedTime }) => lastModifiedTime);
  const ruling = outcomeOf(turn, {
    ...{ start, now, within: thresholds.handleCasesWithin, done: WORDS.done },
    goneSince: fact.goneSince,
    // an acknowledgement modifies the case, and modifications until then were collected
    isKnownOpen: (deadline) => isCovered(start, deadline),
  });
  addTimely(facts, belongs(member, ruling), turn, start);
}

const LIMITS = [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR];

function evaluate(facts: TimelyFacts, scope: Scope) {
  const { casesHandledShare: share, handleCasesWithin: within } = scope.thresholds;
  return {
    ...evaluateTimely(facts, scope, NEEDS, { share, within }, WORDS),
    distributions: [timesDistribution('Time until acknowledged or resolved, at most', facts, LIMITS)],
  };
}
