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
import { intOrNull } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { recordConnectionOf } from '../lists/connection.js';
import type { View } from '../lists/view.js';
import { Node } from '../records/record.type.js';
import {
  AttackedParty,
  AttackStrategy,
  AttackType,
  AttackVector,
  ImpersonatedParty,
  MessageRemediationState,
  RemediationStatus,
} from '../records/vocabulary.enums.js';

@OutputType('A rule or decision of the customer that overrides Abnormal’s judgement (`customerOverride`).', {
  name: 'CustomerOverride',
})
class CustomerOverrideNote implements CustomerOverride {
  @ValueField.textOrNull('Kind of override, as received (`overrideType`).')
  readonly overrideType!: string | null;

  @ValueField.textOrNull('Reason, as received (`reason`).', { personal: ['texts'] })
  readonly reason!: string | null;

  @ValueField.textOrNull('The judgement that counts instead, as received (`overrideJudgement`).')
  readonly overrideJudgement!: string | null;

  @ValueField.textOrNull('The matched value, as received (`value`).', { personal: ['texts'] })
  readonly value!: string | null;
}

const RecordValue = valueFieldFrom('record');

@OutputType(
  'One e-mail of a threat in one mailbox, from `GET /threats/{id}`. The same e-mail to several recipients is several messages.',
  { implements: Node },
)
export class Message extends Node {
  constructor(
    readonly record: MessageRecord,
    /** The version of the threat that it is from. */
    readonly from: RevisionRecord<'threat'>,
    /** The view that it is read in. */
    readonly view: View,
    private readonly goneSince: Instant | null = null,
  ) {
    super();
  }

  @ValueField.id(
    'Global id, unique over all types and integrations. It does not change. Opaque; Abnormal’s id is `messageId`.',
  )
  get id(): string {
    const { integration, id } = this.from.key;
    return toGlobalId('Message', integration, JSON.stringify([id, this.messageId, ...this.repetition()]));
  }

  /** Two messages of a threat can have one id of Abnormal's: then the number of those before this one. */
  private repetition(): number[] {
    const { messages } = this.from.record;
    const before = messages.slice(0, Math.max(messages.indexOf(this.record), 0));
    const { length } = before.filter(({ messageId }) => messageId === this.messageId);
    return length === 0 ? [] : [length];
  }

  @ValueField.instantOrNull(
    'Since when Abnormal no longer returns the message with its threat (UTC): the first complete version without it, or the threat’s deletion. Null while Abnormal returns it; only `messages(recorded: ALL)` gives other values.',
  )
  get noLongerGivenSince(): Instant | null {
    return this.goneSince;
  }

  @RecordValue.id('Abnormal’s id of the message (`abxMessageIdStr`): a signed 64-bit integer as text.')
  readonly messageId!: string;

  @RecordValue.textOrNull(
    'Link to the message in Abnormal’s portal (`abxPortalUrl`); null if Abnormal gives none.',
  )
  readonly portalUrl!: string | null;

  @RecordValue.textOrNull('Subject (`subject`); null if Abnormal gives none.', { personal: ['subject'] })
  readonly subject!: string | null;

  @RecordValue.textOrNull(
    'E-mail address of the sender (`fromAddress`); Abnormal cuts it at 256 characters. Null if Abnormal gives none.',
    { personal: ['addresses'] },
  )
  readonly fromAddress!: string | null;

  @RecordValue.textOrNull('Display name of the sender (`fromName`); null if Abnormal gives none.', {
    personal: ['names'],
  })
  readonly fromName!: string | null;

  @RecordValue.textOrNull(
    'Domain of the sender (`senderDomain`); null for accounts to which Abnormal does not return it.',
    { personal: ['addresses'] },
  )
  readonly senderDomain!: string | null;

