import type { CampaignRecord } from '../../resources/campaign/campaign.js';
import { judgement } from '../../resources/vocabularies.js';
import { HOUR, type Instant } from '../../values/instant.js';
import type {
  Assessment,
  Belongs,
  CampaignFact,
  ControlDefinition,
  ControlEvaluation,
  Find,
  Member,
  Scope,
} from '../control.js';
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

const NEEDS = [{ resource: 'campaigns', filterKey: 'lastReportedTime' }] as const;

const WORDS = {
  noun: 'report',
  done: 'judged',
  measure: 'Judged in time',
  next: 'The exceptions name the campaigns: ask Abnormal why they wait, or accept them with a waiver.',
};

/** Evaluates `rule`. The versions of a campaign bound the time of its judgement. */
export const abuseMailboxOperating: ControlDefinition = {
  id: 'abuse-mailbox-operating',
  title: 'The abuse mailbox operates',
  rule: 'Every campaign that users first reported in the period is judged within `judgeReportsWithin`, except for the share that `reportsJudgedShare` allows. Not applicable if the account has no Abuse Mailbox. The time of the judgement lies between two recorded versions: a campaign that was first seen long after its report and was already judged is in doubt.',
  references: {
    'nist-800-53': ['IR-6', 'IR-5'],
    'nist-csf': ['DE.AE-06', 'RS.MA-02'],
    'iso-27001': ['A.6.8', 'A.5.25'],
    soc2: ['CC7.3'],
    'cis-controls': ['17.3'],
    'pci-dss': ['12.10.5'],
    nis2: ['21(2)(b)', '21(2)(g)'],
    dora: ['17(3)'],
  },
  limits:
    'It shows that reports of users were judged in time. It does not show how many suspicious messages users did not report.',
  thresholds: ['reportsJudgedShare', 'judgeReportsWithin'],
  needs: NEEDS,
  takes: ['campaign'],
  looksBack: false,
  population: () => ({
    unit: 'campaigns',
    words:
      'Abuse-mailbox campaigns first reported in the period; if Abnormal gives no such time, last reported or else first recorded in it.',
    isListed: true,
  }),
  begin: assess,
};

/** Whether Abnormal has given its answer: anything but `Scanning` and silence; `N/A` ends it too. */
export function isJudged({ judgementStatusRaw }: CampaignRecord): boolean {
  const word = judgement(judgementStatusRaw);
  return word !== null && word !== 'SCANNING';
}

type Judged = NonNullable<ReturnType<typeof judgement>>;

const JUDGEMENTS: readonly Judged[] = ['MALICIOUS', 'SPAM', 'SAFE', 'NOT_AVAILABLE', 'OTHER', 'SCANNING'];

function assess(scope: Scope, _find: Find, belongs: Belongs): Assessment {
  const facts = noTimelyFacts();
  const words = new Map<Judged, number>();
  const polls = new Map(
    licensedStreams(scope, NEEDS).map(({ stream, answeredAt }) => [stream.integration, answeredAt]),
  );
  return {
    take(fact) {
      if (fact.kind !== 'campaign' || !isInPeriod(scope.period, timeOf(fact))) return;
      const word =
        judgement((fact.versions.at(-1) ?? fact.versions[0]).record.judgementStatusRaw) ?? 'SCANNING';
      words.set(word, (words.get(word) ?? 0) + 1);
      const member = timelyMember(fact, ({ subject }) => subject);
      takeCampaign(fact, member, scope, facts, belongs, polls.get(fact.key.integration) ?? []);
    },
    evaluate: () => evaluate(facts, words, scope),
  };
}

function takeCampaign(
  fact: CampaignFact,
  member: Member,
  { thresholds, now }: Scope,
  facts: TimelyFacts,
  belongs: Belongs,
  polls: readonly Instant[],
): void {
  const start = timeOf(fact);
  const { goneSince } = fact;
  const turn = deadlineOf(fact.versions, isJudged, () => null);
  const ruling = outcomeOf(turn, {
    ...{ start, now, within: thresholds.judgeReportsWithin, done: WORDS.done, goneSince },
    // each pass reads unjudged campaigns again, so two polls enclose such a reading
    isKnownOpen: (deadline) =>
      polls.filter((at) => at >= deadline && (goneSince === null || at <= goneSince)).length > 1,
  });
  addTimely(facts, belongs(member, ruling), turn, start);
}

const LIMITS = [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR];

function evaluate(facts: TimelyFacts, words: ReadonlyMap<Judged, number>, scope: Scope): ControlEvaluation {
  const { reportsJudgedShare: share, judgeReportsWithin: within } = scope.thresholds;
  const bars = JUDGEMENTS.map((word) => ({ label: LABELS[word], count: words.get(word) ?? 0, before: null }));
  return {
    ...evaluateTimely(facts, scope, NEEDS, { share, within }, WORDS),
    distributions: [
      { title: 'Judgements', bars: bars.filter(({ count }) => count > 0) },
      timesDistribution('Time until judged, at most', facts, LIMITS),
    ],
  };
}

const LABELS: Record<Judged, string> = {
  MALICIOUS: 'malicious',
  SPAM: 'spam',
  SAFE: 'safe',
  NOT_AVAILABLE: 'no judgement possible',
  OTHER: 'other',
  SCANNING: 'not judged',
};
