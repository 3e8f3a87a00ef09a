import { ArgsType, Field, Root } from 'type-graphql';
import {
  distinct,
  firstReceivedTime,
  receivedTime,
  type ThreatRemediation,
  threatRemediation,
} from '../../resources/threat/threat.js';
import { areAllMessagesHeld } from '../../resources/threat/threat-columns.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
} from '../../resources/vocabularies.js';
import { intOrNull } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { DateTime, describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { someOf } from '../lists/filter-input.js';
import { PageArgs } from '../lists/page.js';
import { Node, RecordNode } from '../records/record.type.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  ThreatRemediationState,
} from '../records/vocabulary.enums.js';
import { messageFilter } from './message-filter.js';

const OVER_MESSAGES = 'from the stored messages, each value once';

@OutputType('Remediation of a threat, derived from its stored messages.', { name: 'ThreatRemediation' })
class ThreatRemediationSummary implements ThreatRemediation {
  @ValueField(() => ThreatRemediationState, { description: 'Remediation state of the threat.' })
  readonly state!: ThreatRemediation['state'];

  @ValueField.int('Number of messages that the state is derived from.')
  readonly messages!: number;

  @ValueField.int('Number of remediated messages.')
  readonly remediated!: number;

  @ValueField.instantOrNull('When the first message was remediated (UTC); null if none has a time.')
  readonly firstRemediationTime!: Instant | null;

  @ValueField.instantOrNull('When the last message was remediated (UTC); null if none has a time.')
  readonly latestRemediationTime!: Instant | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'When the last message was remediated (UTC); null if none has a time.',
    deprecationReason: 'Use latestRemediationTime.',
  })
  lastRemediationTime(@Root() remediation: ThreatRemediation): Instant | null {
    return remediation.latestRemediationTime;
  }
}

const RecordValue = valueFieldFrom('record');

@OutputType(
  'One attack, as a group of e-mails: Abnormal’s `/threats/{id}` with all pages of messages. Abnormal describes an attack per message; fields of the threat are derived from its messages.',
  { implements: [Node, RecordNode] },
)
export class Threat extends RecordNode<'threat'> {
  @RecordValue.id('Abnormal’s id of the threat (`threatId`).')
  readonly threatId!: string;

  @RecordValue.textOrNull('Subject of the newest stored message; null if there is none.', {
    personal: ['subject'],
    from: 'messages[0]?.subject',
  })
  readonly subject!: string | null;

  @ValueField.instantOrNull(
    'When the newest stored message was received (UTC); null if none has a time. Threats are ordered by this time.',
  )
  get receivedTime(): Instant | null {
    return receivedTime(this.record);
  }

  @ValueField.instantOrNull('When the oldest stored message was received (UTC); null if none has a time.')
  get firstReceivedTime(): Instant | null {
    return firstReceivedTime(this.record);
  }

  @ValueField.intOrNull(
    'Number of mailboxes that Abnormal counts (`recipientCount`); may exceed the number of returned messages. Null if Abnormal gives none.',
  )
  get recipientCount(): number | null {
    return intOrNull(this.record.recipientCount);
  }

  @ValueField.int('Number of stored messages. For some accounts Abnormal returns only a sample.')
  get messagesHeld(): number {
    return this.record.messages.length;
  }

  @RecordValue.boolean(
    'Whether every page of messages that Abnormal offered was read, with each message in it. Abnormal may offer fewer messages than it counts. `unread` names what cannot be read.',
  )
  readonly pagesComplete!: boolean;

  @ValueField.booleanOrNull(
    'Whether a message is stored for every counted recipient and every offered page was read; null if Abnormal gives no count.',
  )
  get allMessagesHeld(): boolean | null {
    return areAllMessagesHeld(this.record);
  }

  @ValueField(() => ThreatRemediationSummary, {
    description: 'Remediation of the threat, derived from its stored messages.',
  })
  get remediation(): ThreatRemediation {
    return threatRemediation(this.record);
  }

  @ValueField(() => [AttackType], { description: `Attack types, ${OVER_MESSAGES}.` })
  get attackTypes(): readonly AttackType[] {
    return distinct(this.record, (message) => attackType(message.attackTypeRaw));
  }

  @ValueField(() => [AttackStrategy], {
    description: `How the attacker hides the sender’s identity, ${OVER_MESSAGES}.`,
  })
  get attackStrategies(): readonly AttackStrategy[] {
    return distinct(this.record, (message) => attackStrategy(message.attackStrategyRaw));
  }

  @ValueField(() => [AttackVector], { description: `The harmful parts, ${OVER_MESSAGES}.` })
  get attackVectors(): readonly AttackVector[] {
    return distinct(this.record, (message) => attackVector(message.attackVectorRaw));
  }

