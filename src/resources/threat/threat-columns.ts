import type { FieldTable, ItemDefinition } from '../definition.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
  remediationState,
} from '../vocabularies.js';
import { messageRemediation, type ThreatRecord } from './threat.js';

/** What statistics of threats need in addition to the fields of lists. */
export const threatFacets = {
  fields: {
    tenant: { type: 'text' },
    allMessagesHeld: { type: 'boolean' },
    attackedParty: { type: 'texts' },
  },
  of: (threat) => ({
    tenant: threat.tenantName ?? threat.tenantId,
    allMessagesHeld: areAllMessagesHeld(threat),
    attackedParty: [
      ...new Set(threat.messages.flatMap((message) => attackedParty(message.attackedPartyRaw) ?? [])),
    ],
  }),
} as const satisfies FieldTable<ThreatRecord>;

/** `null` if Abnormal gives no count of recipients. */
export function areAllMessagesHeld({
  recipientCount,
  messages,
  pagesComplete,
}: ThreatRecord): boolean | null {
  return recipientCount === null ? null : pagesComplete && messages.length >= recipientCount;
}

export const threatMessages = {
  noun: 'message',
  graphField: 'messages',
  time: 'receivedTime',
  fields: {
    receivedTime: { type: 'instant' },
    sentTime: { type: 'instant' },
    remediationTime: { type: 'instant' },
    attackType: { type: 'text' },
    attackStrategy: { type: 'text' },
    attackVector: { type: 'text' },
    attackedParty: { type: 'text' },
    impersonatedParty: { type: 'text' },
    judgement: { type: 'text' },
    remediation: { type: 'text' },
    remediationStatus: { type: 'text' },
    isRead: { type: 'boolean' },
    attachmentCount: { type: 'number' },
    subject: { type: 'text' },
    fromAddress: { type: 'text' },
    fromName: { type: 'text' },
    senderDomain: { type: 'text' },
    senderIpAddress: { type: 'text' },
    recipientAddress: { type: 'text' },
    internetMessageId: { type: 'text' },
    urls: { type: 'texts' },
    summaryInsights: { type: 'texts' },
  },
  of: ({ messages }) =>
    messages.map((message) => ({
      receivedTime: message.receivedTime,
      sentTime: message.sentTime,
      remediationTime: message.remediationTime,
      attackType: attackType(message.attackTypeRaw),
      attackStrategy: attackStrategy(message.attackStrategyRaw),
      attackVector: attackVector(message.attackVectorRaw),
      attackedParty: attackedParty(message.attackedPartyRaw),
      impersonatedParty: impersonatedParty(message.impersonatedPartyRaw),
      judgement: message.judgementRaw,
      remediation: messageRemediation(message),
      remediationStatus: remediationState(message.remediationStatusRaw),
      isRead: message.isRead,
      attachmentCount: message.attachmentCount,
      subject: message.subject,
      fromAddress: message.fromAddress,
      fromName: message.fromName,
      senderDomain: message.senderDomain,
      senderIpAddress: message.senderIpAddress,
      recipientAddress: message.recipientAddress,
      internetMessageId: message.internetMessageId,
      urls: message.urls,
      summaryInsights: message.summaryInsights,
    })),
} as const satisfies ItemDefinition<ThreatRecord>;
