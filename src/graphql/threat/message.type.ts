import type { RevisionRecord } from '../../model/revision.js';
import {
  type MessageRecord,
  messageRemediation,
  type ThreatRecord,
  threatFacets,
  threatMessages,
} from '../../resources/threat/threat.js';
import * as vocabulary from '../../resources/vocabularies.js';
import { intOrNull } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { orderBy, recordConnectionOf } from '../lists/connection.js';
import { filterInputOf } from '../lists/filter-input.js';
import type { View } from '../lists/view.js';
import { Node } from '../records/record.type.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  MessageRemediationState,
  RemediationStatus,
} from '../records/vocabulary.enums.js';

const CustomerOverrideNote = outputType<NonNullable<MessageRecord['customerOverride']>>(
  'CustomerOverride',
  'A rule or decision of the customer that overrides Abnormal’s judgement (`customerOverride`).',
  {
    overrideType: Value.textOrNull('Kind of override, as received (`overrideType`).'),
    reason: Value.textOrNull('Reason, as received (`reason`).', { personal: ['texts'] }),
    overrideJudgement: Value.textOrNull(
      'The judgement that counts instead, as received (`overrideJudgement`).',
    ),
    value: Value.textOrNull('The matched value, as received (`value`).', { personal: ['texts'] }),
  },
);

@OutputType(
  'One e-mail of a threat in one mailbox, from `GET /threats/{id}`. The same e-mail to several recipients is several messages.',
  { implements: Node },
)
export class Message extends Node {
  constructor(
    readonly record: MessageRecord,
    readonly from: RevisionRecord<'threat'>,
    readonly view: View,
    readonly noLongerGivenSince: Instant | null = null,
  ) {
    super();
  }
}

/** The subject that a threat shows. */
export function subjectOfNewest({ messages }: ThreatRecord): string | null {
  return messages[0]?.subject ?? null;
}

/** Two messages of a threat can have one id of Abnormal's: then the number of those before this one. */
function repetition(message: MessageRecord, messages: readonly MessageRecord[]): number[] {
  const before = messages.slice(0, Math.max(messages.indexOf(message), 0));
  const { length } = before.filter(({ messageId }) => messageId === message.messageId);
  return length === 0 ? [] : [length];
}

showFields(Message, 'this', {
  id: Value.id(
    'Global id, unique over all types and integrations. It does not change. Opaque; Abnormal’s id is `messageId`.',
    {
      by: ({ record, from }) => {
        const { integration, id } = from.key;
        const place = [id, record.messageId, ...repetition(record, from.record.messages)];
        return toGlobalId('Message', integration, JSON.stringify(place));
      },
    },
  ),
  noLongerGivenSince: Value.instantOrNull(
    'Since when Abnormal no longer returns the message with its threat (UTC): the first complete version without it, or the threat’s deletion. Null while Abnormal returns it; only `messages(recorded: ALL)` gives other values.',
  ),
  tenant: Value.textOrNull(
    'Name of the tenant of the threat, or its number if it has no name (`tenantName`, `tenantId`); null if Abnormal gives neither.',
    { by: ({ from: { record } }) => record.tenantName ?? record.tenantId },
  ),
});

