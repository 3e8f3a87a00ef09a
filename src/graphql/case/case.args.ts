import { ArgsType, Field } from 'type-graphql';
import { BooleanFilter, DateTimeFilter, enumFilter, TextFilter } from '../lists/comparison.inputs.js';
import { type FilterInput, filterOf } from '../lists/filter-input.js';
import { type OrderInput, orderOf } from '../lists/order-input.js';
import { ListArgs } from '../lists/read-args.js';
import { CaseStatus, Confidence, RemediationStatus, Severity } from '../records/case.enums.js';

export const RemediationStatusFilter = enumFilter('RemediationStatus', RemediationStatus);

export const caseFilter = filterOf<'case'>('CaseFilter', {
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
