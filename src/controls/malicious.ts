import { type MessageRecord, messageRemediation, type ThreatRecord } from '../resources/threat/threat.js';
import { attackType } from '../resources/vocabularies.js';
import { type Instant, latest, toMillis } from '../values/instant.js';
import type { Member, ThreatFact } from './control.js';
import { isInPeriod, type Period } from './period.js';

/** Judgements of Abnormal's that make a message bothersome or harmless rather than an attack. */
const NO_ATTACK = new Set(['spam', 'graymail', 'borderline', 'safe']);

/**
 * Whether a message counts as malicious: every message of a threat does, unless it was marked as safe, or
 * Abnormal's judgement calls it spam, graymail, borderline or safe. Without a judgement the attack type tells
 * spam and graymail.
 */
export function isMalicious(message: MessageRecord): boolean {
  if (messageRemediation(message) === 'NOT_NEEDED') return false;
  const override = message.customerOverride?.overrideJudgement?.trim().toLowerCase();
  if (override === 'safe') return false;
  const judgement = message.judgementRaw?.trim().toLowerCase() ?? '';
  if (judgement !== '') return !NO_ATTACK.has(judgement);
  const type = attackType(message.attackTypeRaw);
  return type !== 'SPAM' && type !== 'GRAYMAIL';
}

/**
 * The time by which a message belongs to a period: when it was received. One that does not say takes the
 * threat's earliest; where no message says, the whole threat has the time of its first recording.
 */
export function messageTimes({
  record,
  firstRecordedAt,
}: ThreatFact): (message: MessageRecord) => Instant | null {
  const earliest = earliestReceived(record) ?? firstRecordedAt;
  return (message) => message.receivedTime ?? earliest;
}

/** When the first message of a threat was received; `null` when none says. */
export function earliestReceived(threat: ThreatRecord): Instant | null {
  return threat.messages.reduce<Instant | null>((first, { receivedTime: at }) => {
    return at !== null && (first === null || at < first) ? at : first;
  }, null);
}

/** How long from receipt to remediation, in milliseconds; `null` where either time is not said. */
export function remediationMs({ receivedTime, remediationTime }: MessageRecord): number | null {
  if (receivedTime === null || remediationTime === null) return null;
  return Math.max(0, toMillis(remediationTime) - toMillis(receivedTime));
}

/** A message of a threat as a member of a population. */
export function messageMember(fact: ThreatFact, message: MessageRecord, at: Instant | null): Member {
  return {
    subject: { type: 'RECORD', key: fact.key, messageId: message.messageId },
    label: messageLabel(message),
    at,
    noLongerGivenSince: fact.goneMessages.get(message) ?? null,
  };
}

/**
 * A threat as a member of a population; `null` where none of its messages was received in the period. It counts as no
 * longer given when Abnormal does not return it, or returns it without any of its messages.
 */
export function threatMember(fact: ThreatFact, period: Pick<Period, 'from' | 'to'>): Member | null {
  const { record, goneMessages, goneSince } = fact;
  const { messages } = record;
  const times = messages.length === 0 ? [fact.firstRecordedAt] : messages.map(messageTimes(fact));
  const at = times.find((time) => isInPeriod(period, time)) ?? null;
  if (at === null) return null;
  const isEmptied = messages.length > 0 && goneMessages.size === messages.length;
  return {
    subject: { type: 'RECORD', key: fact.key, messageId: null },
    label: messages[0]?.subject ?? null,
    at,
    noLongerGivenSince: goneSince ?? (isEmptied ? [...goneMessages.values()].reduce(latest) : null),
  };
}

/** What a person knows a message by. */
export function messageLabel({ subject, recipientAddress }: MessageRecord): string | null {
  const to = recipientAddress === null ? null : `to ${recipientAddress}`;
  return [subject, to].filter((part) => part !== null && part !== '').join(', ') || null;
}
