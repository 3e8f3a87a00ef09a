import { ArgsType, Field } from 'type-graphql';
import {
  areAllMessagesHeld,
  distinct,
  firstReceivedTime,
  receivedTime,
  type ThreatRemediation,
  threatRemediation,
} from '../../resources/threat/threat.js';
import * as vocabulary from '../../resources/vocabularies.js';
import { intOrNull } from '../../values/filter.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { someOf } from '../lists/filter-input.js';
import { PageArgs } from '../lists/page.js';
import { Node, partOf, RecordNode } from '../records/record.type.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  ThreatRemediationState,
} from '../records/vocabulary.enums.js';
import { messageFilter, subjectOfNewest } from './message.type.js';

const OVER_MESSAGES = 'from the stored messages, each value once';

@OutputType('Remediation of a threat, derived from its stored messages.', { name: 'ThreatRemediation' })
class ThreatRemediationSummary {
  constructor(readonly summary: ThreatRemediation) {}
}

const LAST_REMEDIATION = 'When the last message was remediated (UTC); null if none has a time.';

showFields(ThreatRemediationSummary, 'summary', {
  state: Value.enum(() => ThreatRemediationState, 'Remediation state of the threat.'),
  messages: Value.int('Number of messages that the state is derived from.'),
  remediated: Value.int('Number of remediated messages.'),
  firstRemediationTime: Value.instantOrNull(
    'When the first message was remediated (UTC); null if none has a time.',
  ),
  latestRemediationTime: Value.instantOrNull(LAST_REMEDIATION),
  lastRemediationTime: Value.instantOrNull(LAST_REMEDIATION, {
    by: ({ latestRemediationTime }) => latestRemediationTime,
    deprecationReason: 'Use latestRemediationTime.',
  }),
});

@OutputType(
  'One attack, as a group of e-mails: Abnormal’s `/threats/{id}` with all pages of messages. Abnormal describes an attack per message; fields of the threat are derived from its messages.',
  { implements: [Node, RecordNode] },
)
export class Threat extends RecordNode<'threat'> {}

showFields(Threat, 'record', {
  threatId: Value.id('Abnormal’s id of the threat (`threatId`).'),
  subject: Value.textOrNull('Subject of the newest stored message; null if there is none.', {
    personal: ['subject'],
    by: subjectOfNewest,
  }),
  receivedTime: Value.instantOrNull(
    'When the newest stored message was received (UTC); null if none has a time. Threats are ordered by this time.',
    { by: receivedTime },
  ),
  firstReceivedTime: Value.instantOrNull(
    'When the oldest stored message was received (UTC); null if none has a time.',
    { by: firstReceivedTime },
  ),
  recipientCount: Value.intOrNull(
    'Number of mailboxes that Abnormal counts (`recipientCount`); may exceed the number of returned messages. Null if Abnormal gives none.',
    { by: (record) => intOrNull(record.recipientCount) },
  ),
  messagesHeld: Value.int('Number of stored messages. For some accounts Abnormal returns only a sample.', {
    by: (record) => record.messages.length,
  }),
  pagesComplete: Value.boolean(
    'Whether every page of messages that Abnormal offered was read, with each message in it. Abnormal may offer fewer messages than it counts. `unread` names what cannot be read.',
  ),
  allMessagesHeld: Value.booleanOrNull(
    'Whether a message is stored for every counted recipient and every offered page was read; null if Abnormal gives no count.',
    { by: areAllMessagesHeld },
  ),
  remediation: Value.object(
    () => ThreatRemediationSummary,
    'Remediation of the threat, derived from its stored messages.',
    { by: (record) => new ThreatRemediationSummary(threatRemediation(record)) },
  ),
  attackTypes: Value.list(() => AttackType, `Attack types, ${OVER_MESSAGES}.`, {
    by: (record) => distinct(record, (message) => vocabulary.attackType(message.attackTypeRaw)),
  }),
  attackStrategies: Value.list(
    () => AttackStrategy,
    `How the attacker hides the sender’s identity, ${OVER_MESSAGES}.`,
    { by: (record) => distinct(record, (message) => vocabulary.attackStrategy(message.attackStrategyRaw)) },
  ),
  attackVectors: Value.list(() => AttackVector, `The harmful parts, ${OVER_MESSAGES}.`, {
    by: (record) => distinct(record, (message) => vocabulary.attackVector(message.attackVectorRaw)),
  }),
  impersonatedParties: Value.list(
    () => ImpersonatedParty,
    `Who the attacker pretends to be, ${OVER_MESSAGES}.`,
    {
      by: (record) =>
        distinct(record, (message) => vocabulary.impersonatedParty(message.impersonatedPartyRaw)),
    },
  ),
  attackedParties: Value.list(() => AttackedParty, `Who the attack targets, ${OVER_MESSAGES}.`, {
    by: (record) => distinct(record, (message) => vocabulary.attackedParty(message.attackedPartyRaw)),
  }),
  fromAddresses: Value.texts(`E-mail addresses of the senders, ${OVER_MESSAGES}.`, {
    personal: ['addresses'],
    by: (record) => distinct(record, ({ fromAddress }) => fromAddress),
  }),
  tenantId: Value.idOrNull('Abnormal’s number of the tenant (`tenantId`); null if Abnormal gives none.'),
  tenantName: Value.textOrNull('Name of the tenant (`tenantName`); null if Abnormal gives none.'),
  tenant: Value.textOrNull(
    'Name of the tenant, or its number if it has no name; null if Abnormal gives neither.',
    { by: (record) => record.tenantName ?? record.tenantId },
  ),
});

