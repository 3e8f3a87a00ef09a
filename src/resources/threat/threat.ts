import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import type { Unreadable } from '../definition.js';
import {
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
  remediationState,
} from '../vocabularies.js';

/** One e-mail, from `GET /threats/{id}`. Attributes such as the attack type are per message. */
export interface MessageRecord {
  /** A signed 64-bit integer as text. */
  readonly messageId: string;
  readonly portalUrl: string | null;
  readonly subject: string | null;
  readonly fromAddress: string | null;
  readonly fromName: string | null;
  readonly senderDomain: string | null;
  readonly senderIpAddress: string | null;
  readonly toAddresses: readonly string[];
  readonly recipientAddress: string | null;
  readonly ccAddresses: readonly string[];
  readonly replyToAddresses: readonly string[];
  readonly returnPath: string | null;
  readonly receivedTime: Instant | null;
  readonly sentTime: Instant | null;
  readonly internetMessageId: string | null;
  readonly attackTypeRaw: string | null;
  readonly attackStrategyRaw: string | null;
  readonly attackVectorRaw: string | null;
  readonly attackedPartyRaw: string | null;
  readonly impersonatedPartyRaw: string | null;
  readonly remediationStatusRaw: string | null;
  readonly remediationTime: Instant | null;
  readonly autoRemediated: boolean | null;
  readonly postRemediated: boolean | null;
  readonly isRead: boolean | null;
  readonly attachmentCount: number | null;
  readonly attachmentNames: readonly string[];
  /** Abnormal's count, which may differ from the number of `urls`. */
  readonly urlCount: number | null;
  readonly urls: readonly string[];
  readonly summaryInsights: readonly string[];
  /** Upstream `source`, such as `Attack`. */
  readonly judgementRaw: string | null;
  readonly customerOverride: CustomerOverride | null;
}

export interface CustomerOverride {
  readonly overrideType: string | null;
  readonly reason: string | null;
  readonly overrideJudgement: string | null;
  readonly value: string | null;
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
  const { messages } = threat;
  const received = times(messages, (m) => m.receivedTime);
  const remediation = threatRemediation(threat);
  return {
    id: threat.threatId,
    receivedTime: received.at(-1) ?? null,
    firstReceivedTime: received[0] ?? null,
    latestRemediationTime: remediation.latestRemediationTime,
    recipientCount: threat.recipientCount,
    remediationState: remediation.state,
    unremediated: remediation.state !== 'REMEDIATED' && remediation.state !== 'NOT_NEEDED',
    attackType: distinct(messages, (m) => attackType(m.attackTypeRaw)),
    attackStrategy: distinct(messages, (m) => attackStrategy(m.attackStrategyRaw)),
    attackVector: distinct(messages, (m) => attackVector(m.attackVectorRaw)),
    impersonatedParty: distinct(messages, (m) => impersonatedParty(m.impersonatedPartyRaw)),
    subject: distinct(messages, (m) => m.subject),
    fromAddress: distinct(messages, (m) => m.fromAddress),
    fromName: distinct(messages, (m) => m.fromName),
    senderDomain: distinct(messages, (m) => m.senderDomain),
    recipientAddress: distinct(messages, (m) => m.recipientAddress),
    messageId: distinct(messages, (m) => m.messageId),
  };
}

function distinct(
  messages: readonly MessageRecord[],
  pick: (message: MessageRecord) => string | null,
): string[] {
  const values = new Set<string>();
  for (const message of messages) {
    const value = pick(message);
    if (value !== null) values.add(value);
  }
  return [...values];
}

function times(
  messages: readonly MessageRecord[],
  pick: (message: MessageRecord) => Instant | null,
): Instant[] {
  return distinct(messages, pick).sort();
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
  const state = remediationState(message.remediationStatusRaw);
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

export function threatRemediation(threat: ThreatRecord): ThreatRemediation {
  const states = threat.messages.map(messageRemediation);
  const times = threat.messages.flatMap((m) => m.remediationTime ?? []).sort();
  return {
    state: combine(states),
    messages: states.length,
    remediated: states.filter((state) => state === 'REMEDIATED').length,
    firstRemediationTime: times[0] ?? null,
    latestRemediationTime: times.at(-1) ?? null,
  };
}

function combine(states: readonly MessageRemediation[]): ThreatRemediation['state'] {
  const relevant = states.filter((state) => state !== 'NOT_NEEDED');
  const [first] = relevant;
  if (first === undefined) return states.length > 0 ? 'NOT_NEEDED' : 'UNKNOWN';
  if (relevant.every((state) => state === first)) return first;
  return relevant.includes('REMEDIATED') ? 'PARTLY' : 'NOT_REMEDIATED';
}
