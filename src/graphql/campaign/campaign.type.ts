import { ArgsType, Field, ID, ObjectType } from 'type-graphql';
import { attackType, judgement } from '../../resources/vocabularies.js';
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
import { AttackType, Judgement, memoize } from '../records/vocabulary.enums.js';
import { AttackTypeFilter } from '../threat/threat.type.js';

const attackTypeOf = memoize(attackType);
const judgementOf = memoize(judgement);

const RecordValue = valueFieldFrom('record');

@ObjectType({
  implements: [Node, RecordNode],
  simpleResolvers: true,
  description:
    'What users reported to the abuse mailbox, and how Abnormal judged it (`/abusecampaigns/{id}`). The account needs the add-on.',
})
export class Campaign extends RecordNode<'campaign'> {
  @RecordValue(() => ID, { description: 'Abnormal’s own id (`campaignId`).' })
  readonly campaignId!: string;

  @RecordValue(() => DateTime, { nullable: true, description: 'When it was first reported (UTC).' })
  readonly firstReportedTime!: Instant | null;

  @RecordValue(() => DateTime, {
    nullable: true,
    description: 'When it was last reported (UTC): what campaigns are collected and ordered by.',
  })
  readonly lastReportedTime!: Instant | null;

  @RecordValue(() => ID, {
    nullable: true,
    description: 'The first reported message’s id: a signed 64-bit integer as text.',
  })
  readonly messageId!: string | null;

  @RecordValue(() => String, {
    personal: ['subject'],
    nullable: true,
    description: 'The reported message’s subject.',
  })
  readonly subject!: string | null;

  @RecordValue(() => String, {
    personal: ['names'],
    nullable: true,
    description: 'Its sender’s display name.',
  })
  readonly fromName!: string | null;

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'Its sender’s address.',
  })
  readonly fromAddress!: string | null;

  @RecordValue(() => String, {
    personal: ['names'],
    nullable: true,
    description: 'Its recipient’s display name.',
  })
  readonly recipientName!: string | null;

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'Its recipient’s address.',
  })
  readonly recipientAddress!: string | null;

  @ValueField(() => Judgement, {
    nullable: true,
    description: 'What Abnormal made of it (`judgementStatus`).',
  })
  get judgement(): Judgement | null {
    return judgementOf(this.record.judgementStatusRaw);
  }

  @RecordValue(() => String, {
    from: 'judgementStatusRaw',
    nullable: true,
    description: '`judgementStatus` as received.',
  })
  readonly judgementRaw!: string | null;

  @RecordValue(() => String, {
    nullable: true,
    description:
      'What was done, as received (`overallStatus`), such as `Auto-Remediated` or `No Action Needed`.',
  })
  readonly overallStatusRaw!: string | null;

  @ValueField(() => AttackType, {
    nullable: true,
    description: 'What kind of attack it is, where it was judged malicious or spam; the prefix is taken off.',
  })
  get attackType(): AttackType | null {
    return attackTypeOf(this.record.attackTypeRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`attackType` as received, prefix and all.' })
  readonly attackTypeRaw!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'A page of a list of campaigns.' })
export class CampaignConnection extends recordConnectionOf<Campaign>(() => Campaign, 'Campaign') {}

export const campaignFilter = filterInputFor<'campaign'>('CampaignFilter', {
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
