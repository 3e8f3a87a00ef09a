import { z } from 'zod';
import { DAY } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable, type RecordBy, recordTable } from '../record-table.js';
import { attackType, judgement } from '../vocabularies.js';
import * as wire from '../wire.js';

const campaign = recordTable({
  campaignId: ['campaignId', wire.requiredId],
  firstReportedTime: ['firstReported', wire.instant],
  lastReportedTime: ['lastReported', wire.instant],
  /** The id of the first reported message: a signed 64-bit integer as text. */
  messageId: ['messageId', wire.optionalId],
  subject: ['subject', wire.text],
  fromName: ['fromName', wire.text],
  fromAddress: ['fromAddress', wire.word],
  recipientName: ['recipientName', wire.text],
  recipientAddress: ['recipientAddress', wire.word],
  judgementStatusRaw: ['judgementStatus', wire.term],
  overallStatusRaw: ['overallStatus', wire.term],
  attackTypeRaw: ['attackType', wire.term],
});

export type CampaignRecord = RecordBy<typeof campaign> & Unreadable;

const fields = fieldTable<CampaignRecord>()({
  id: { type: 'text', order: true, by: ({ campaignId }) => campaignId },
  lastReportedTime: { type: 'instant', order: true },
  firstReportedTime: { type: 'instant', order: true },
  judgement: { type: 'text', by: ({ judgementStatusRaw }) => judgement(judgementStatusRaw) },
  scanning: { type: 'boolean', by: ({ judgementStatusRaw }) => judgement(judgementStatusRaw) === 'SCANNING' },
  attackType: { type: 'text', by: ({ attackTypeRaw }) => attackType(attackTypeRaw) },
  subject: { type: 'text' },
  fromAddress: { type: 'text' },
  recipientAddress: { type: 'text' },
  messageId: { type: 'text', reference: true },
});

export const campaignSchema = z.object(campaign.shape);

export function decodeCampaign(id: string, detail: wire.Received): wire.Decoded<CampaignRecord> {
  const what = `the campaign ${id}`;
  const raw = wire.decode(campaignSchema, detail, what);
  wire.assertId(id, raw.campaignId, detail, what);
  return {
    record: campaign.toRecord(raw),
    payload: detail.json,
    unread: wire.unreadParts(campaignSchema.shape, detail.json),
  };
}

export const campaignDefinition = {
  kind: 'campaign',
  resource: 'campaigns',
  graphType: 'Campaign',
  upstream: {
    // the vendor's document names the first, some clients the second
    listPaths: ['/abusecampaigns', '/abuse-mailbox/campaigns'],
    collectionKey: 'campaigns',
    idField: 'campaignId',
    detail: 'SINGLE',
    availability: 'ADD_ON',
  },
  decode: (id, { pages }) => decodeCampaign(id, pages[0]),
  shapes: [
    {
      name: 'campaign',
      shape: shape(campaignSchema.shape, {
        judgementStatus: isUnknownBy(judgement),
        attackType: isUnknownBy(attackType),
      }),
      at: null,
    },
  ],
  parts: [],
  streams: [
    { filterKey: 'lastReportedTime', timesOf: ({ lastReportedTime: at }) => (at === null ? [] : [at]) },
  ],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: ['fromAddress', 'recipientAddress'],
  facets: fieldTable<CampaignRecord>()({
    fromName: { type: 'text' },
    recipientName: { type: 'text' },
    overallStatus: { type: 'text', by: ({ overallStatusRaw }) => overallStatusRaw },
  }),
  defaultOrder: 'lastReportedTime',
  earliestField: 'lastReportedTime',
  unsettledField: 'scanning',
  population: { changesMoveRecords: true, export: null },
  evidence: { versions: 'EACH', times: ['firstReportedTime', 'lastReportedTime'] },
  collection: 'CORE',
  polling: { variable: 'POLL_CAMPAIGNS_EVERY', defaultMs: DAY, threshold: 'pollCampaignsEvery' },
  shownAs: { judgementStatusRaw: 'judgementRaw' },
  texts: {
    record: 'An abuse-mailbox campaign.',
    resource: 'Abuse-mailbox campaigns, by when they were last reported.',
    list: 'The list of abuse-mailbox campaigns.',
    order: 'last reported first',
  },
} as const satisfies ResourceDefinition<CampaignRecord>;
