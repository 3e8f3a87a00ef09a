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
import { ValueField, valueFieldFrom } from '../base/fields.js';
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

  @ValueField(() => String, { personal: ['texts'], nullable: true, description: 'Why, as received.' })
  readonly reason!: string | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'The judgement that counts instead, as received.',
  })
  readonly overrideJudgement!: string | null;

  @ValueField(() => String, {
    personal: ['texts'],
    nullable: true,
    description: 'What it matched, as received.',
  })
  readonly value!: string | null;
}

const RecordValue = valueFieldFrom('record');

@ObjectType({
  simpleResolvers: true,
  description:
    'One e-mail of a threat in one mailbox, from `GET /threats/{id}`. The same e-mail to several people is several messages.',
})
export class Message {
  constructor(
    readonly record: MessageRecord,
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

  @RecordValue(() => ID, {
    description: 'Abnormal’s own id (`abxMessageIdStr`): a signed 64-bit integer as text.',
  })
  readonly messageId!: string;

  @RecordValue(() => String, { nullable: true, description: 'Where to see it in Abnormal’s portal.' })
  readonly portalUrl!: string | null;

  @RecordValue(() => String, { personal: ['subject'], nullable: true, description: 'The subject line.' })
  readonly subject!: string | null;

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'The sender’s address; Abnormal cuts it at 256 characters.',
  })
  readonly fromAddress!: string | null;

  @RecordValue(() => String, {
    personal: ['names'],
    nullable: true,
    description: 'The sender’s display name.',
  })
  readonly fromName!: string | null;

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'The sender’s domain; given to some accounts only.',
  })
  readonly senderDomain!: string | null;

  @RecordValue(() => String, {
    personal: ['locations'],
    nullable: true,
    description: 'The address it was sent from.',
  })
  readonly senderIpAddress!: string | null;

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description:
      'The addresses of all recipients in its header, without display names; Abnormal cuts the list at 255 characters. A part without an address, such as a last one that was cut off, stays as its text (`toAddresses`).',
  })
  readonly toAddresses!: readonly string[];

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'Whose mailbox it came to.',
  })
  readonly recipientAddress!: string | null;

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description: 'The addresses of recipients in copy, without display names (`ccEmails`).',
  })
  readonly ccAddresses!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description: 'The addresses that an answer would go to, without display names (`replyToEmails`).',
  })
  readonly replyToAddresses!: readonly string[];

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'The address that bounces go to.',
  })
  readonly returnPath!: string | null;

  @RecordValue(() => DateTime, { nullable: true, description: 'When it came (UTC).' })
  readonly receivedTime!: Instant | null;

  @RecordValue(() => DateTime, { nullable: true, description: 'When it was sent (UTC).' })
  readonly sentTime!: Instant | null;

  @RecordValue(() => String, {
    personal: ['addresses'],
    nullable: true,
    description: 'Its `Message-ID` header.',
  })
  readonly internetMessageId!: string | null;

  @ValueField(() => AttackType, { nullable: true, description: 'What kind of attack it is.' })
  get attackType(): AttackType | null {
    return attackTypeOf(this.record.attackTypeRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`attackType` as received.' })
  readonly attackTypeRaw!: string | null;

  @ValueField(() => AttackStrategy, { nullable: true, description: 'How the attacker hides.' })
  get attackStrategy(): AttackStrategy | null {
    return attackStrategyOf(this.record.attackStrategyRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`attackStrategy` as received.' })
  readonly attackStrategyRaw!: string | null;

  @ValueField(() => AttackVector, { nullable: true, description: 'What does the harm.' })
  get attackVector(): AttackVector | null {
    return attackVectorOf(this.record.attackVectorRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`attackVector` as received.' })
  readonly attackVectorRaw!: string | null;

  @ValueField(() => AttackedParty, { nullable: true, description: 'Whom it is aimed at.' })
  get attackedParty(): AttackedParty | null {
    return attackedPartyOf(this.record.attackedPartyRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`attackedParty` as received.' })
  readonly attackedPartyRaw!: string | null;

  @ValueField(() => ImpersonatedParty, { nullable: true, description: 'Whom the attacker pretends to be.' })
  get impersonatedParty(): ImpersonatedParty | null {
    return impersonatedPartyOf(this.record.impersonatedPartyRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`impersonatedParty` as received.' })
  readonly impersonatedPartyRaw!: string | null;

  @ValueField(() => RemediationStatus, { nullable: true, description: 'What Abnormal says was done.' })
  get remediationStatus(): RemediationStatus | null {
    return remediationStateOf(this.record.remediationStatusRaw);
  }

  @RecordValue(() => String, { nullable: true, description: '`remediationStatus` as received.' })
  readonly remediationStatusRaw!: string | null;

  @ValueField(() => MessageRemediationState, {
    description: 'What became of it, derived from all that is said.',
  })
  get remediation(): MessageRemediation {
    return messageRemediation(this.record);
  }

  @RecordValue(() => DateTime, {
    nullable: true,
    description: 'When it was dealt with (UTC; `remediationTimestamp`).',
  })
  readonly remediationTime!: Instant | null;

  @RecordValue(() => Boolean, {
    nullable: true,
    description: 'An older flag: dealt with automatically. `remediationStatus` says more.',
  })
  readonly autoRemediated!: boolean | null;

  @RecordValue(() => Boolean, {
    nullable: true,
    description: 'An older flag: dealt with afterwards. `remediationStatus` says more.',
  })
  readonly postRemediated!: boolean | null;

  @RecordValue(() => Boolean, { nullable: true, description: 'Whether the recipient has read it.' })
  readonly isRead!: boolean | null;

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many attachments Abnormal counts; given to some accounts only.',
  })
  get attachmentCount(): number | null {
    return intOrNull(this.record.attachmentCount);
  }

  @RecordValue(() => [String], { personal: ['attachments'], description: 'The attachments’ file names.' })
  readonly attachmentNames!: readonly string[];

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many links Abnormal counts; need not equal the number of `urls` it sends.',
  })
  get urlCount(): number | null {
    return intOrNull(this.record.urlCount);
  }

  @RecordValue(() => [String], {
    personal: ['urls'],
    description: 'Links in it, as Abnormal sends them. Handle with care.',
  })
  readonly urls!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['texts'],
    description: 'What gave it away, in Abnormal’s words.',
  })
  readonly summaryInsights!: readonly string[];

  @RecordValue(() => String, {
    nullable: true,
    description: 'Abnormal’s judgement of it as received, such as `Attack` (`source`).',
  })
  readonly judgementRaw!: string | null;

  @RecordValue(() => CustomerOverrideNote, {
    nullable: true,
    description: 'What the customer decided otherwise.',
  })
  readonly customerOverride!: CustomerOverride | null;
}

@ObjectType({ simpleResolvers: true, description: 'A page of the messages of a threat, newest first.' })
export class MessageConnection extends connectionOf<Message>(() => Message, 'Message') {}
