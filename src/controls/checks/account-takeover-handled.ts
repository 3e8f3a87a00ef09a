import type { CaseRecord } from '../../resources/case/case.js';
import { caseStatus } from '../../resources/vocabularies.js';
import { HOUR } from '../../values/instant.js';
import { timelyControl } from '../timeliness.js';

/** The versions of a case bound the time of its acknowledgement, see `timeliness.ts`. */
export const accountTakeoverHandled = timelyControl({
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
  kind: 'case',
  needs: [{ resource: 'cases', filterKey: 'lastModifiedTime' }],
  members:
    'Account-takeover cases that became visible to customers in the period; if Abnormal gives no such time, created or first observed in it; if it gives none of these, first recorded in it.',
  share: 'casesHandledShare',
  within: 'handleCasesWithin',
  words: {
    noun: 'case',
    done: 'acknowledged or resolved',
    measure: 'Acknowledged or resolved in time',
    next: 'Acknowledge the cases that the exceptions name in Abnormal, or accept them with a waiver.',
  },
  labelOf: ({ affectedEmployee }) => affectedEmployee,
  isDone: isTakenUp,
  changedAt: ({ lastModifiedTime }) => lastModifiedTime,
  // an acknowledgement modifies the case, and modifications until then were collected
  isKnownOpen: ({ gapsBeyond }, { start, deadline }) =>
    !gapsBeyond.some((gap) => gap.from < deadline && gap.to > start),
  edges: [HOUR, 4 * HOUR, 12 * HOUR, 24 * HOUR, 72 * HOUR],
});

/** Whether the case is acknowledged: any `Acknowledged (…)`, also an unknown one. */
function isTakenUp({ statusRaw }: CaseRecord): boolean {
  const status = caseStatus(statusRaw);
  if (status === 'IN_PROGRESS' || status === 'RESOLVED' || status === 'NOT_AN_ATTACK') return true;
  return /^\s*(acknowledged|resolved)\b/i.test(statusRaw ?? '');
}
