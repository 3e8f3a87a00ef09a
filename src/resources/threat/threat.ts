import type { Instant } from '../../values/instant.js';
import type { Message, Threat } from '../records.js';
import { remediationState } from '../vocabularies.js';

/** What became of one message: `UNKNOWN` when Abnormal says neither a status nor a time. */
export type MessageRemediation = 'REMEDIATED' | 'ATTEMPTED' | 'NOT_REMEDIATED' | 'NOT_NEEDED' | 'UNKNOWN';

/** A threat's remediation, derived from the messages held. */
export interface ThreatRemediation {
  /** `NOT_NEEDED` when every message was marked safe, `PARTLY` when only some messages are dealt with. */
  readonly state: MessageRemediation | 'PARTLY';
  readonly messages: number;
  readonly remediated: number;
  readonly firstRemediationTime: Instant | null;
  readonly lastRemediationTime: Instant | null;
}

/**
 * Reads a message's remediation. The status word decides where there is one; older accounts send none, and
 * then a remediation time or either of the two old flags says it was remediated.
 */
export function messageRemediation(message: Message): MessageRemediation {
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

function withoutKnownStatus(message: Message, isStatusGiven: boolean): MessageRemediation {
  const { remediationTime, autoRemediated, postRemediated } = message;
  if (remediationTime || autoRemediated || postRemediated) return 'REMEDIATED';
  const isSaid = isStatusGiven || autoRemediated !== null || postRemediated !== null;
  return isSaid ? 'NOT_REMEDIATED' : 'UNKNOWN';
}

/** Sums up the remediation of a threat's messages. */
export function threatRemediation(threat: Threat): ThreatRemediation {
  const states = threat.messages.map(messageRemediation);
  const times = threat.messages.flatMap((m) => m.remediationTime ?? []).sort();
  return {
    state: combine(states),
    messages: states.length,
    remediated: states.filter((state) => state === 'REMEDIATED').length,
    firstRemediationTime: times[0] ?? null,
    lastRemediationTime: times.at(-1) ?? null,
  };
}

function combine(states: readonly MessageRemediation[]): ThreatRemediation['state'] {
  const relevant = states.filter((state) => state !== 'NOT_NEEDED');
  const [first] = relevant;
  if (first === undefined) return states.length > 0 ? 'NOT_NEEDED' : 'UNKNOWN';
  if (relevant.every((state) => state === first)) return first;
  return relevant.includes('REMEDIATED') ? 'PARTLY' : 'NOT_REMEDIATED';
}
