import { ID, ObjectType } from 'type-graphql';
import { attackType, judgement } from '../../resources/vocabularies.js';
import type { Instant } from '../../values/instant.js';
import { DateTime } from '../base/date-time.scalar.js';
import { PlainField } from '../base/plain-field.js';
import { recordConnectionOf } from '../lists/record-connection.js';
import { Judgement } from '../records/campaign.enums.js';
import { Node } from '../records/node.type.js';
import { RecordNode } from '../records/record.type.js';
import { remembered } from '../records/remembered.js';
import { AttackType } from '../records/threat.enums.js';

const attackTypeOf = remembered(attackType);
const judgementOf = remembered(judgement);

@ObjectType({
  implements: [Node, RecordNode],
  simpleResolvers: true,
  description:
    'What users reported to the abuse mailbox, and how Abnormal judged it (`/abusecampaigns/{id}`). The account needs the add-on.',
})
export class Campaign extends RecordNode<'campaign'> {
  @PlainField(() => ID, { description: 'Abnormal’s own id (`campaignId`).' })
  get campaignId(): string {
    return this.record.campaignId;
  }

  @PlainField(() => DateTime, { nullable: true, description: 'When it was first reported (UTC).' })
  get firstReportedTime(): Instant | null {
    return this.record.firstReportedTime;
  }

  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When it was last reported (UTC): what campaigns are collected and ordered by.',
  })
  get lastReportedTime(): Instant | null {
    return this.record.lastReportedTime;
  }

  @PlainField(() => ID, {
    nullable: true,
    description: 'The first reported message’s id: a signed 64-bit integer as text.',
  })
  get messageId(): string | null {
    return this.record.messageId;
  }

  @PlainField(() => String, { nullable: true, description: 'The reported message’s subject.' })
  get subject(): string | null {
    return this.record.subject;
  }

  @PlainField(() => String, { nullable: true, description: 'Its sender’s display name.' })
  get fromName(): string | null {
    return this.record.fromName;
  }

  @PlainField(() => String, { nullable: true, description: 'Its sender’s address.' })
  get fromAddress(): string | null {
    return this.record.fromAddress;
  }

  @PlainField(() => String, { nullable: true, description: 'Its recipient’s display name.' })
  get recipientName(): string | null {
    return this.record.recipientName;
  }

  @PlainField(() => String, { nullable: true, description: 'Its recipient’s address.' })
  get recipientAddress(): string | null {
    return this.record.recipientAddress;
  }

  @PlainField(() => Judgement, {
    nullable: true,
    description: 'What Abnormal made of it (`judgementStatus`).',
  })
  get judgement(): Judgement | null {
    return judgementOf(this.record.judgementStatusRaw);
  }

  @PlainField(() => String, { nullable: true, description: '`judgementStatus` as received.' })
  get judgementRaw(): string | null {
    return this.record.judgementStatusRaw;
  }

  @PlainField(() => String, {
    nullable: true,
    description:
      'What was done, as received (`overallStatus`), such as `Auto-Remediated` or `No Action Needed`.',
  })
  get overallStatusRaw(): string | null {
    return this.record.overallStatusRaw;
  }

  @PlainField(() => AttackType, {
    nullable: true,
    description: 'What kind of attack it is, where it was judged malicious or spam; the prefix is taken off.',
  })
  get attackType(): AttackType | null {
    return attackTypeOf(this.record.attackTypeRaw);
  }

  @PlainField(() => String, { nullable: true, description: '`attackType` as received, prefix and all.' })
  get attackTypeRaw(): string | null {
    return this.record.attackTypeRaw;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of a list of campaigns.' })
export class CampaignConnection extends recordConnectionOf<Campaign>(() => Campaign, 'Campaign') {}
