import { attackType, judgement } from '../../resources/vocabularies.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { AttackType, Judgement } from '../records/vocabulary.enums.js';

const RecordValue = valueFieldFrom('record');

@OutputType(
  'An abuse-mailbox campaign: messages that users reported, and Abnormal’s judgement (`/abusecampaigns/{id}`). The account needs the abuse mailbox add-on.',
  { implements: [Node, RecordNode] },
)
export class Campaign extends RecordNode<'campaign'> {
  @RecordValue.id('Abnormal’s id of the campaign (`campaignId`).')
  readonly campaignId!: string;

  @RecordValue.instantOrNull(
    'When the campaign was first reported (UTC; `firstReported`); null if Abnormal gives no time.',
  )
  readonly firstReportedTime!: Instant | null;

  @RecordValue.instantOrNull(
    'When the campaign was last reported (UTC; `lastReported`); null if Abnormal gives no time. Campaigns are collected and ordered by this time.',
  )
  readonly lastReportedTime!: Instant | null;

  @RecordValue.idOrNull(
    'Id of the first reported message (`messageId`): a signed 64-bit integer as text. Null if Abnormal gives none.',
  )
  readonly messageId!: string | null;

  @RecordValue.textOrNull('Subject of the reported message (`subject`); null if Abnormal gives none.', {
    personal: ['subject'],
  })
  readonly subject!: string | null;

  @RecordValue.textOrNull('Display name of the sender (`fromName`); null if Abnormal gives none.', {
    personal: ['names'],
  })
  readonly fromName!: string | null;

  @RecordValue.textOrNull('E-mail address of the sender (`fromAddress`); null if Abnormal gives none.', {
    personal: ['addresses'],
  })
  readonly fromAddress!: string | null;

  @RecordValue.textOrNull('Display name of the recipient (`recipientName`); null if Abnormal gives none.', {
    personal: ['names'],
  })
  readonly recipientName!: string | null;

  @RecordValue.textOrNull(
    'E-mail address of the recipient (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  )
  readonly recipientAddress!: string | null;

  @ValueField(() => Judgement, {
    nullable: true,
    description: 'Abnormal’s judgement (`judgementStatus`); null if Abnormal gives none.',
  })
  get judgement(): Judgement | null {
    return judgement(this.record.judgementStatusRaw);
  }

  @RecordValue.textOrNull('`judgementStatus` as received.', { from: 'judgementStatusRaw' })
  readonly judgementRaw!: string | null;

  @RecordValue.textOrNull(
    'The action taken, as received (`overallStatus`), such as `Auto-Remediated` or `No Action Needed`.',
  )
  readonly overallStatusRaw!: string | null;

  @ValueField(() => AttackType, {
    nullable: true,
    description:
      'Attack type without its prefix (`attackType`); null unless the campaign was judged malicious or spam.',
  })
  get attackType(): AttackType | null {
    return attackType(this.record.attackTypeRaw);
  }

  @RecordValue.textOrNull('`attackType` as received, including the prefix.')
  readonly attackTypeRaw!: string | null;
}

export const campaignList = recordListOf('campaign', Campaign, {
  page: 'A page of a list of campaigns.',
  filter: {
    id: 'Abnormal’s id',
    lastReportedTime: 'when the campaign was last reported',
    firstReportedTime: 'when the campaign was first reported',
    judgement: { type: Judgement, by: 'Abnormal’s judgement' },
    scanning: 'whether the campaign is still undecided',
    attackType: { type: AttackType, by: 'attack type' },
    subject: 'the reported message’s subject',
    fromAddress: 'the sender’s address',
    recipientAddress: 'the recipient’s address',
    messageId: 'Abnormal’s id of the first reported message',
    fromName: 'the sender’s display name',
    recipientName: 'the recipient’s display name',
    overallStatus: { name: 'overallStatusRaw', by: 'the action taken, as received' },
  },
  order: {
    id: 'Abnormal’s id, as text.',
    lastReportedTime: 'When the campaign was last reported: the default.',
    firstReportedTime: 'When the campaign was first reported.',
  },
});
