import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import { fieldsOf } from '../../resources/registry.js';
import { type ThreatRemediation, threatRemediation } from '../../resources/threat/threat.js';
import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { intOrNull } from '../../values/int.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { recordConnectionOf } from '../lists/connection.js';
import {
  BooleanFilter,
  DateTimeFilter,
  enumFilter,
  type FilterInput,
  filterInputFor,
  IntFilter,
  TextFilter,
} from '../lists/filter-args.js';
import { ListArgs, type OrderInput, orderOf } from '../lists/order-args.js';
import { PageArgs } from '../lists/page.js';
import { Node, RecordNode } from '../records/record.type.js';
import {
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  ThreatRemediationState,
} from '../records/vocabulary.enums.js';

const OVER_MESSAGES = 'over the messages held, each once';

@ObjectType('ThreatRemediation', {
  simpleResolvers: true,
  description: 'What became of a threat, derived from the messages held.',
})
class ThreatRemediationSummary implements ThreatRemediation {
  @ValueField(() => ThreatRemediationState, { description: 'Summed up in a word.' })
  readonly state!: ThreatRemediation['state'];

  @ValueField(() => Int, { description: 'How many messages it is summed up over.' })
  readonly messages!: number;

  @ValueField(() => Int, { description: 'How many of them were dealt with.' })
  readonly remediated!: number;

  @ValueField(() => DateTime, { nullable: true, description: 'When the first was dealt with (UTC).' })
  readonly firstRemediationTime!: Instant | null;

  @ValueField(() => DateTime, { nullable: true, description: 'When the last was dealt with (UTC).' })
  readonly lastRemediationTime!: Instant | null;
}

const RecordValue = valueFieldFrom('record');

@ObjectType({
  implements: [Node, RecordNode],
  simpleResolvers: true,
  description:
    'One attack, as e-mails that belong together: Abnormal’s `/threats/{id}` with all message pages that it offers. What it says of an attack is per message; what stands here is derived.',
})
export class Threat extends RecordNode<'threat'> {
  private derived: Fields | null = null;

  @RecordValue(() => ID, { description: 'Abnormal’s own id (`threatId`).' })
  readonly threatId!: string;

