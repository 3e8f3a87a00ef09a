import { isOpenCase } from '../../resources/case/case.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../../resources/vocabularies.js';
import { fieldsOf, OutputType, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { CaseStatus, Confidence, RemediationStatus, Severity } from '../records/vocabulary.enums.js';

@OutputType(
  'An account-takeover case: Abnormal’s `/cases` list and detail joined. The account needs the Account Takeover licence.',
  { implements: [Node, RecordNode] },
)
export class Case extends RecordNode<'case'> {}

fieldsOf(Case, 'record', {
  caseId: Value.id('Abnormal’s id of the case (`caseId`).'),
  description: Value.textOrNull(
    'Abnormal’s description, one sentence (`description` of the list); null if Abnormal gives none.',
    { personal: ['texts'] },
  ),
  severity: Value.enumOrNull(() => Severity, 'Severity (`severity_level`); null if Abnormal gives none.', {
    by: (record) => severityLevel(record.severityLevelRaw),
  }),
  severityRaw: Value.textOrNull('`severity_level` as received.', { by: (record) => record.severityLevelRaw }),
  severityLabel: Value.textOrNull(
    'Type of the case as free text, such as `Potential Account Takeover` (`severity` of the detail).',
    { by: (record) => record.severityRaw },
  ),
  confidence: Value.enumOrNull(
    () => Confidence,
    'Abnormal’s confidence (`confidence`); null if Abnormal gives none.',
    { by: (record) => confidence(record.confidenceRaw) },
  ),
  confidenceRaw: Value.textOrNull(
    '`confidence` as received; null for older accounts, for which Abnormal sends none.',
  ),
  status: Value.enumOrNull(() => CaseStatus, 'Status (`case_status`); null if Abnormal gives none.', {
    by: (record) => caseStatus(record.statusRaw),
  }),
  statusRaw: Value.textOrNull('`case_status` as received.'),
  open: Value.boolean(
    'Whether the case is open: every status except RESOLVED and NOT_AN_ATTACK, including unknown values.',
    { by: isOpenCase },
  ),
  remediationStatus: Value.enumOrNull(
    () => RemediationStatus,
    'The action taken (`remediation_status`); null if Abnormal gives none.',
    { by: (record) => remediationState(record.remediationStatusRaw) },
  ),
  remediationStatusRaw: Value.textOrNull('`remediation_status` as received.'),
  analysisRaw: Value.textOrNull(
    'Kind of signal that led to the case, as received (`analysis`), such as `SIGN_IN` or `RISK_EVENT`.',
  ),
  affectedEmployee: Value.textOrNull(
    'The account’s owner (`affectedEmployee`): a display name or an e-mail address, whichever Abnormal sends.',
    { personal: ['names', 'addresses'] },
  ),
  firstObservedTime: Value.instantOrNull(
    'When the case was first observed (UTC; `firstObserved`); null if Abnormal gives no time.',
  ),
  customerVisibleTime: Value.instantOrNull(
    'When the case became visible to customers (UTC; `customerVisibleTime`); null if Abnormal gives no time.',
  ),
  createdTime: Value.instantOrNull(
    'When the case was created (UTC; `created` of the list); null if Abnormal gives no time.',
  ),
  lastModifiedTime: Value.instantOrNull(
    'When the case was last modified (UTC; `last_modified` of the list); null if Abnormal gives no time. Cases are collected and ordered by this time.',
  ),
  threatIds: Value.ids(
    'Abnormal’s ids of the threats that the case names (`threatIds`), stored or not. Often empty for account takeovers.',
  ),
  genaiSummary: Value.texts('Abnormal’s summary, one element per paragraph (`genai_summary`).', {
    personal: ['texts'],
  }),
  tenant: Value.textOrNull('Name of the tenant (`tenant`); null if Abnormal gives none.'),
});

export const caseList = recordListOf('case', Case, {
  page: 'A page of a list of cases.',
  filter: {
    id: 'Abnormal’s id',
    lastModifiedTime: 'when the case was last modified',
    createdTime: 'when the case was created',
    customerVisibleTime: 'when the case became visible to customers',
    firstObservedTime: 'when the case was first observed',
    severityLevel: { name: 'severity', type: Severity, by: 'severity' },
    severityRank: null,
    confidence: { type: Confidence, by: 'Abnormal’s confidence' },
    status: { type: CaseStatus, by: 'status' },
    open: 'whether the case is open',
    remediationState: {
      name: 'remediationStatus',
      type: RemediationStatus,
      by: 'the action taken',
    },
    affectedEmployee: 'the account’s owner, as Abnormal sends it',
    description: 'Abnormal’s description',
    threatId: {
      name: 'threatIds',
      formerName: 'threatId',
      by: 'Abnormal’s ids of the threats that the case names',
    },
    severityLabel: 'severity in Abnormal’s words',
    analysis: { name: 'analysisRaw', by: 'the kind of signal that led to the case, as received' },
    tenant: 'the name of the tenant',
  },
  order: {
    id: 'Abnormal’s id, as text.',
    lastModifiedTime: 'When the case was last modified: the default.',
    createdTime: 'When the case was created.',
    customerVisibleTime:
      'When the case became visible to customers (UTC; `customerVisibleTime`); null if Abnormal gives no time.',
    firstObservedTime: 'When the case was first observed.',
    severityRank: { name: 'SEVERITY', description: 'Severity; unknown values are ordered like null.' },
  },
});
