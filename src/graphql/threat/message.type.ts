import { ID, Int, ObjectType } from 'type-graphql';
import type { RevisionRecord } from '../../model/revision.js';
import {
  type CustomerOverride,
  type MessageRecord,
  type MessageRemediation,
  messageRemediation,
} from '../../resources/threat/threat.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
  remediationState,
} from '../../resources/vocabularies.js';
import type { Instant } from '../../values/instant.js';
import { intOrNull } from '../../values/int.js';
import { ValueField } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  MessageRemediationState,
  memoize,
  RemediationStatus,
} from '../records/vocabulary.enums.js';

const attackedPartyOf = memoize(attackedParty);
const attackStrategyOf = memoize(attackStrategy);
const attackTypeOf = memoize(attackType);
const attackVectorOf = memoize(attackVector);
const impersonatedPartyOf = memoize(impersonatedParty);
const remediationStateOf = memoize(remediationState);

@ObjectType('CustomerOverride', {
  simpleResolvers: true,
  description:
    'A rule or a decision of the customer’s that overrode Abnormal’s judgement (`customerOverride`).',
})
export class CustomerOverrideNote implements CustomerOverride {
  @ValueField(() => String, { nullable: true, description: 'What kind of override it is, as received.' })
  readonly overrideType!: string | null;

