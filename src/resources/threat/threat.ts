import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import type { ItemDefinition, Unreadable } from '../definition.js';
import { fieldTable, type RecordBy, recordTable } from '../record-table.js';
import * as vocabulary from '../vocabularies.js';
import * as wire from '../wire.js';

export const overrideShape = {
  overrideType: wire.term,
  reason: wire.text,
  overrideJudgement: wire.term,
  value: wire.text,
};

/** What a message has besides its id. Attributes such as the attack type are per message. */
export const messageTable = recordTable({
  portalUrl: ['abxPortalUrl', wire.word],
  subject: ['subject', wire.text],
  fromAddress: ['fromAddress', wire.word],
  fromName: ['fromName', wire.text],
  senderDomain: ['senderDomain', wire.word],
  senderIpAddress: ['senderIpAddress', wire.word],
  toAddresses: ['toAddresses', wire.addresses],
  recipientAddress: ['recipientAddress', wire.word],
  ccAddresses: ['ccEmails', wire.addresses],
  replyToAddresses: ['replyToEmails', wire.addresses],
  returnPath: ['returnPath', wire.word],
  receivedTime: ['receivedTime', wire.instant],
  sentTime: ['sentTime', wire.instant],
  internetMessageId: ['internetMessageId', wire.word],
  attackTypeRaw: ['attackType', wire.term],
  attackStrategyRaw: ['attackStrategy', wire.term],
  attackVectorRaw: ['attackVector', wire.term],
  attackedPartyRaw: ['attackedParty', wire.term],
  impersonatedPartyRaw: ['impersonatedParty', wire.term],
  remediationStatusRaw: ['remediationStatus', wire.term],
  remediationTime: ['remediationTimestamp', wire.instant],
  autoRemediated: ['autoRemediated', wire.flag],
  postRemediated: ['postRemediated', wire.flag],
  isRead: ['isRead', wire.flag],
  attachmentCount: ['attachmentCount', wire.integer],
  attachmentNames: ['attachmentNames', wire.texts],
  /** Abnormal's count, which may differ from the number of `urls`. */
  urlCount: ['urlCount', wire.integer],
  urls: ['urls', wire.texts],
  summaryInsights: ['summaryInsights', wire.texts],
  /** Such as `Attack`. */
  judgementRaw: ['source', wire.term],
  customerOverride: ['customerOverride', wire.optionalObject(overrideShape)],
});

/** One e-mail, from `GET /threats/{id}`. */
export interface MessageRecord extends RecordBy<typeof messageTable> {
  /** A signed 64-bit integer as text. */
  readonly messageId: string;
}

export interface ThreatRecord extends Unreadable {
  readonly threatId: string;
  /** Abnormal's count of mailboxes; may exceed the number of messages. */
  readonly recipientCount: number | null;
  /** Newest first, ties by id; a sample of 10 in some accounts, 2,000 at most. */
  readonly messages: readonly MessageRecord[];
  /** Whether every offered page was read. */
  readonly pagesComplete: boolean;
  readonly tenantId: string | null;
  readonly tenantName: string | null;
}

export function threatFields(threat: ThreatRecord): Fields {
  const remediation = threatRemediation(threat);
  return {
    id: threat.threatId,
    receivedTime: receivedTime(threat),
    firstReceivedTime: firstReceivedTime(threat),
    latestRemediationTime: remediation.latestRemediationTime,
    recipientCount: threat.recipientCount,
    remediationState: remediation.state,
    unremediated: remediation.state !== 'REMEDIATED' && remediation.state !== 'NOT_NEEDED',
    attackType: distinct(threat, (m) => vocabulary.attackType(m.attackTypeRaw)),
    attackStrategy: distinct(threat, (m) => vocabulary.attackStrategy(m.attackStrategyRaw)),
    attackVector: distinct(threat, (m) => vocabulary.attackVector(m.attackVectorRaw)),
    impersonatedParty: distinct(threat, (m) => vocabulary.impersonatedParty(m.impersonatedPartyRaw)),
    subject: distinct(threat, (m) => m.subject),
    fromAddress: distinct(threat, (m) => m.fromAddress),
    fromName: distinct(threat, (m) => m.fromName),
    senderDomain: distinct(threat, (m) => m.senderDomain),
    recipientAddress: distinct(threat, (m) => m.recipientAddress),
    messageId: distinct(threat, (m) => m.messageId),
  };
}

export function receivedTime({ messages }: ThreatRecord): Instant | null {
  return extentOf(messages, ({ receivedTime: at }) => at).last;
}

export function firstReceivedTime({ messages }: ThreatRecord): Instant | null {
  return extentOf(messages, ({ receivedTime: at }) => at).first;
}

