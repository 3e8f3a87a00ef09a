import { ID } from 'type-graphql';
import { isOpenCase } from '../../resources/case/case.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../../resources/vocabularies.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { CaseStatus, Confidence, RemediationStatus, Severity } from '../records/vocabulary.enums.js';

const RecordValue = valueFieldFrom('record');

@OutputType(
  'An account-takeover case: Abnormal’s `/cases` list and detail joined. The account needs the Account Takeover licence.',
  { implements: [Node, RecordNode] },
)
export class Case extends RecordNode<'case'> {
  @RecordValue.id('Abnormal’s id of the case (`caseId`).')
  readonly caseId!: string;

  @RecordValue.textOrNull(
    'Abnormal’s description, one sentence (`description` of the list); null if Abnormal gives none.',
    { personal: ['texts'] },
  )
  readonly description!: string | null;

  @ValueField(() => Severity, {
    nullable: true,
    description: 'Severity (`severity_level`); null if Abnormal gives none.',
  })
  get severity(): Severity | null {
    return severityLevel(this.record.severityLevelRaw);
  }

  @RecordValue.textOrNull('`severity_level` as received.', { from: 'severityLevelRaw' })
  readonly severityRaw!: string | null;

  @RecordValue.textOrNull(
    'Type of the case as free text, such as `Potential Account Takeover` (`severity` of the detail).',
    { from: 'severityRaw' },
  )
  readonly severityLabel!: string | null;

  @ValueField(() => Confidence, {
    nullable: true,
    description: 'Abnormal’s confidence (`confidence`); null if Abnormal gives none.',
  })
  get confidence(): Confidence | null {
    return confidence(this.record.confidenceRaw);
  }

  @RecordValue.textOrNull('`confidence` as received; null for older accounts, for which Abnormal sends none.')
  readonly confidenceRaw!: string | null;

  @ValueField(() => CaseStatus, {
    nullable: true,
    description: 'Status (`case_status`); null if Abnormal gives none.',
  })
  get status(): CaseStatus | null {
    return caseStatus(this.record.statusRaw);
  }

  @RecordValue.textOrNull('`case_status` as received.')
  readonly statusRaw!: string | null;

  @ValueField.boolean(
    'Whether the case is open: every status except RESOLVED and NOT_AN_ATTACK, including unknown values.',
  )
  get open(): boolean {
    return isOpenCase(this.record);
  }

  @ValueField(() => RemediationStatus, {
    nullable: true,
    description: 'The action taken (`remediation_status`); null if Abnormal gives none.',
  })
  get remediationStatus(): RemediationStatus | null {
    return remediationState(this.record.remediationStatusRaw);
  }

  @RecordValue.textOrNull('`remediation_status` as received.')
  readonly remediationStatusRaw!: string | null;

  @RecordValue.textOrNull(
    'Kind of signal that led to the case, as received (`analysis`), such as `SIGN_IN` or `RISK_EVENT`.',
  )
  readonly analysisRaw!: string | null;

  @RecordValue.textOrNull(
    'The account’s owner (`affectedEmployee`): a display name or an e-mail address, whichever Abnormal sends.',
    { personal: ['names', 'addresses'] },
  )
  readonly affectedEmployee!: string | null;

  @RecordValue.instantOrNull(
    'When the case was first observed (UTC; `firstObserved`); null if Abnormal gives no time.',
  )
  readonly firstObservedTime!: Instant | null;

  @RecordValue.instantOrNull(
    'When the case became visible to customers (UTC; `customerVisibleTime`); null if Abnormal gives no time.',
  )
  readonly customerVisibleTime!: Instant | null;

  @RecordValue.instantOrNull(
    'When the case was created (UTC; `created` of the list); null if Abnormal gives no time.',
  )
  readonly createdTime!: Instant | null;

  @RecordValue.instantOrNull(
    'When the case was last modified (UTC; `last_modified` of the list); null if Abnormal gives no time. Cases are collected and ordered by this time.',
  )
  readonly lastModifiedTime!: Instant | null;

  @RecordValue(() => [ID], {
    description:
      'Abnormal’s ids of the threats that the case names (`threatIds`), stored or not. Often empty for account takeovers.',
  })
  readonly threatIds!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['texts'],
    description: 'Abnormal’s summary, one element per paragraph (`genai_summary`).',
  })
  readonly genaiSummary!: readonly string[];

  @RecordValue.textOrNull('Name of the tenant (`tenant`); null if Abnormal gives none.')
  readonly tenant!: string | null;
}

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
