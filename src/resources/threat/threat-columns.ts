import type { ItemDefinition } from '../definition.js';
import { fieldTable } from '../record-table.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
  remediationState,
} from '../vocabularies.js';
import { distinct, type MessageRecord, messageRemediation, type ThreatRecord } from './threat.js';

/** What statistics of threats need in addition to the fields of lists. */
export const threatFacets = fieldTable<ThreatRecord>()({
  tenant: { type: 'text', by: ({ tenantName, tenantId }) => tenantName ?? tenantId },
  allMessagesHeld: { type: 'boolean', by: areAllMessagesHeld },
  attackedParty: {
    type: 'texts',
    by: (threat) => distinct(threat, (message) => attackedParty(message.attackedPartyRaw)),
  },
});

/** `null` if Abnormal gives no count of recipients. */
export function areAllMessagesHeld({
  recipientCount,
  messages,
  pagesComplete,
}: ThreatRecord): boolean | null {
  return recipientCount === null ? null : pagesComplete && messages.length >= recipientCount;
}

const messages = fieldTable<MessageRecord>()({
  receivedTime: { type: 'instant' },
  sentTime: { type: 'instant' },
  remediationTime: { type: 'instant' },
  attackType: { type: 'text', by: (message) => attackType(message.attackTypeRaw) },
  attackStrategy: { type: 'text', by: (message) => attackStrategy(message.attackStrategyRaw) },
  attackVector: { type: 'text', by: (message) => attackVector(message.attackVectorRaw) },
  attackedParty: { type: 'text', by: (message) => attackedParty(message.attackedPartyRaw) },
  impersonatedParty: { type: 'text', by: (message) => impersonatedParty(message.impersonatedPartyRaw) },
  judgement: { type: 'text', by: ({ judgementRaw }) => judgementRaw },
  remediation: { type: 'text', by: messageRemediation },
  remediationStatus: { type: 'text', by: (message) => remediationState(message.remediationStatusRaw) },
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
});

export const threatMessages = {
  noun: 'message',
  graphField: 'messages',
  time: 'receivedTime',
  fields: messages.fields,
  of: (threat) => threat.messages.map(messages.of),
} as const satisfies ItemDefinition<ThreatRecord>;
