import { ID, Int, ObjectType } from 'type-graphql';
import { fieldsOf } from '../../resources/definition.js';
import { type ThreatRemediation, threatRemediation } from '../../resources/threat/threat.js';
import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { intOrNull } from '../../values/int.js';
import { DateTime } from '../base/date-time.scalar.js';
import { PlainField } from '../base/plain-field.js';
import { recordConnectionOf } from '../lists/record-connection.js';
import { Node } from '../records/node.type.js';
import { RecordNode } from '../records/record.type.js';
import {
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  ThreatRemediationState,
} from '../records/threat.enums.js';

const OVER_MESSAGES = 'over the messages held, each once';

@ObjectType('ThreatRemediation', {
  simpleResolvers: true,
  description: 'What became of a threat, derived from the messages held.',
})
export class ThreatRemediationSummary implements ThreatRemediation {
  @PlainField(() => ThreatRemediationState, { description: 'Summed up in a word.' })
  readonly state!: ThreatRemediation['state'];

  @PlainField(() => Int, { description: 'How many messages it is summed up over.' })
  readonly messages!: number;

  @PlainField(() => Int, { description: 'How many of them were dealt with.' })
  readonly remediated!: number;

  @PlainField(() => DateTime, { nullable: true, description: 'When the first was dealt with (UTC).' })
  readonly firstRemediationTime!: Instant | null;

  @PlainField(() => DateTime, { nullable: true, description: 'When the last was dealt with (UTC).' })
  readonly lastRemediationTime!: Instant | null;
}

@ObjectType({
  implements: [Node, RecordNode],
  simpleResolvers: true,
  description:
    'One attack, as e-mails that belong together: Abnormal’s `/threats/{id}` with all message pages that it offers. What it says of an attack is per message; what stands here is derived.',
})
export class Threat extends RecordNode<'threat'> {
  private derived: Fields | null = null;

  @PlainField(() => ID, { description: 'Abnormal’s own id (`threatId`).' })
  get threatId(): string {
    return this.record.threatId;
  }

  @PlainField(() => String, { nullable: true, description: 'The subject of the newest message held.' })
  get subject(): string | null {
    return this.record.messages[0]?.subject ?? null;
  }

  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When the newest message held was received (UTC): what threats are ordered by.',
  })
  get receivedTime(): Instant | null {
    return this.derive('receivedTime') as Instant | null;
  }

  @PlainField(() => DateTime, {
    nullable: true,
    description: 'When the oldest message held was received (UTC).',
  })
  get firstReceivedTime(): Instant | null {
    return this.derive('firstReceivedTime') as Instant | null;
  }

  @PlainField(() => Int, {
    nullable: true,
    description:
      'How many mailboxes Abnormal counts (`recipientCount`); may exceed the messages that it gives.',
  })
  get recipientCount(): number | null {
    return intOrNull(this.record.recipientCount);
  }

  @PlainField(() => Int, {
    description: 'How many messages are held: Abnormal gives some accounts a sample only.',
  })
  get messagesHeld(): number {
    return this.record.messages.length;
  }

  @PlainField(() => Boolean, {
    description:
      'Whether every page of messages that Abnormal offered was read, and each message in them; it may offer fewer than it counts. What cannot be read is named in `unread`.',
  })
  get pagesComplete(): boolean {
    return this.record.pagesComplete;
  }

  @PlainField(() => Boolean, {
    nullable: true,
    description:
      'Whether a message is held for every recipient counted and every page offered was read; null when Abnormal gives no count.',
  })
  get allMessagesHeld(): boolean | null {
    const { recipientCount, messages, pagesComplete } = this.record;
    return recipientCount === null ? null : pagesComplete && messages.length >= recipientCount;
  }

  @PlainField(() => ThreatRemediationSummary, { description: 'What became of it.' })
  get remediation(): ThreatRemediationSummary {
    return threatRemediation(this.record);
  }

  @PlainField(() => [AttackType], { description: `What kinds of attack it is, ${OVER_MESSAGES}.` })
  get attackTypes(): readonly AttackType[] {
    return this.derive('attackType') as readonly AttackType[];
  }

  @PlainField(() => [AttackStrategy], { description: `How the attacker hides, ${OVER_MESSAGES}.` })
  get attackStrategies(): readonly AttackStrategy[] {
    return this.derive('attackStrategy') as readonly AttackStrategy[];
  }

  @PlainField(() => [AttackVector], { description: `What does the harm, ${OVER_MESSAGES}.` })
  get attackVectors(): readonly AttackVector[] {
    return this.derive('attackVector') as readonly AttackVector[];
  }

  @PlainField(() => [ImpersonatedParty], {
    description: `Whom the attacker pretends to be, ${OVER_MESSAGES}.`,
  })
  get impersonatedParties(): readonly ImpersonatedParty[] {
    return this.derive('impersonatedParty') as readonly ImpersonatedParty[];
  }

  @PlainField(() => [String], { description: `The senders’ addresses, ${OVER_MESSAGES}.` })
  get fromAddresses(): readonly string[] {
    return this.derive('fromAddress') as readonly string[];
  }

  @PlainField(() => ID, { nullable: true, description: 'Abnormal’s number for the tenant.' })
  get tenantId(): string | null {
    return this.record.tenantId;
  }

  @PlainField(() => String, { nullable: true, description: 'The tenant’s name.' })
  get tenantName(): string | null {
    return this.record.tenantName;
  }

  private derive(field: string) {
    this.derived ??= fieldsOf('threat', this.record);
    return this.derived[field];
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of a list of threats.' })
export class ThreatConnection extends recordConnectionOf<Threat>(() => Threat, 'Threat') {}