  @RecordValue.textOrNull('IP address of the sender (`senderIpAddress`); null if Abnormal gives none.', {
    personal: ['locations'],
  })
  readonly senderIpAddress!: string | null;

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description:
      'Addresses of all recipients in the header, without display names (`toAddresses`). Abnormal cuts the list at 255 characters; a part that is no address, such as a cut last one, is kept as text.',
  })
  readonly toAddresses!: readonly string[];

  @RecordValue.textOrNull(
    'E-mail address of the mailbox that received the message (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  )
  readonly recipientAddress!: string | null;

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description: 'Addresses of recipients in copy, without display names (`ccEmails`).',
  })
  readonly ccAddresses!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['addresses'],
    description: 'Addresses that a reply goes to, without display names (`replyToEmails`).',
  })
  readonly replyToAddresses!: readonly string[];

  @RecordValue.textOrNull('Address that bounces go to (`returnPath`); null if Abnormal gives none.', {
    personal: ['addresses'],
  })
  readonly returnPath!: string | null;

  @RecordValue.instantOrNull(
    'When the message was received (UTC; `receivedTime`); null if Abnormal gives no time.',
  )
  readonly receivedTime!: Instant | null;

  @RecordValue.instantOrNull('When the message was sent (UTC; `sentTime`); null if Abnormal gives no time.')
  readonly sentTime!: Instant | null;

  @RecordValue.textOrNull('The `Message-ID` header (`internetMessageId`); null if Abnormal gives none.', {
    personal: ['addresses'],
  })
  readonly internetMessageId!: string | null;

  @ValueField(() => AttackType, {
    nullable: true,
    description: 'Attack type (`attackType`); null if Abnormal gives none.',
  })
  get attackType(): AttackType | null {
    return attackType(this.record.attackTypeRaw);
  }

  @RecordValue.textOrNull('`attackType` as received.')
  readonly attackTypeRaw!: string | null;

  @ValueField(() => AttackStrategy, {
    nullable: true,
    description:
      'How the attacker hides the sender’s identity (`attackStrategy`); null if Abnormal gives none.',
  })
  get attackStrategy(): AttackStrategy | null {
    return attackStrategy(this.record.attackStrategyRaw);
  }

  @RecordValue.textOrNull('`attackStrategy` as received.')
  readonly attackStrategyRaw!: string | null;

  @ValueField(() => AttackVector, {
    nullable: true,
    description: 'The harmful part of the message (`attackVector`); null if Abnormal gives none.',
  })
  get attackVector(): AttackVector | null {
    return attackVector(this.record.attackVectorRaw);
  }

  @RecordValue.textOrNull('`attackVector` as received.')
  readonly attackVectorRaw!: string | null;

  @ValueField(() => AttackedParty, {
    nullable: true,
    description: 'Who the attack targets (`attackedParty`); null if Abnormal gives none.',
  })
  get attackedParty(): AttackedParty | null {
    return attackedParty(this.record.attackedPartyRaw);
  }

  @RecordValue.textOrNull('`attackedParty` as received.')
  readonly attackedPartyRaw!: string | null;

  @ValueField(() => ImpersonatedParty, { nullable: true, description: 'Who the attacker pretends to be.' })
  get impersonatedParty(): ImpersonatedParty | null {
    return impersonatedParty(this.record.impersonatedPartyRaw);
  }

  @RecordValue.textOrNull('`impersonatedParty` as received.')
  readonly impersonatedPartyRaw!: string | null;

  @ValueField(() => RemediationStatus, {
    nullable: true,
    description:
      'The action taken, according to Abnormal (`remediationStatus`); null if Abnormal gives none.',
  })
  get remediationStatus(): RemediationStatus | null {
    return remediationState(this.record.remediationStatusRaw);
  }

  @RecordValue.textOrNull('`remediationStatus` as received.')
  readonly remediationStatusRaw!: string | null;

  @ValueField(() => MessageRemediationState, {
    description:
      'Remediation state, derived by the gateway from the status, the remediation time and the two older flags.',
  })
  get remediation(): MessageRemediation {
    return messageRemediation(this.record);
  }

  @RecordValue.instantOrNull(
    'When the message was remediated (UTC; `remediationTimestamp`); null if Abnormal gives no time.',
  )
  readonly remediationTime!: Instant | null;

  @RecordValue.booleanOrNull(
    'Older flag for automatic remediation (`autoRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  )
  readonly autoRemediated!: boolean | null;

  @RecordValue.booleanOrNull(
    'Older flag for later remediation (`postRemediated`); `remediationStatus` is more precise. Null if Abnormal gives none.',
  )
  readonly postRemediated!: boolean | null;

  @RecordValue.booleanOrNull(
    'Whether the recipient has read the message (`isRead`); null if Abnormal gives none.',
  )
  readonly isRead!: boolean | null;

  @ValueField.intOrNull(
    'Number of attachments that Abnormal counts (`attachmentCount`); null for accounts to which Abnormal does not return it.',
  )
  get attachmentCount(): number | null {
    return intOrNull(this.record.attachmentCount);
  }

  @RecordValue(() => [String], {
    personal: ['attachments'],
    description: 'File names of the attachments (`attachmentNames`).',
  })
  readonly attachmentNames!: readonly string[];

  @ValueField.intOrNull(
    'Number of links that Abnormal counts (`urlCount`); may differ from the number of `urls`. Null if Abnormal gives none.',
  )
  get urlCount(): number | null {
    return intOrNull(this.record.urlCount);
  }

  @RecordValue(() => [String], {
    personal: ['urls'],
    description: 'Links in the message, as received (`urls`). They may be malicious: do not open them.',
  })
  readonly urls!: readonly string[];

  @RecordValue(() => [String], {
    personal: ['texts'],
    description: 'Reasons for the judgement, in Abnormal’s words (`summaryInsights`).',
  })
  readonly summaryInsights!: readonly string[];

  @RecordValue.textOrNull('Abnormal’s judgement of the message, as received, such as `Attack` (`source`).')
  readonly judgementRaw!: string | null;

  @ValueField.textOrNull(
    'Name of the tenant of the threat, or its number if it has no name (`tenantName`, `tenantId`); null if Abnormal gives neither.',
  )
  get tenant(): string | null {
    const { tenantName, tenantId } = this.from.record;
    return tenantName ?? tenantId;
  }

  @RecordValue(() => CustomerOverrideNote, {
    nullable: true,
    description:
      'The customer’s decision that overrides Abnormal’s judgement (`customerOverride`); null if there is none.',
  })
  readonly customerOverride!: CustomerOverride | null;
}

export const MessageConnection = recordConnectionOf<Message>(
  () => Message,
  'Message',
  'A page of messages: of one threat, newest first, or of all threats.',
);
