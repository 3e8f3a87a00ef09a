import { OWNERS } from '../statistics/read-statistics.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsFor } from '../statistics/statistics-for.js';
import { messageFilter } from './message.type.js';
import { threatList } from './threat.type.js';

const SHARED = {
  INTEGRATION: BY_ACCOUNT,
  TENANT: { field: 'tenant', description: 'Name of the tenant, or its number if it has no name.' },
  AGE: BY_AGE,
  ATTACK_TYPE: { field: 'attackType', description: 'Attack type.' },
  ATTACK_STRATEGY: { field: 'attackStrategy', description: 'How the attacker hides the sender’s identity.' },
  ATTACK_VECTOR: { field: 'attackVector', description: 'The harmful part.' },
  ATTACKED_PARTY: { field: 'attackedParty', description: 'Who is attacked.' },
  IMPERSONATED_PARTY: { field: 'impersonatedParty', description: 'Who the attacker pretends to be.' },
  SENDER_ADDRESS: { field: 'fromAddress', description: 'E-mail address of the sender.' },
  SENDER_DOMAIN: { field: 'senderDomain', description: 'Domain of the sender, if Abnormal gives it.' },
  RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'The mailbox that received it.' },
};

export const ThreatStatisticsResolver = statisticsFor({
  ...{ noun: 'Threat', plural: 'threats', kind: 'threat', unit: 'RECORD', filter: threatList.filter },
  times: {
    FIRST_RECEIVED: {
      field: 'firstReceivedTime',
      description: 'When the oldest message was received. It does not change when further messages arrive.',
    },
    RECEIVED: { field: 'receivedTime', description: 'When the newest message was received.' },
    LAST_REMEDIATED: {
      ...{ field: 'latestRemediationTime', filterKey: 'latestTimeRemediated' },
      description: 'When a message was last remediated.',
    },
  },
  dimensions: {
    ...SHARED,
    REMEDIATION_STATE: {
      field: 'remediationState',
      description: 'State of the remediation (`remediation.state`).',
    },
    ALL_MESSAGES_HELD: { field: 'allMessagesHeld', description: 'Whether all messages are stored.' },
  },
  distinct: {
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Mailboxes.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'Addresses of senders.' },
  },
  durations: {
    FIRST_RECEIVED_TO_LAST_REMEDIATED: {
      measure: {
        ...{ from: 'firstReceivedTime', to: 'latestRemediationTime' },
        state: {
          field: 'remediationState',
          pending: ['PARTLY', 'ATTEMPTED', 'NOT_REMEDIATED', 'UNKNOWN'],
          none: ['NOT_NEEDED'],
        },
      },
      bound: 'EXACT',
      description:
        'From the receipt of the first message to the last remediation. Threats that need none are not counted.',
    },
  },
  whole: 'allMessagesHeld',
});

export const MessageStatisticsResolver = statisticsFor({
  ...{ noun: 'Message', plural: 'messages', kind: 'threat', unit: 'ITEM', filter: messageFilter },
  times: {
    RECEIVED: { field: 'receivedTime', description: 'When the message was received.' },
    SENT: { field: 'sentTime', description: 'When the message was sent, as the sender says.' },
    REMEDIATED: {
      ...{ field: 'remediationTime', filterKey: 'latestTimeRemediated' },
      description: 'When the message was remediated.',
    },
  },
  dimensions: {
    ...SHARED,
    JUDGEMENT: { field: 'judgement', description: 'Abnormal’s judgement, as received.' },
    SENDER_NAME: { field: 'fromName', description: 'Display name of the sender.' },
    SENDER_IP: { field: 'senderIpAddress', description: 'IP address of the sender.' },
    SUBJECT: { field: 'subject', description: 'Subject.' },
    REMEDIATION: { field: 'remediation', description: 'State of the remediation, derived by the gateway.' },
    REMEDIATION_STATUS: { field: 'remediationStatus', description: 'Abnormal’s status of the remediation.' },
    IS_READ: { field: 'isRead', description: 'Whether the recipient has read the message.' },
    ATTACHMENT_COUNT: { field: 'attachmentCount', description: 'Number of attachments.' },
    URL: { field: 'urls', description: 'Links in the message; a message can have several.' },
    INSIGHT: {
      field: 'summaryInsights',
      description: 'Reasons for the judgement; a message can have several.',
    },
  },
  distinct: {
    THREAT: { field: OWNERS, description: 'Threats.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Mailboxes.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'Addresses of senders.' },
    SENDER_DOMAIN: { field: 'senderDomain', description: 'Domains of senders.' },
    EMAIL: {
      field: 'internetMessageId',
      description: 'E-mails by their `Message-ID`: one e-mail to several mailboxes is several messages.',
    },
  },
  durations: {
    RECEIVED_TO_REMEDIATED: {
      measure: {
        ...{ from: 'receivedTime', to: 'remediationTime' },
        state: {
          field: 'remediation',
          pending: ['ATTEMPTED', 'NOT_REMEDIATED', 'UNKNOWN'],
          none: ['NOT_NEEDED'],
        },
      },
      bound: 'EXACT',
      description: 'From receipt to remediation. Messages that need none are not counted.',
    },
  },
  whole: 'allMessagesHeld',
});