interface Extent {
  readonly first: Instant | null;
  readonly last: Instant | null;
}

function extentOf(
  messages: readonly MessageRecord[],
  timeOf: (message: MessageRecord) => Instant | null,
): Extent {
  let first: Instant | null = null;
  let last: Instant | null = null;
  for (const message of messages) {
    const at = timeOf(message);
    if (at === null) continue;
    if (first === null || at < first) first = at;
    if (last === null || at > last) last = at;
  }
  return { first, last };
}

/** A value of each message, each value once; messages without one are left out. */
export function distinct<T extends string>(
  { messages }: ThreatRecord,
  pick: (message: MessageRecord) => T | null,
): T[] {
  const values = new Set<T>();
  for (const message of messages) {
    const value = pick(message);
    if (value !== null) values.add(value);
  }
  return [...values];
}

/** `UNKNOWN` if Abnormal gives neither a status nor a time. */
export type MessageRemediation = 'REMEDIATED' | 'ATTEMPTED' | 'NOT_REMEDIATED' | 'NOT_NEEDED' | 'UNKNOWN';

export interface ThreatRemediation {
  /** `NOT_NEEDED` if every message was marked safe, `PARTLY` if only some messages are remediated. */
  readonly state: MessageRemediation | 'PARTLY';
  readonly messages: number;
  readonly remediated: number;
  readonly firstRemediationTime: Instant | null;
  readonly latestRemediationTime: Instant | null;
}

/** Older accounts send no status; then a remediation time or one of two old flags means remediated. */
export function messageRemediation(message: MessageRecord): MessageRemediation {
  const state = vocabulary.remediationState(message.remediationStatusRaw);
  switch (state) {
    case 'REMEDIATED':
      return 'REMEDIATED';
    case 'ATTEMPTED':
      return 'ATTEMPTED';
    case 'NOT_REMEDIATED':
    case 'WOULD_REMEDIATE':
      return 'NOT_REMEDIATED';
    case 'MARKED_SAFE':
      return 'NOT_NEEDED';
    default:
      return withoutKnownStatus(message, state !== null);
  }
}

function withoutKnownStatus(message: MessageRecord, isStatusGiven: boolean): MessageRemediation {
  const { remediationTime, autoRemediated, postRemediated } = message;
  if (remediationTime || autoRemediated || postRemediated) return 'REMEDIATED';
  const isSaid = isStatusGiven || autoRemediated !== null || postRemediated !== null;
  return isSaid ? 'NOT_REMEDIATED' : 'UNKNOWN';
}

export function threatRemediation({ messages }: ThreatRecord): ThreatRemediation {
  const states = messages.map(messageRemediation);
  const { first, last } = extentOf(messages, ({ remediationTime: at }) => at);
  return {
    state: combine(states),
    messages: states.length,
    remediated: states.reduce((count, state) => count + (state === 'REMEDIATED' ? 1 : 0), 0),
    firstRemediationTime: first,
    latestRemediationTime: last,
  };
}

function combine(states: readonly MessageRemediation[]): ThreatRemediation['state'] {
  const relevant = new Set(states);
  relevant.delete('NOT_NEEDED');
  const [first] = relevant;
  if (first === undefined) return states.length > 0 ? 'NOT_NEEDED' : 'UNKNOWN';
  if (relevant.size === 1) return first;
  return relevant.has('REMEDIATED') ? 'PARTLY' : 'NOT_REMEDIATED';
}

/** What statistics of threats need in addition to the fields of lists. */
export const threatFacets = fieldTable<ThreatRecord>()({
  tenant: { type: 'text', by: ({ tenantName, tenantId }) => tenantName ?? tenantId },
  allMessagesHeld: { type: 'boolean', by: areAllMessagesHeld },
  attackedParty: {
    type: 'texts',
    by: (threat) => distinct(threat, (message) => vocabulary.attackedParty(message.attackedPartyRaw)),
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
  attackType: { type: 'text', by: (message) => vocabulary.attackType(message.attackTypeRaw) },
  attackStrategy: { type: 'text', by: (message) => vocabulary.attackStrategy(message.attackStrategyRaw) },
  attackVector: { type: 'text', by: (message) => vocabulary.attackVector(message.attackVectorRaw) },
  attackedParty: { type: 'text', by: (message) => vocabulary.attackedParty(message.attackedPartyRaw) },
  impersonatedParty: {
    type: 'text',
    by: (message) => vocabulary.impersonatedParty(message.impersonatedPartyRaw),
  },
  judgement: { type: 'text', by: ({ judgementRaw }) => judgementRaw },
  remediation: { type: 'text', by: messageRemediation },
  remediationStatus: {
    type: 'text',
    by: (message) => vocabulary.remediationState(message.remediationStatusRaw),
  },
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
