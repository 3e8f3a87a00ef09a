import { type MessageRecord, messageRemediation, type ThreatRecord } from '../resources/threat/threat.js';
import { attackType } from '../resources/vocabularies.js';
import { type Instant, latest, toMillis } from '../values/instant.js';
import type { Member, ThreatFact } from './control.js';
import { isInPeriod, type Period } from './period.js';

/** Judgements by which a message is unwanted or harmless, not an attack. */
const NO_ATTACK = new Set(['spam', 'graymail', 'borderline', 'safe']);

/**
 * Marked safe or judged spam, graymail, borderline or safe is not malicious. Without a judgement the attack
 * type identifies spam and graymail.
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

/** Its received time, else the earliest of its threat, else the threat's first recording. */
export function messageTimes({
  record,
  firstRecordedAt,
}: ThreatFact): (message: MessageRecord) => Instant | null {
  const earliest = earliestReceived(record) ?? firstRecordedAt;
  return (message) => message.receivedTime ?? earliest;
}

export function earliestReceived(threat: ThreatRecord): Instant | null {
  return threat.messages.reduce<Instant | null>((first, { receivedTime: at }) => {
    return at !== null && (first === null || at < first) ? at : first;
  }, null);
}

/** In milliseconds; `null` if either time is missing. */
export function remediationMs({ receivedTime, remediationTime }: MessageRecord): number | null {
  if (receivedTime === null || remediationTime === null) return null;
  return Math.max(0, toMillis(remediationTime) - toMillis(receivedTime));
}

export function messageMember(fact: ThreatFact, message: MessageRecord, at: Instant | null): Member {
  return {
    subject: { type: 'RECORD', key: fact.key, messageId: message.messageId },
    label: messageLabel(message),
    at,
    noLongerGivenSince: fact.goneMessages.get(message) ?? null,
  };
}

/**
 * `null` if none of its messages was received in the period. No longer returned: if Abnormal returns neither
 * it nor any of its messages.
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

function messageLabel({ subject, recipientAddress }: MessageRecord): string | null {
  const to = recipientAddress === null ? null : `to ${recipientAddress}`;
  return [subject, to].filter((part) => part !== null && part !== '').join(', ') || null;
}
