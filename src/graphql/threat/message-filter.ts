import { threatFacets, threatMessages } from '../../resources/threat/threat-columns.js';
import { orderBy } from '../lists/connection.js';
import { filterInputOf } from '../lists/filter-input.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  MessageRemediationState,
  RemediationStatus,
} from '../records/vocabulary.enums.js';

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
