import { ArgsType, Field, ID, ObjectType } from 'type-graphql';
import { isOpenCase } from '../../resources/case/case.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../../resources/vocabularies.js';
import type { Instant } from '../../values/instant.js';
import { ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { recordConnectionOf } from '../lists/connection.js';
import {
  BooleanFilter,
  DateTimeFilter,
  enumFilter,
  type FilterInput,
  filterInputFor,
  TextFilter,
} from '../lists/filter-args.js';
import { ListArgs, type OrderInput, orderOf } from '../lists/order-args.js';
import { Node, RecordNode } from '../records/record.type.js';
import { CaseStatus, Confidence, memoize, RemediationStatus, Severity } from '../records/vocabulary.enums.js';

const caseStatusOf = memoize(caseStatus);
const confidenceOf = memoize(confidence);
const remediationStateOf = memoize(remediationState);
const severityLevelOf = memoize(severityLevel);

const RecordValue = valueFieldFrom('record');

@ObjectType({
  implements: [Node, RecordNode],
  simpleResolvers: true,
  description:
    'An account-takeover case: Abnormal’s `/cases` list and detail joined. The account needs the Account Takeover licence.',
})
export class Case extends RecordNode<'case'> {
  @RecordValue(() => ID, { description: 'Abnormal’s own id (`caseId`).' })
  readonly caseId!: string;

  @RecordValue(() => String, {
    personal: ['texts'],
    nullable: true,
    description: 'One sentence of Abnormal’s (`description`, list).',
  })
  readonly description!: string | null;

  @ValueField(() => Severity, { nullable: true, description: 'How severe it is (`severity_level`).' })
  get severity(): Severity | null {
    return severityLevelOf(this.record.severityLevelRaw);
  }

  @RecordValue(() => String, {
    from: 'severityLevelRaw',
    nullable: true,
    description: '`severity_level` as received.',
  })
  readonly severityRaw!: string | null;

  @RecordValue(() => String, {
    from: 'severityRaw',
    nullable: true,
    description:
      'What kind of case it is, in free text such as `Potential Account Takeover` (`severity`, detail).',
  })
  readonly severityLabel!: string | null;

  @ValueField(() => Confidence, { nullable: true, description: 'How sure Abnormal is (`confidence`).' })
  get confidence(): Confidence | null {
    return confidenceOf(this.record.confidenceRaw);
  }

  @RecordValue(() => String, {
    nullable: true,
    description: '`confidence` as received; older accounts send none.',
  })
  readonly confidenceRaw!: string | null;

  @ValueField(() => CaseStatus, {
    nullable: true,
    description: 'What somebody has done about it (`case_status`).',
  })
  get status(): CaseStatus | null {
    return caseStatusOf(this.record.statusRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`case_status` as received.' })
  readonly statusRaw!: string | null;

  @ValueField(() => Boolean, {
    description:
      'Whether it still waits for somebody: any status but RESOLVED and NOT_AN_ATTACK, unknown ones too.',
  })
  get open(): boolean {
    return isOpenCase(this.record);
  }

  @ValueField(() => RemediationStatus, {
    nullable: true,
    description: 'What was done (`remediation_status`).',
  })
  get remediationStatus(): RemediationStatus | null {
    return remediationStateOf(this.record.remediationStatusRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`remediation_status` as received.' })
  readonly remediationStatusRaw!: string | null;

  @RecordValue(() => String, {
    nullable: true,
    description:
      'What kind of signal led to it, as received (`analysis`), such as `SIGN_IN` or `RISK_EVENT`.',
  })
  readonly analysisRaw!: string | null;

  @RecordValue(() => String, {
    // a name or an address, as Abnormal happens to send it
    personal: ['names', 'addresses'],
    nullable: true,
    description: 'Whose account it is: a display name or an e-mail address, as Abnormal happens to send it.',
  })
  readonly affectedEmployee!: string | null;

  @RecordValue(() => DateTime, {
    nullable: true,
    description: 'When it was first observed (`firstObserved`).',
  })
  readonly firstObservedTime!: Instant | null;

  @RecordValue(() => DateTime, { nullable: true, description: 'When customers could first see it.' })
  readonly customerVisibleTime!: Instant | null;

  @RecordValue(() => DateTime, { nullable: true, description: 'When it was made (`created`, list).' })
  readonly createdTime!: Instant | null;

  @RecordValue(() => DateTime, {
    nullable: true,
    description: 'When it was last changed (`last_modified`, list): what cases are collected and ordered by.',
  })
  readonly lastModifiedTime!: Instant | null;

  @RecordValue(() => [ID], {
    description: 'Abnormal’s ids of the threats it names, held or not. Often empty for account takeovers.',
  })
  readonly threatIds!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['texts'],
    description: 'Abnormal’s own summary, a paragraph each (`genai_summary`).',
  })
  readonly genaiSummary!: readonly string[];

  @RecordValue(() => String, {
    nullable: true,
    description: 'The tenant’s name, where the account has several.',
  })
  readonly tenant!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'A page of a list of cases.' })
export class CaseConnection extends recordConnectionOf<Case>(() => Case, 'Case') {}

const RemediationStatusFilter = enumFilter('RemediationStatus', RemediationStatus);

export const caseFilter = filterInputFor<'case'>('CaseFilter', {
  id: { name: 'caseId', type: TextFilter, description: 'By Abnormal’s own id.' },
  lastModifiedTime: { type: DateTimeFilter, description: 'By when it was last changed.' },
  createdTime: { type: DateTimeFilter, description: 'By when it was made.' },
  customerVisibleTime: { type: DateTimeFilter, description: 'By when customers could first see it.' },
  firstObservedTime: { type: DateTimeFilter, description: 'By when it was first observed.' },
  severityLevel: { name: 'severity', type: enumFilter('Severity', Severity), description: 'By severity.' },
  severityRank: null,
  confidence: { type: enumFilter('Confidence', Confidence), description: 'By how sure Abnormal is.' },
  status: { type: enumFilter('CaseStatus', CaseStatus), description: 'By what somebody has done about it.' },
  open: { type: BooleanFilter, description: 'By whether it still waits for somebody.' },
  remediationState: {
    name: 'remediationStatus',
    type: RemediationStatusFilter,
    description: 'By what was done.',
  },
  affectedEmployee: { type: TextFilter, description: 'By whose account it is, as Abnormal sends it.' },
  description: { type: TextFilter, description: 'By Abnormal’s sentence.' },
  threatId: { type: TextFilter, description: 'By the threats it names: Abnormal’s ids.' },
});

export const caseOrder = orderOf('case', 'Case', {
  id: { name: 'CASE_ID', description: 'Abnormal’s own id, as text.' },
  lastModifiedTime: { name: 'LAST_MODIFIED_TIME', description: 'When it was last changed: the default.' },
  createdTime: { name: 'CREATED_TIME', description: 'When it was made.' },
  customerVisibleTime: { name: 'CUSTOMER_VISIBLE_TIME', description: 'When customers could first see it.' },
  firstObservedTime: { name: 'FIRST_OBSERVED_TIME', description: 'When it was first observed.' },
  severityRank: { name: 'SEVERITY', description: 'How severe it is; unknown values count as not said.' },
});

@ArgsType()
export class CaseListArgs extends ListArgs {
  @Field(() => caseFilter.type, { nullable: true, description: 'Only the cases for which this holds.' })
  filter?: FilterInput | null;

  @Field(() => caseOrder.type, {
    nullable: true,
    description: 'The order; last changed first when not given.',
  })
  orderBy?: OrderInput | null;
}