  @ValueField(() => String, {
    personal: ['subject'],
    nullable: true,
    description: 'The subject of the newest message held.',
  })
  get subject(): string | null {
    return this.record.messages[0]?.subject ?? null;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the newest message held was received (UTC): what threats are ordered by.',
  })
  get receivedTime(): Instant | null {
    return this.derive('receivedTime') as Instant | null;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the oldest message held was received (UTC).',
  })
  get firstReceivedTime(): Instant | null {
    return this.derive('firstReceivedTime') as Instant | null;
  }

  @ValueField(() => Int, {
    nullable: true,
    description:
      'How many mailboxes Abnormal counts (`recipientCount`); may exceed the messages that it gives.',
  })
  get recipientCount(): number | null {
    return intOrNull(this.record.recipientCount);
  }

  @ValueField(() => Int, {
    description: 'How many messages are held: Abnormal gives some accounts a sample only.',
  })
  get messagesHeld(): number {
    return this.record.messages.length;
  }

  @RecordValue(() => Boolean, {
    description:
      'Whether every page of messages that Abnormal offered was read, and each message in them; it may offer fewer than it counts. What cannot be read is named in `unread`.',
  })
  readonly pagesComplete!: boolean;

  @ValueField(() => Boolean, {
    nullable: true,
    description:
      'Whether a message is held for every recipient counted and every page offered was read; null when Abnormal gives no count.',
  })
  get allMessagesHeld(): boolean | null {
    const { recipientCount, messages, pagesComplete } = this.record;
    return recipientCount === null ? null : pagesComplete && messages.length >= recipientCount;
  }

  @ValueField(() => ThreatRemediationSummary, { description: 'What became of it.' })
  get remediation(): ThreatRemediationSummary {
    return threatRemediation(this.record);
  }

  @ValueField(() => [AttackType], { description: `What kinds of attack it is, ${OVER_MESSAGES}.` })
  get attackTypes(): readonly AttackType[] {
    return this.derive('attackType') as readonly AttackType[];
  }

  @ValueField(() => [AttackStrategy], { description: `How the attacker hides, ${OVER_MESSAGES}.` })
  get attackStrategies(): readonly AttackStrategy[] {
    return this.derive('attackStrategy') as readonly AttackStrategy[];
  }

  @ValueField(() => [AttackVector], { description: `What does the harm, ${OVER_MESSAGES}.` })
  get attackVectors(): readonly AttackVector[] {
    return this.derive('attackVector') as readonly AttackVector[];
  }

  @ValueField(() => [ImpersonatedParty], {
    description: `Whom the attacker pretends to be, ${OVER_MESSAGES}.`,
  })
  get impersonatedParties(): readonly ImpersonatedParty[] {
    return this.derive('impersonatedParty') as readonly ImpersonatedParty[];
  }

  @ValueField(() => [String], {
    personal: ['addresses'],
    description: `The senders’ addresses, ${OVER_MESSAGES}.`,
  })
  get fromAddresses(): readonly string[] {
    return this.derive('fromAddress') as readonly string[];
  }

  @RecordValue(() => ID, { nullable: true, description: 'Abnormal’s number for the tenant.' })
  readonly tenantId!: string | null;

  @RecordValue(() => String, { nullable: true, description: 'The tenant’s name.' })
  readonly tenantName!: string | null;

  private derive(field: string) {
    this.derived ??= fieldsOf('threat', this.record);
    return this.derived[field];
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of a list of threats.' })
export class ThreatConnection extends recordConnectionOf<Threat>(() => Threat, 'Threat') {}

export const AttackTypeFilter = enumFilter('AttackType', AttackType);

export const threatFilter = filterInputFor<'threat'>('ThreatFilter', {
  id: { name: 'threatId', type: TextFilter, description: 'By Abnormal’s own id.' },
  receivedTime: { type: DateTimeFilter, description: 'By when the newest message held was received.' },
  firstReceivedTime: { type: DateTimeFilter, description: 'By when the oldest message held was received.' },
  latestRemediationTime: { type: DateTimeFilter, description: 'By when a message was last dealt with.' },
  recipientCount: { type: IntFilter, description: 'By how many mailboxes Abnormal counts.' },
  remediationState: {
    type: enumFilter('ThreatRemediationState', ThreatRemediationState),
    description: 'By what became of it (`remediation.state`).',
  },
  unremediated: {
    type: BooleanFilter,
    description: 'By whether something may be left to do: any state but REMEDIATED and NOT_NEEDED.',
  },
  attackType: { type: AttackTypeFilter, description: 'By the kind of attack.' },
  attackStrategy: {
    type: enumFilter('AttackStrategy', AttackStrategy),
    description: 'By how the attacker hides.',
  },
  attackVector: { type: enumFilter('AttackVector', AttackVector), description: 'By what does the harm.' },
  impersonatedParty: {
    type: enumFilter('ImpersonatedParty', ImpersonatedParty),
    description: 'By whom the attacker pretends to be.',
  },
  subject: { type: TextFilter, description: 'By a message’s subject.' },
  fromAddress: { type: TextFilter, description: 'By a sender’s address.' },
  fromName: { type: TextFilter, description: 'By a sender’s display name.' },
  senderDomain: { type: TextFilter, description: 'By a sender’s domain, where Abnormal gives it.' },
  recipientAddress: { type: TextFilter, description: 'By whose mailbox a message came to.' },
  messageId: { type: TextFilter, description: 'By a message: Abnormal’s id.' },
});

export const threatOrder = orderOf('threat', 'Threat', {
  id: { name: 'THREAT_ID', description: 'Abnormal’s own id, as text.' },
  receivedTime: {
    name: 'RECEIVED_TIME',
    description: 'When the newest message held was received: the default.',
  },
  firstReceivedTime: {
    name: 'FIRST_RECEIVED_TIME',
    description: 'When the oldest message held was received.',
  },
  latestRemediationTime: {
    name: 'LATEST_REMEDIATION_TIME',
    description: 'When a message was last dealt with.',
  },
  recipientCount: { name: 'RECIPIENT_COUNT', description: 'How many mailboxes Abnormal counts.' },
});

@ArgsType()
export class ThreatListArgs extends ListArgs {
  @Field(() => threatFilter.type, { nullable: true, description: 'Only the threats for which this holds.' })
  filter?: FilterInput | null;

  @Field(() => threatOrder.type, {
    nullable: true,
    description: 'The order; last received first when not given.',
  })
  orderBy?: OrderInput | null;
}

export type RecordedMessagesChoice = 'CURRENT' | 'ALL';

export const RecordedMessagesChoice = describedEnum<RecordedMessagesChoice>(
  'RecordedMessages',
  'Which messages of a threat.',
  {
    CURRENT: 'Those that the threat has in this view.',
    ALL: 'Every message that any version up to this view has, each as it was last recorded. Abnormal returns a sample of a threat’s messages, and another reading may return others.',
  },
);

@ArgsType()
export class MessageListArgs extends PageArgs {
  @Field(() => RecordedMessagesChoice, {
    nullable: true,
    description: 'Which messages; CURRENT when not given.',
  })
  recorded?: RecordedMessagesChoice | null;
}