export const threatList = recordListOf('threat', Threat, {
  page: 'A page of a list of threats.',
  filter: {
    id: 'Abnormal’s id',
    receivedTime: 'when the newest stored message was received',
    firstReceivedTime: 'when the oldest stored message was received',
    latestRemediationTime: 'when a message was last remediated',
    recipientCount: 'the number of mailboxes that Abnormal counts',
    remediationState: { type: ThreatRemediationState, by: 'remediation state (`remediation.state`)' },
    unremediated: 'whether remediation may be incomplete: every state except REMEDIATED and NOT_NEEDED',
    attackType: { name: 'attackTypes', formerName: 'attackType', type: AttackType, by: 'attack type' },
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
    attackedParty: { name: 'attackedParties', type: AttackedParty, by: 'who the attack targets' },
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

const Attachment = outputType('Attachment', 'A file attached to a message of a threat.', {
  messageId: Value.idOrNull('Abnormal’s id of the message.'),
  name: Value.textOrNull('Name of the file.', { personal: ['attachments'] }),
});

@OutputType('Attachments of a threat: `GET /threats/{id}/attachments`.')
export class AttachmentList extends partOf<'threatAttachments'>() {}

showFields(AttachmentList, 'seen.revision.record', {
  items: Value.list(() => Attachment, 'The attachments of all messages.', {
    by: (record) => record.attachments,
  }),
});

const Link = outputType('Link', 'A link in a message of a threat.', {
  messageId: Value.idOrNull('Abnormal’s id of the message that contains the link.'),
  url: Value.textOrNull('Target of the link. It may be malicious: do not open it.', { personal: ['urls'] }),
  domain: Value.textOrNull('Domain of the target (`domainLink`).', { personal: ['urls'] }),
  linkType: Value.textOrNull('Kind of link, as received, such as `html href`.'),
  source: Value.textOrNull('Location in the message, as received, such as `body`.'),
  displayText: Value.textOrNull('Displayed text of the link.', { personal: ['urls'] }),
});

@OutputType('Links of a threat: `GET /threats/{id}/links`.')
export class LinkList extends partOf<'threatLinks'>() {}

showFields(LinkList, 'seen.revision.record', {
  items: Value.list(() => Link, 'The links in all messages.', { by: (record) => record.links }),
});

const RemediationEvent = outputType('RemediationEvent', 'One step of the remediation of a message.', {
  statusRaw: Value.text('What was done, as received, such as `Auto-Remediated`.'),
  time: Value.instantOrNull('When it was done (UTC); null if Abnormal gives no time that can be read.'),
});

const MailFolder = outputType('MailFolder', 'A folder of a mailbox.', {
  name: Value.textOrNull('Name; null if Abnormal gives none.', { personal: ['texts'] }),
  displayName: Value.textOrNull('Name as users see it (`display_name`); null if Abnormal gives none.', {
    personal: ['texts'],
  }),
});

@OutputType('What was done with a message, and where it is: `GET /messages/{id}/remediation_history`.', {
  name: 'RemediationHistory',
})
export class RemediationHistoryReport extends partOf<'messageRemediation'>() {}

showFields(RemediationHistoryReport, 'seen.revision.record', {
  messageId: Value.id('Abnormal’s id of the message.'),
  events: Value.list(
    () => RemediationEvent,
    'The steps, oldest first (`remediation_history`). Abnormal returns each status once.',
  ),
  folders: Value.list(() => MailFolder, 'Where the message is (`folder_locations`).'),
});