  @ValueField(() => [ImpersonatedParty], {
    description: `Who the attacker pretends to be, ${OVER_MESSAGES}.`,
  })
  get impersonatedParties(): readonly ImpersonatedParty[] {
    return distinct(this.record, (message) => impersonatedParty(message.impersonatedPartyRaw));
  }

  @ValueField(() => [AttackedParty], { description: `Who the attack targets, ${OVER_MESSAGES}.` })
  get attackedParties(): readonly AttackedParty[] {
    return distinct(this.record, (message) => attackedParty(message.attackedPartyRaw));
  }

  @ValueField(() => [String], {
    personal: ['addresses'],
    description: `E-mail addresses of the senders, ${OVER_MESSAGES}.`,
  })
  get fromAddresses(): readonly string[] {
    return distinct(this.record, ({ fromAddress }) => fromAddress);
  }

  @RecordValue.idOrNull('Abnormal’s number of the tenant (`tenantId`); null if Abnormal gives none.')
  readonly tenantId!: string | null;

  @RecordValue.textOrNull('Name of the tenant (`tenantName`); null if Abnormal gives none.')
  readonly tenantName!: string | null;

  @ValueField.textOrNull(
    'Name of the tenant, or its number if it has no name; null if Abnormal gives neither.',
  )
  get tenant(): string | null {
    return this.record.tenantName ?? this.record.tenantId;
  }
}

export const threatList = recordListOf('threat', Threat, {
  page: 'A page of a list of threats.',
  filter: {
    id: 'Abnormal’s id',
    receivedTime: 'when the newest stored message was received',
    firstReceivedTime: 'when the oldest stored message was received',
    latestRemediationTime: 'when a message was last remediated',
    recipientCount: 'the number of mailboxes that Abnormal counts',
    remediationState: {
      type: ThreatRemediationState,
      by: 'remediation state (`remediation.state`)',
    },
    unremediated: 'whether remediation may be incomplete: every state except REMEDIATED and NOT_NEEDED',
    attackType: {
      name: 'attackTypes',
      formerName: 'attackType',
      type: AttackType,
      by: 'attack type',
    },
    attackStrategy: {
      name: 'attackStrategies',
      formerName: 'attackStrategy',
      type: AttackStrategy,
      by: 'how the attacker hides the sender’s identity',
    },
    attackVector: {
      name: 'attackVectors',
      formerName: 'attackVector',
      type: AttackVector,
      by: 'the harmful part',
    },
    impersonatedParty: {
      name: 'impersonatedParties',
      formerName: 'impersonatedParty',
      type: ImpersonatedParty,
      by: 'who the attacker pretends to be',
    },
    subject: 'the subject of a message',
    fromAddress: {
      name: 'fromAddresses',
      formerName: 'fromAddress',
      by: 'the sender’s address of a message',
    },
    fromName: 'the sender’s display name of a message',
    senderDomain: 'the sender’s domain of a message, if Abnormal gives it',
    recipientAddress: 'the mailbox that received a message',
    messageId: 'Abnormal’s id of a message',
    attackedParty: {
      name: 'attackedParties',
      type: AttackedParty,
      by: 'who the attack targets',
    },
    tenant: 'the name of the tenant, or its number if it has no name',
    allMessagesHeld: 'whether all messages are stored',
    messages: someOf(
      'ThreatMessagesFilter',
      messageFilter,
      'Filter by the stored messages: all conditions hold for one and the same message. Conditions next to it can hold for different messages.',
    ),
  },
  order: {
    id: 'Abnormal’s id, as text.',
    receivedTime: 'When the newest stored message was received: the default.',
    firstReceivedTime: 'When the oldest stored message was received.',
    latestRemediationTime: 'When a message was last remediated.',
    recipientCount: 'Number of mailboxes that Abnormal counts.',
  },
});

type RecordedMessagesChoice = 'CURRENT' | 'ALL';

const RecordedMessagesChoice = describedEnum<RecordedMessagesChoice>(
  'RecordedMessages',
  'Which messages of a threat to return.',
  {
    CURRENT: 'The messages that the threat has in this snapshot.',
    ALL: 'Every message of every version up to this snapshot, each as it was last recorded. Abnormal may return only a sample of a threat’s messages, and another sample at the next reading.',
  },
);

@ArgsType()
export class MessageListArgs extends PageArgs {
  @Field(() => RecordedMessagesChoice, {
    nullable: true,
    description: 'Which messages to return. Default: CURRENT.',
  })
  recorded?: RecordedMessagesChoice | null;
}
