import { orderBy } from '../lists/connection.js';
import {
  BooleanFilter,
  DateTimeFilter,
  enumFilter,
  filterInputOf,
  IntFilter,
  TextFilter,
} from '../lists/filter-input.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  MessageRemediationState,
  RemediationStatus,
} from '../records/vocabulary.enums.js';

const text = (description: string) => ({ type: TextFilter, description: `Filter by ${description}.` });
const time = (description: string) => ({ type: DateTimeFilter, description: `Filter by ${description}.` });
const word = (name: string, type: object, description: string) => ({
  ...{ type: enumFilter(name, type), description: `Filter by ${description}.` },
});

/** All conditions hold for one message; conditions of a threat can hold for different ones. */
export const messageFilter = filterInputOf('MessageFilter', {
  receivedTime: time('when the message was received'),
  sentTime: time('when the message was sent, as the sender says'),
  remediationTime: time('when the message was remediated'),
  attackType: word('AttackType', AttackType, 'attack type'),
  attackStrategy: word('AttackStrategy', AttackStrategy, 'how the attacker hides the sender’s identity'),
  attackVector: word('AttackVector', AttackVector, 'the harmful part'),
  attackedParty: word('AttackedParty', AttackedParty, 'who is attacked'),
  impersonatedParty: word('ImpersonatedParty', ImpersonatedParty, 'who the attacker pretends to be'),
  judgement: { ...text('Abnormal’s judgement, as received'), name: 'judgementRaw' },
  remediation: word('MessageRemediationState', MessageRemediationState, 'the state of the remediation'),
  remediationStatus: word('RemediationStatus', RemediationStatus, 'Abnormal’s status of the remediation'),
  isRead: { type: BooleanFilter, description: 'Filter by whether the recipient has read the message.' },
  attachmentCount: { type: IntFilter, description: 'Filter by the number of attachments.' },
  subject: text('subject'),
  fromAddress: text('the sender’s address'),
  fromName: text('the sender’s display name'),
  senderDomain: text('the sender’s domain, if Abnormal gives it'),
  senderIpAddress: text('the sender’s IP address'),
  recipientAddress: text('the mailbox that received the message'),
  internetMessageId: text('the `Message-ID` of the e-mail'),
  urls: text('a link in the message'),
  summaryInsights: text('a reason for the judgement'),
  tenant: text('the name of the tenant, or its number if it has no name'),
});

export const messageOrder = orderBy(
  'Message',
  { receivedTime: { name: 'RECEIVED_TIME', description: 'When the message was received: the default.' } },
  'receivedTime',
  'Abnormal’s id of the threat, then by integration, then by the place in the threat',
);
