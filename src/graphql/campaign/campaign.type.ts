import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { attackType, judgement } from '../../resources/vocabularies.js';
import { OutputType, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { AttackType, Judgement } from '../records/vocabulary.enums.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';
import { Threat } from '../threat/threat.type.js';

@OutputType(
  'An abuse-mailbox campaign: messages that users reported, and Abnormal’s judgement (`/abusecampaigns/{id}`). The account needs the abuse mailbox add-on.',
  { implements: [Node, RecordNode] },
)
export class Campaign extends RecordNode<'campaign'> {}

showFields(Campaign, 'record', {
  campaignId: Value.id('Abnormal’s id of the campaign (`campaignId`).'),
  firstReportedTime: Value.instantOrNull(
    'When the campaign was first reported (UTC; `firstReported`); null if Abnormal gives no time.',
  ),
  lastReportedTime: Value.instantOrNull(
    'When the campaign was last reported (UTC; `lastReported`); null if Abnormal gives no time. Campaigns are collected and ordered by this time.',
  ),
  messageId: Value.idOrNull(
    'Id of the first reported message (`messageId`): a signed 64-bit integer as text. Null if Abnormal gives none.',
  ),
  subject: Value.textOrNull('Subject of the reported message (`subject`); null if Abnormal gives none.', {
    personal: ['subject'],
  }),
  fromName: Value.textOrNull('Display name of the sender (`fromName`); null if Abnormal gives none.', {
    personal: ['names'],
  }),
  fromAddress: Value.textOrNull(
    'E-mail address of the sender (`fromAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  recipientName: Value.textOrNull(
    'Display name of the recipient (`recipientName`); null if Abnormal gives none.',
    { personal: ['names'] },
  ),
  recipientAddress: Value.textOrNull(
    'E-mail address of the recipient (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  judgement: Value.enumOrNull(
    () => Judgement,
    'Abnormal’s judgement (`judgementStatus`); null if Abnormal gives none.',
    { by: (record) => judgement(record.judgementStatusRaw) },
  ),
  judgementRaw: Value.textOrNull('`judgementStatus` as received.', {
    by: (record) => record.judgementStatusRaw,
  }),
  overallStatusRaw: Value.textOrNull(
    'The action taken, as received (`overallStatus`), such as `Auto-Remediated` or `No Action Needed`.',
  ),
  attackType: Value.enumOrNull(
    () => AttackType,
    'Attack type without its prefix (`attackType`); null unless the campaign was judged malicious or spam.',
    { by: (record) => attackType(record.attackTypeRaw) },
  ),
  attackTypeRaw: Value.textOrNull('`attackType` as received, including the prefix.'),
});

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

export const CampaignStatisticsResolver = statisticsOf(campaignList, {
  plural: 'campaigns',
  times: {
    FIRST_REPORTED: { field: 'firstReportedTime', description: 'When the campaign was first reported.' },
    LAST_REPORTED: { field: 'lastReportedTime', description: 'When the campaign was last reported.' },
  },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    AGE: BY_AGE,
    JUDGEMENT: { field: 'judgement', description: 'Abnormal’s judgement.' },
    ATTACK_TYPE: { field: 'attackType', description: 'Attack type.' },
    OVERALL_STATUS: { field: 'overallStatus', description: 'The action taken, as received.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'E-mail address of the sender.' },
    SENDER_NAME: { field: 'fromName', description: 'Display name of the sender.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'E-mail address of the recipient.' },
    SUBJECT: { field: 'subject', description: 'Subject.' },
  },
  distinct: {
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Recipients.' },
    SENDER_ADDRESS: { field: 'fromAddress', description: 'Senders.' },
  },
  durations: {
    REPORTED_TO_JUDGED: {
      measure: {
        ...{ from: 'firstReportedTime', to: null },
        state: { field: 'scanning', pending: [true], none: [] },
      },
      bound: 'AT_MOST',
      description: 'From the first report until the gateway first saw a judgement.',
    },
  },
});

@Resolver(() => Campaign)
export class CampaignResolver {
  @FieldResolver(() => Threat, {
    nullable: true,
    description:
      'The threat that contains the reported message, in the same view; null if no stored threat contains it. Derived by the gateway from the message’s id; Abnormal does not return it.',
  })
  threat(@Root() root: Campaign, @Ctx() context: GatewayContext): Promise<Threat | null> {
    return threatOfCampaign(root, context.trackedServices);
  }
}

/** The stored threat that has a campaign's message; if several have it, the first by id. */
async function threatOfCampaign(root: Campaign, services: RequestServices): Promise<Threat | null> {
  const { messageId } = root.record;
  if (messageId === null) return null;
  const [revision] = await services.loaders.referrers.load({
    ...{ kind: 'threat', field: 'messageId', value: messageId },
    ...{ integration: root.revision.key.integration, seq: root.view.seq },
  });
  return revision ? new Threat(revision, root.view) : null;
}