showFields(Message, 'record', {
  messageId: Value.id('Abnormal’s id of the message (`abxMessageIdStr`): a signed 64-bit integer as text.'),
  portalUrl: Value.textOrNull(
    'Link to the message in Abnormal’s portal (`abxPortalUrl`); null if Abnormal gives none.',
  ),
  subject: Value.textOrNull('Subject (`subject`); null if Abnormal gives none.', { personal: ['subject'] }),
  fromAddress: Value.textOrNull(
    'E-mail address of the sender (`fromAddress`); Abnormal cuts it at 256 characters. Null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  fromName: Value.textOrNull('Display name of the sender (`fromName`); null if Abnormal gives none.', {
    personal: ['names'],
  }),
  senderDomain: Value.textOrNull(
    'Domain of the sender (`senderDomain`); null for accounts to which Abnormal does not return it.',
    { personal: ['addresses'] },
  ),
  senderIpAddress: Value.textOrNull(
    'IP address of the sender (`senderIpAddress`); null if Abnormal gives none.',
    { personal: ['locations'] },
  ),
  toAddresses: Value.texts(
    'Addresses of all recipients in the header, without display names (`toAddresses`). Abnormal cuts the list at 255 characters; a part that is no address, such as a cut last one, is kept as text.',
    { personal: ['addresses'] },
  ),
  recipientAddress: Value.textOrNull(
    'E-mail address of the mailbox that received the message (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  ccAddresses: Value.texts('Addresses of recipients in copy, without display names (`ccEmails`).', {
    personal: ['addresses'],
  }),
  replyToAddresses: Value.texts('Addresses that a reply goes to, without display names (`replyToEmails`).', {
    personal: ['addresses'],
  }),
  returnPath: Value.textOrNull('Address that bounces go to (`returnPath`); null if Abnormal gives none.', {
    personal: ['addresses'],
  }),
  receivedTime: Value.instantOrNull(
    'When the message was received (UTC; `receivedTime`); null if Abnormal gives no time.',
  ),
  sentTime: Value.instantOrNull(
    'When the message was sent (UTC; `sentTime`); null if Abnormal gives no time.',
  ),
  internetMessageId: Value.textOrNull(
    'The `Message-ID` header (`internetMessageId`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  attackType: Value.enumOrNull(() => AttackType, 'Attack type (`attackType`); null if Abnormal gives none.', {
    by: (record) => vocabulary.attackType(record.attackTypeRaw),
  }),
  attackTypeRaw: Value.textOrNull('`attackType` as received.'),
  attackStrategy: Value.enumOrNull(
    () => AttackStrategy,
    'How the attacker hides the sender’s identity (`attackStrategy`); null if Abnormal gives none.',
    { by: (record) => vocabulary.attackStrategy(record.attackStrategyRaw) },
  ),
  attackStrategyRaw: Value.textOrNull('`attackStrategy` as received.'),
  attackVector: Value.enumOrNull(
    () => AttackVector,
    'The harmful part of the message (`attackVector`); null if Abnormal gives none.',
    { by: (record) => vocabulary.attackVector(record.attackVectorRaw) },
  ),
  attackVectorRaw: Value.textOrNull('`attackVector` as received.'),
  attackedParty: Value.enumOrNull(
    () => AttackedParty,
    'Who the attack targets (`attackedParty`); null if Abnormal gives none.',
    { by: (record) => vocabulary.attackedParty(record.attackedPartyRaw) },
  ),
  attackedPartyRaw: Value.textOrNull('`attackedParty` as received.'),
  impersonatedParty: Value.enumOrNull(() => ImpersonatedParty, 'Who the attacker pretends to be.', {
    by: (record) => vocabulary.impersonatedParty(record.impersonatedPartyRaw),
  }),
  impersonatedPartyRaw: Value.textOrNull('`impersonatedParty` as received.'),
  remediationStatus: Value.enumOrNull(
    () => RemediationStatus,
    'The action taken, according to Abnormal (`remediationStatus`); null if Abnormal gives none.',
    { by: (record) => vocabulary.remediationState(record.remediationStatusRaw) },
  ),
  remediationStatusRaw: Value.textOrNull('`remediationStatus` as received.'),
  remediation: Value.enum(
    () => MessageRemediationState,
    'Remediation state, derived by the gateway from the status, the remediation time and the two older flags.',
    { by: messageRemediation },
  ),
  remediationTime: Value.instantOrNull(
    'When the message was remediated (UTC; `remediationTimestamp`); null if Abnormal gives no time.',
  ),
  autoRemediated: Value.booleanOrNull(
    'Older flag for automatic remediation (`autoRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  ),
  postRemediated: Value.booleanOrNull(
    'Older flag for later remediation (`postRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  ),
  isRead: Value.booleanOrNull(
    'Whether the recipient has read the message (`isRead`); null if Abnormal gives none.',
  ),
  attachmentCount: Value.intOrNull(
    'Number of attachments that Abnormal counts (`attachmentCount`); null for accounts to which Abnormal does not return it.',
    { by: (record) => intOrNull(record.attachmentCount) },
  ),
  attachmentNames: Value.texts('File names of the attachments (`attachmentNames`).', {
    personal: ['attachments'],
  }),
  urlCount: Value.intOrNull(
    'Number of links that Abnormal counts (`urlCount`); may differ from the number of `urls`. Null if Abnormal gives none.',
    { by: (record) => intOrNull(record.urlCount) },
  ),
  urls: Value.texts('Links in the message, as received (`urls`). They may be malicious: do not open them.', {
    personal: ['urls'],
  }),
  summaryInsights: Value.texts('Reasons for the judgement, in Abnormal’s words (`summaryInsights`).', {
    personal: ['texts'],
  }),
  judgementRaw: Value.textOrNull(
    'Abnormal’s judgement of the message, as received, such as `Attack` (`source`).',
  ),
  customerOverride: Value.objectOrNull(
    () => CustomerOverrideNote,
    'The customer’s decision that overrides Abnormal’s judgement (`customerOverride`); null if there is none.',
  ),
});

export const MessageConnection = recordConnectionOf<Message>(
  () => Message,
  'Message',
  'A page of messages: of one threat, newest first, or of all threats.',
);

// a message has the tenant of its threat
const specs = { ...threatFacets.fields, ...threatMessages.fields };

/** All conditions hold for one message; conditions of a threat can hold for different ones. */
export const messageFilter = filterInputOf('MessageFilter', specs, {
  receivedTime: 'when the message was received',
  sentTime: 'when the message was sent, as the sender says',
  remediationTime: 'when the message was remediated',
  attackType: { type: AttackType, by: 'attack type' },
  attackStrategy: { type: AttackStrategy, by: 'how the attacker hides the sender’s identity' },
  attackVector: { type: AttackVector, by: 'the harmful part' },
  attackedParty: { type: AttackedParty, by: 'who is attacked' },
  impersonatedParty: { type: ImpersonatedParty, by: 'who the attacker pretends to be' },
  judgement: { name: 'judgementRaw', by: 'Abnormal’s judgement, as received' },
  remediation: { type: MessageRemediationState, by: 'the state of the remediation' },
  remediationStatus: { type: RemediationStatus, by: 'Abnormal’s status of the remediation' },
  isRead: 'whether the recipient has read the message',
  attachmentCount: 'the number of attachments',
  subject: 'subject',
  fromAddress: 'the sender’s address',
  fromName: 'the sender’s display name',
  senderDomain: 'the sender’s domain, if Abnormal gives it',
  senderIpAddress: 'the sender’s IP address',
  recipientAddress: 'the mailbox that received the message',
  internetMessageId: 'the `Message-ID` of the e-mail',
  urls: 'a link in the message',
  summaryInsights: 'a reason for the judgement',
  tenant: 'the name of the tenant, or its number if it has no name',
});

export const messageOrder = orderBy(
  'Message',
  { receivedTime: 'When the message was received: the default.' },
  'receivedTime',
  'Abnormal’s id of the threat, then by integration, then by the place in the threat',
);
