import { ArgsType, Field } from 'type-graphql';
import { BooleanFilter, DateTimeFilter, enumFilter, TextFilter } from '../lists/comparison.inputs.js';
import { type FilterInput, filterOf } from '../lists/filter-input.js';
import { type OrderInput, orderOf } from '../lists/order-input.js';
import { ListArgs } from '../lists/read-args.js';
import { Judgement } from '../records/campaign.enums.js';
import { AttackTypeFilter } from '../threat/threat.args.js';

export const campaignFilter = filterOf<'campaign'>('CampaignFilter', {
  id: { name: 'campaignId', type: TextFilter, description: 'By Abnormal’s own id.' },
  lastReportedTime: { type: DateTimeFilter, description: 'By when it was last reported.' },
  firstReportedTime: { type: DateTimeFilter, description: 'By when it was first reported.' },
  judgement: { type: enumFilter('Judgement', Judgement), description: 'By what Abnormal made of it.' },
  scanning: { type: BooleanFilter, description: 'By whether it is still undecided.' },
  attackType: { type: AttackTypeFilter, description: 'By the kind of attack.' },
  subject: { type: TextFilter, description: 'By the reported message’s subject.' },
  fromAddress: { type: TextFilter, description: 'By its sender’s address.' },
  recipientAddress: { type: TextFilter, description: 'By its recipient’s address.' },
  messageId: { type: TextFilter, description: 'By the first reported message: Abnormal’s id.' },
});

export const campaignOrder = orderOf('campaign', 'Campaign', {
  id: { name: 'CAMPAIGN_ID', description: 'Abnormal’s own id, as text.' },
  lastReportedTime: { name: 'LAST_REPORTED_TIME', description: 'When it was last reported: the default.' },
  firstReportedTime: { name: 'FIRST_REPORTED_TIME', description: 'When it was first reported.' },
});

@ArgsType()
export class CampaignListArgs extends ListArgs {
  @Field(() => campaignFilter.type, {
    nullable: true,
    description: 'Only the campaigns for which this holds.',
  })
  filter?: FilterInput | null;

  @Field(() => campaignOrder.type, {
    nullable: true,
    description: 'The order; last reported first when not given.',
  })
  orderBy?: OrderInput | null;
}
