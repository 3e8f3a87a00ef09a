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
  description: 'A rule or decision of the customer that overrides Abnormal’s judgement (`customerOverride`).',
})
export class CustomerOverrideNote implements CustomerOverride {
  @ValueField(() => String, {
    nullable: true,
    description: 'Kind of override, as received (`overrideType`).',
  })
  readonly overrideType!: string | null;

  @ValueField(() => String, { nullable: true, description: 'Reason, as received (`reason`).' })
  readonly reason!: string | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'The judgement that counts instead, as received (`overrideJudgement`).',
  })
  readonly overrideJudgement!: string | null;

  @ValueField(() => String, { nullable: true, description: 'The matched value, as received (`value`).' })
  readonly value!: string | null;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'One e-mail of a threat in one mailbox, from `GET /threats/{id}`. The same e-mail to several recipients is several messages.',
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
      'Since when Abnormal no longer returns the message with its threat (UTC): the first complete version without it, or the threat’s deletion. Null while Abnormal returns it; only `messages(recorded: ALL)` gives other values.',
  })
  get noLongerGivenSince(): Instant | null {
    return this.goneSince;
  }

  @ValueField(() => ID, {
    description: 'Abnormal’s id of the message (`abxMessageIdStr`): a signed 64-bit integer as text.',
  })
  get messageId(): string {
    return this.record.messageId;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Link to the message in Abnormal’s portal (`abxPortalUrl`); null if Abnormal gives none.',
  })
  get portalUrl(): string | null {
    return this.record.portalUrl;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Subject (`subject`); null if Abnormal gives none.',
  })
  get subject(): string | null {
    return this.record.subject;
  }

  @ValueField(() => String, {
    nullable: true,
    description:
      'E-mail address of the sender (`fromAddress`); Abnormal cuts it at 256 characters. Null if Abnormal gives none.',
  })
  get fromAddress(): string | null {
    return this.record.fromAddress;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Display name of the sender (`fromName`); null if Abnormal gives none.',
  })
  get fromName(): string | null {
    return this.record.fromName;
  }

  @ValueField(() => String, {
    nullable: true,
    description:
      'Domain of the sender (`senderDomain`); null for accounts to which Abnormal does not return it.',
  })
  get senderDomain(): string | null {
    return this.record.senderDomain;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'IP address of the sender (`senderIpAddress`); null if Abnormal gives none.',
  })
  get senderIpAddress(): string | null {
    return this.record.senderIpAddress;
  }

  @ValueField(() => [String], {
    description:
      'Addresses of all recipients in the header, without display names (`toAddresses`). Abnormal cuts the list at 255 characters; a part that is no address, such as a cut last one, is kept as text.',
  })
  get toAddresses(): readonly string[] {
    return this.record.toAddresses;
  }

  @ValueField(() => String, {
    nullable: true,
    description:
      'E-mail address of the mailbox that received the message (`recipientAddress`); null if Abnormal gives none.',
  })
  get recipientAddress(): string | null {
    return this.record.recipientAddress;
  }

  @ValueField(() => [String], {
    description: 'Addresses of recipients in copy, without display names (`ccEmails`).',
  })
  get ccAddresses(): readonly string[] {
    return this.record.ccAddresses;
  }

  @ValueField(() => [String], {
    description: 'Addresses that a reply goes to, without display names (`replyToEmails`).',
  })
  get replyToAddresses(): readonly string[] {
    return this.record.replyToAddresses;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Address that bounces go to (`returnPath`); null if Abnormal gives none.',
  })
  get returnPath(): string | null {
    return this.record.returnPath;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the message was received (UTC; `receivedTime`); null if Abnormal gives no time.',
  })
  get receivedTime(): Instant | null {
    return this.record.receivedTime;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the message was sent (UTC; `sentTime`); null if Abnormal gives no time.',
  })
  get sentTime(): Instant | null {
    return this.record.sentTime;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'The `Message-ID` header (`internetMessageId`); null if Abnormal gives none.',
  })
  get internetMessageId(): string | null {
    return this.record.internetMessageId;
  }

  @ValueField(() => AttackType, {
    nullable: true,
    description: 'Attack type (`attackType`); null if Abnormal gives none.',
  })
  get attackType(): AttackType | null {
    return attackTypeOf(this.record.attackTypeRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackType` as received.' })
  get attackTypeRaw(): string | null {
    return this.record.attackTypeRaw;
  }

  @ValueField(() => AttackStrategy, {
    nullable: true,
    description:
      'How the attacker hides the sender’s identity (`attackStrategy`); null if Abnormal gives none.',
  })
  get attackStrategy(): AttackStrategy | null {
    return attackStrategyOf(this.record.attackStrategyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackStrategy` as received.' })
  get attackStrategyRaw(): string | null {
    return this.record.attackStrategyRaw;
  }

  @ValueField(() => AttackVector, {
    nullable: true,
    description: 'The harmful part of the message (`attackVector`); null if Abnormal gives none.',
  })
  get attackVector(): AttackVector | null {
    return attackVectorOf(this.record.attackVectorRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackVector` as received.' })
  get attackVectorRaw(): string | null {
    return this.record.attackVectorRaw;
  }

  @ValueField(() => AttackedParty, {
    nullable: true,
    description: 'Who the attack targets (`attackedParty`); null if Abnormal gives none.',
  })
  get attackedParty(): AttackedParty | null {
    return attackedPartyOf(this.record.attackedPartyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`attackedParty` as received.' })
  get attackedPartyRaw(): string | null {
    return this.record.attackedPartyRaw;
  }

  @ValueField(() => ImpersonatedParty, { nullable: true, description: 'Who the attacker pretends to be.' })
  get impersonatedParty(): ImpersonatedParty | null {
    return impersonatedPartyOf(this.record.impersonatedPartyRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`impersonatedParty` as received.' })
  get impersonatedPartyRaw(): string | null {
    return this.record.impersonatedPartyRaw;
  }

  @ValueField(() => RemediationStatus, {
    nullable: true,
    description:
      'The action taken, according to Abnormal (`remediationStatus`); null if Abnormal gives none.',
  })
  get remediationStatus(): RemediationStatus | null {
    return remediationStateOf(this.record.remediationStatusRaw);
  }

  @ValueField(() => String, { nullable: true, description: '`remediationStatus` as received.' })
  get remediationStatusRaw(): string | null {
    return this.record.remediationStatusRaw;
  }

  @ValueField(() => MessageRemediationState, {
    description:
      'Remediation state, derived by the gateway from the status, the remediation time and the two older flags.',
  })
  get remediation(): MessageRemediation {
    return messageRemediation(this.record);
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description:
      'When the message was remediated (UTC; `remediationTimestamp`); null if Abnormal gives no time.',
  })
  get remediationTime(): Instant | null {
    return this.record.remediationTime;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description:
      'Older flag for automatic remediation (`autoRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  })
  get autoRemediated(): boolean | null {
    return this.record.autoRemediated;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description:
      'Older flag for later remediation (`postRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  })
  get postRemediated(): boolean | null {
    return this.record.postRemediated;
  }

  @ValueField(() => Boolean, {
    nullable: true,
    description: 'Whether the recipient has read the message (`isRead`); null if Abnormal gives none.',
  })
  get isRead(): boolean | null {
    return this.record.isRead;
  }

  @ValueField(() => Int, {
    nullable: true,
    description:
      'Number of attachments that Abnormal counts (`attachmentCount`); null for accounts to which Abnormal does not return it.',
  })
  get attachmentCount(): number | null {
    return intOrNull(this.record.attachmentCount);
  }

  @ValueField(() => [String], { description: 'File names of the attachments (`attachmentNames`).' })
  get attachmentNames(): readonly string[] {
    return this.record.attachmentNames;
  }

  @ValueField(() => Int, {
    nullable: true,
    description:
      'Number of links that Abnormal counts (`urlCount`); may differ from the number of `urls`. Null if Abnormal gives none.',
  })
  get urlCount(): number | null {
    return intOrNull(this.record.urlCount);
  }

  @ValueField(() => [String], {
    description: 'Links in the message, as received (`urls`). They may be malicious: do not open them.',
  })
  get urls(): readonly string[] {
    return this.record.urls;
  }

  @ValueField(() => [String], {
    description: 'Reasons for the judgement, in Abnormal’s words (`summaryInsights`).',
  })
  get summaryInsights(): readonly string[] {
    return this.record.summaryInsights;
  }

  @ValueField(() => String, {
    nullable: true,
    description: 'Abnormal’s judgement of the message, as received, such as `Attack` (`source`).',
  })
  get judgementRaw(): string | null {
    return this.record.judgementRaw;
  }

  @ValueField(() => CustomerOverrideNote, {
    nullable: true,
    description:
      'The customer’s decision that overrides Abnormal’s judgement (`customerOverride`); null if there is none.',
  })
  get customerOverride(): CustomerOverride | null {
    return this.record.customerOverride;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of the messages of a threat, newest first.' })
export class MessageConnection extends connectionOf<Message>(() => Message, 'Message') {}
