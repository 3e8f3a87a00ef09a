import { type Instant, shift, toMillis } from '../model/instant.js';
import { attackType } from '../model/normalise.js';
import type { Message, Threat } from '../model/records.js';
import { messageRemediation } from '../model/remediation.js';
import type { ThreatFact } from './control.js';

/** Judgements of Abnormal's that make a message bothersome or harmless rather than an attack. */
const NO_ATTACK = new Set(['spam', 'graymail', 'borderline', 'safe']);

/**
 * Whether a message counts as malicious: every message of a threat does, unless it was marked as safe, or
 * Abnormal's judgement calls it spam, graymail, borderline or safe. Without a judgement the attack type tells
 * spam and graymail.
 */
export function isMalicious(message: Message): boolean {
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
export function messageTimes({ record, firstRecordedAt }: ThreatFact): (message: Message) => Instant | null {
  const earliest = earliestReceived(record) ?? firstRecordedAt;
  return (message) => message.receivedTime ?? earliest;
}

/** When the first message of a threat was received; `null` when none says. */
export function earliestReceived(threat: Threat): Instant | null {
  return threat.messages.reduce<Instant | null>((first, { receivedTime: at }) => {
    return at !== null && (first === null || at < first) ? at : first;
  }, null);
}

/** How long from receipt to remediation, in milliseconds; `null` where either time is not said. */
export function remediationMs({ receivedTime, remediationTime }: Message): number | null {
  if (receivedTime === null || remediationTime === null) return null;
  return Math.max(0, toMillis(remediationTime) - toMillis(receivedTime));
}

/** The threats of which a message may have been received in the span, as a query of the graph. */
export function threatQuery(from: Instant, to: Instant): string {
  return `threats(filter: { receivedTime: { gte: "${from}" }, firstReceivedTime: { lte: "${shift(to, -1)}" } })`;
}

/** What a person knows a message by. */
export function messageLabel({ subject, recipientAddress }: Message): string | null {
  const to = recipientAddress === null ? null : `to ${recipientAddress}`;
  return [subject, to].filter((part) => part !== null && part !== '').join(', ') || null;
}
