import type { CampaignRecord } from '../../resources/campaign/campaign.js';
import { judgement } from '../../resources/vocabularies.js';
import { HOUR } from '../../values/instant.js';
import { timelyControl } from '../timeliness.js';

const LABELS: Record<NonNullable<ReturnType<typeof judgement>>, string> = {
  MALICIOUS: 'malicious',
  SPAM: 'spam',
  SAFE: 'safe',
  NOT_AVAILABLE: 'no judgement possible',
  OTHER: 'other',
  SCANNING: 'not judged',
};

/** The versions of a campaign bound the time of its judgement, see `timeliness.ts`. */
export const abuseMailboxOperating = timelyControl({
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
  kind: 'campaign',
  needs: [{ resource: 'campaigns', filterKey: 'lastReportedTime' }],
  members:
    'Abuse-mailbox campaigns first reported in the period; if Abnormal gives no such time, last reported or else first recorded in it.',
  share: 'reportsJudgedShare',
  within: 'judgeReportsWithin',
  words: {
    noun: 'report',
    done: 'judged',
    measure: 'Judged in time',
    next: 'The exceptions name the campaigns: ask Abnormal why they wait, or accept them with a waiver.',
  },
  labelOf: ({ subject }) => subject,
  isDone: isJudged,
  changedAt: () => null,
  // each pass reads unjudged campaigns again, so two polls enclose such a reading
  isKnownOpen: ({ answeredAt }, { deadline, goneSince }) =>
    answeredAt.filter((at) => at >= deadline && (goneSince === null || at <= goneSince)).length > 1,
  edges: [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 48 * HOUR],
  classes: {
    title: 'Judgements',
    labels: LABELS,
    classOf: ({ judgementStatusRaw }) => judgement(judgementStatusRaw) ?? 'SCANNING',
  },
});

/** Whether Abnormal has given its answer: anything but `Scanning` and silence; `N/A` ends it too. */
function isJudged({ judgementStatusRaw }: CampaignRecord): boolean {
  const word = judgement(judgementStatusRaw);
  return word !== null && word !== 'SCANNING';
}
