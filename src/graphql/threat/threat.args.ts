import { ArgsType, Field } from 'type-graphql';
import { describedEnum } from '../base/described-enum.js';
import {
  BooleanFilter,
  DateTimeFilter,
  enumFilter,
  IntFilter,
  TextFilter,
} from '../lists/comparison.inputs.js';
import { type FilterInput, filterOf } from '../lists/filter-input.js';
import { type OrderInput, orderOf } from '../lists/order-input.js';
import { PageArgs } from '../lists/page-args.js';
import { ListArgs } from '../lists/read-args.js';
import {
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  ThreatRemediationState,
} from '../records/threat.enums.js';

export const AttackTypeFilter = enumFilter('AttackType', AttackType);

export const threatFilter = filterOf<'threat'>('ThreatFilter', {
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
