import { isOpenCase } from '../../resources/case/case.js';
import type { TimelineEventRecord } from '../../resources/case/case-analysis.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../../resources/vocabularies.js';
import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, partOf, RecordNode } from '../records/record.type.js';
import { CaseStatus, Confidence, RemediationStatus, Severity } from '../records/vocabulary.enums.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';

@OutputType(
  'An account-takeover case: Abnormal’s `/cases` list and detail joined. The account needs the Account Takeover licence.',
  { implements: [Node, RecordNode] },
)
export class Case extends RecordNode<'case'> {}

showFields(Case, 'record', {
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

const Insight = outputType('Insight', 'One reason why Abnormal opened the case.', {
  signal: Value.textOrNull('Topic, such as `Risky location`.'),
  description: Value.textOrNull('The finding, in words.', { personal: ['texts'] }),
});

const TimelineEvent = outputType<TimelineEventRecord>(
  'TimelineEvent',
  'One event of a case. Which fields have a value depends on the kind of event.',
  {
    time: Value.instantOrNull(
      'When the event happened (UTC; `event_timestamp`); null if Abnormal gives no time.',
    ),
    categoryRaw: Value.textOrNull('Kind of event, as received, such as `Sign In`.'),
    title: Value.textOrNull('Abnormal’s title of the event.', { personal: ['texts'] }),
    description: Value.textOrNull('Abnormal’s description of the event.', { personal: ['texts'] }),
    ipAddress: Value.textOrNull('IP address of the event; null if Abnormal gives none.', {
      personal: ['locations'],
    }),
    location: Value.textOrNull('Location of the IP address; null if Abnormal gives none.', {
      personal: ['locations'],
    }),
    previousLocation: Value.textOrNull('Earlier locations of the account.', { personal: ['locations'] }),
    details: Value.jsonObject('All other fields that Abnormal sends, under Abnormal’s names.', {
      personal: ['texts'],
    }),
  },
);

@OutputType('Why Abnormal opened a case, and what happened: `GET /cases/{id}/analysis`.')
export class CaseTimeline extends partOf<'caseAnalysis'>() {}

showFields(CaseTimeline, 'seen.revision.record', {
  insights: Value.list(() => Insight, 'The reasons why Abnormal opened the case.'),
  events: Value.list(() => TimelineEvent, 'The events, in Abnormal’s order.'),
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
    remediationState: { name: 'remediationStatus', type: RemediationStatus, by: 'the action taken' },
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

export const CaseStatisticsResolver = statisticsOf(caseList, {
  plural: 'cases',
  times: {
    CUSTOMER_VISIBLE: {
      field: 'customerVisibleTime',
      description: 'When the case became visible to the customer.',
    },
    CREATED: { field: 'createdTime', description: 'When Abnormal created the case.' },
    FIRST_OBSERVED: { field: 'firstObservedTime', description: 'When the first event was observed.' },
    LAST_MODIFIED: { field: 'lastModifiedTime', description: 'When the case was last modified.' },
  },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    TENANT: { field: 'tenant', description: 'Tenant.' },
    AGE: BY_AGE,
    SEVERITY: { field: 'severityLevel', description: 'Severity.' },
    SEVERITY_LABEL: { field: 'severityLabel', description: 'Severity in Abnormal’s words.' },
    CONFIDENCE: { field: 'confidence', description: 'Abnormal’s confidence.' },
    STATUS: { field: 'status', description: 'Status.' },
    OPEN: { field: 'open', description: 'Whether the case is open.' },
    REMEDIATION_STATUS: { field: 'remediationState', description: 'Abnormal’s status of the remediation.' },
    ANALYSIS: { field: 'analysis', description: 'What was analysed, as received.' },
    AFFECTED_EMPLOYEE: {
      field: 'affectedEmployee',
      description: 'The affected employee, by name or address.',
    },
  },
  distinct: { AFFECTED_EMPLOYEE: { field: 'affectedEmployee', description: 'Affected employees.' } },
  durations: {
    VISIBLE_TO_HANDLED: {
      measure: {
        ...{ from: 'customerVisibleTime', to: null },
        state: { field: 'open', pending: [true], none: [] },
      },
      bound: 'AT_MOST',
      description: 'From when the case became visible until the gateway first saw it closed.',
    },
  },
});