  @ValueField(() => String, { nullable: true, description: 'Why, as received.' })
  readonly reason!: string | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'The judgement that counts instead, as received.',
  })
  readonly overrideJudgement!: string | null;

  @ValueField(() => String, { nullable: true, description: 'What it matched, as received.' })
  readonly value!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'One e-mail of a threat in one mailbox, from `GET /threats/{id}`. The same e-mail to several people is several messages.',
})
export class Message {
  constructor(
    private readonly record: MessageRecord,
    /** The version of the threat that it is from. */
    readonly from: RevisionRecord<'threat'>,
    private readonly goneSince: Instant | null = null,
  ) {}

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'Since when Abnormal no longer returns it with its threat (UTC): the first complete version without it, or the threat’s tombstone. Null while Abnormal returns it; others than null only with `messages(recorded: ALL)`.',
  })
  get noLongerGivenSince(): Instant | null {
    return this.goneSince;
  }

  @ValueField(() => ID, {
    description: 'Abnormal’s own id (`abxMessageIdStr`): a signed 64-bit integer as text.',
  })
  get messageId(): string {
    return this.record.messageId;
  }

  @ValueField(() => String, { nullable: true, description: 'Where to see it in Abnormal’s portal.' })
  get portalUrl(): string | null {
    return this.record.portalUrl;
  }

  @ValueField(() => String, { nullable: true, description: 'The subject line.' })
  get subject(): string | null {
    return this.record.subject;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The sender’s address; Abnormal cuts it at 256 characters.',
  })
  get fromAddress(): string | null {
    return this.record.fromAddress;
  }

  @ValueField(() => String, { nullable: true, description: 'The sender’s display name.' })
  get fromName(): string | null {
    return this.record.fromName;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The sender’s domain; given to some accounts only.',
  })
  get senderDomain(): string | null {
    return this.record.senderDomain;
  }

  @ValueField(() => String, { nullable: true, description: 'The address it was sent from.' })
  get senderIpAddress(): string | null {
    return this.record.senderIpAddress;
  }

  @ValueField(() => [String], {
    description:
      'The addresses of all recipients in its header, without display names; Abnormal cuts the list at 255 characters. A part without an address, such as a last one that was cut off, stays as its text (`toAddresses`).',
  })
  get toAddresses(): readonly string[] {
    return this.record.toAddresses;
  }

  @ValueField(() => String, { nullable: true, description: 'Whose mailbox it came to.' })
  get recipientAddress(): string | null {
    return this.record.recipientAddress;
  }

  @ValueField(() => [String], {
    description: 'The addresses of recipients in copy, without display names (`ccEmails`).',
  })
  get ccAddresses(): readonly string[] {
    return this.record.ccAddresses;
  }

  @ValueField(() => [String], {
    description: 'The addresses that an answer would go to, without display names (`replyToEmails`).',
  })
  get replyToAddresses(): readonly string[] {
    return this.record.replyToAddresses;
  }

  @ValueField(() => String, { nullable: true, description: 'The address that bounces go to.' })
  get returnPath(): string | null {
    return this.record.returnPath;
  }

  @ValueField(() => DateTime, { nullable: true, description: 'When it came (UTC).' })
  get receivedTime(): Instant | null {
    return this.record.receivedTime;
  }

  @ValueField(() => DateTime, { nullable: true, description: 'When it was sent (UTC).' })
  get sentTime(): Instant | null {
    return this.record.sentTime;
  }

  @ValueField(() => String, { nullable: true, description: 'Its `Message-ID` header.' })
  get internetMessageId(): string | null {
    return this.record.internetMessageId;
  }

  @ValueField(() => AttackType, { nullable: true, description: 'What kind of attack it is.' })
  get attackType(): AttackType | null {
    return attackTypeOf(this.record.attackTypeRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackType` as received.' })
  get attackTypeRaw(): string | null {
    return this.record.attackTypeRaw;
  }

  @ValueField(() => AttackStrategy, { nullable: true, description: 'How the attacker hides.' })
  get attackStrategy(): AttackStrategy | null {
    return attackStrategyOf(this.record.attackStrategyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackStrategy` as received.' })
  get attackStrategyRaw(): string | null {
    return this.record.attackStrategyRaw;
  }

  @ValueField(() => AttackVector, { nullable: true, description: 'What does the harm.' })
  get attackVector(): AttackVector | null {
    return attackVectorOf(this.record.attackVectorRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackVector` as received.' })
  get attackVectorRaw(): string | null {
    return this.record.attackVectorRaw;
  }

  @ValueField(() => AttackedParty, { nullable: true, description: 'Whom it is aimed at.' })
  get attackedParty(): AttackedParty | null {
    return attackedPartyOf(this.record.attackedPartyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackedParty` as received.' })
  get attackedPartyRaw(): string | null {
    return this.record.attackedPartyRaw;
  }

  @ValueField(() => ImpersonatedParty, { nullable: true, description: 'Whom the attacker pretends to be.' })
  get impersonatedParty(): ImpersonatedParty | null {
    return impersonatedPartyOf(this.record.impersonatedPartyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`impersonatedParty` as received.' })
  get impersonatedPartyRaw(): string | null {
    return this.record.impersonatedPartyRaw;
  }

  @ValueField(() => RemediationStatus, { nullable: true, description: 'What Abnormal says was done.' })
  get remediationStatus(): RemediationStatus | null {
    return remediationStateOf(this.record.remediationStatusRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`remediationStatus` as received.' })
  get remediationStatusRaw(): string | null {
    return this.record.remediationStatusRaw;
  }

  @ValueField(() => MessageRemediationState, {
    description: 'What became of it, derived from all that is said.',
  })
  get remediation(): MessageRemediation {
    return messageRemediation(this.record);
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When it was dealt with (UTC; `remediationTimestamp`).',
  })
  get remediationTime(): Instant | null {
    return this.record.remediationTime;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description: 'An older flag: dealt with automatically. `remediationStatus` says more.',
  })
  get autoRemediated(): boolean | null {
    return this.record.autoRemediated;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description: 'An older flag: dealt with afterwards. `remediationStatus` says more.',
  })
  get postRemediated(): boolean | null {
    return this.record.postRemediated;
  }

  @ValueField(() => Boolean, { nullable: true, description: 'Whether the recipient has read it.' })
  get isRead(): boolean | null {
    return this.record.isRead;
  }

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many attachments Abnormal counts; given to some accounts only.',
  })
  get attachmentCount(): number | null {
    return intOrNull(this.record.attachmentCount);
  }

  @ValueField(() => [String], { description: 'The attachments’ file names.' })
  get attachmentNames(): readonly string[] {
    return this.record.attachmentNames;
  }

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many links Abnormal counts; need not equal the number of `urls` it sends.',
  })
  get urlCount(): number | null {
    return intOrNull(this.record.urlCount);
  }

  @ValueField(() => [String], { description: 'Links in it, as Abnormal sends them. Handle with care.' })
  get urls(): readonly string[] {
    return this.record.urls;
  }

  @ValueField(() => [String], { description: 'What gave it away, in Abnormal’s words.' })
  get summaryInsights(): readonly string[] {
    return this.record.summaryInsights;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Abnormal’s judgement of it as received, such as `Attack` (`source`).',
  })
  get judgementRaw(): string | null {
    return this.record.judgementRaw;
  }

  @ValueField(() => CustomerOverrideNote, {
    nullable: true,
    description: 'What the customer decided otherwise.',
  })
  get customerOverride(): CustomerOverride | null {
    return this.record.customerOverride;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of the messages of a threat, newest first.' })
export class MessageConnection extends connectionOf<Message>(() => Message, 'Message') {}
