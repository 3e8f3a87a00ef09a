import { z } from 'zod';
import type { Fields } from '../../values/filter.js';
import { DAY, type Instant } from '../../values/instant.js';
import type { ResourceDefinition, Unreadable } from '../definition.js';
import { isUnknownBy, shape } from '../known-shapes.js';
import { attackType, judgement } from '../vocabularies.js';
import {
  assertId,
  type Decoded,
  decode,
  instant,
  optionalId,
  type Received,
  requiredId,
  term,
  text,
  unreadParts,
  word,
} from '../wire.js';

export interface CampaignRecord extends Unreadable {
  readonly campaignId: string;
  readonly firstReportedTime: Instant | null;
  readonly lastReportedTime: Instant | null;
  /** The id of the first reported message: a signed 64-bit integer as text. */
  readonly messageId: string | null;
  readonly subject: string | null;
  readonly fromName: string | null;
  readonly fromAddress: string | null;
  readonly recipientName: string | null;
  readonly recipientAddress: string | null;
  readonly judgementStatusRaw: string | null;
  readonly overallStatusRaw: string | null;
  readonly attackTypeRaw: string | null;
}

function campaignFields(campaign: CampaignRecord): Fields {
  const judged = judgement(campaign.judgementStatusRaw);
  return {
    id: campaign.campaignId,
    lastReportedTime: campaign.lastReportedTime,
    firstReportedTime: campaign.firstReportedTime,
    judgement: judged,
    scanning: judged === 'SCANNING',
    attackType: attackType(campaign.attackTypeRaw),
    subject: campaign.subject,
    fromAddress: campaign.fromAddress,
    recipientAddress: campaign.recipientAddress,
    messageId: campaign.messageId,
  };
}

export const campaignSchema = z.object({
  campaignId: requiredId,
  firstReported: instant,
  lastReported: instant,
  messageId: optionalId,
  subject: text,
  fromName: text,
  fromAddress: word,
  recipientName: text,
  recipientAddress: word,
  judgementStatus: term,
  overallStatus: term,
  attackType: term,
});

export function decodeCampaign(id: string, detail: Received): Decoded<CampaignRecord> {
  const what = `the campaign ${id}`;
  const raw = decode(campaignSchema, detail, what);
  assertId(id, raw.campaignId, detail, what);
  const record: CampaignRecord = {
    campaignId: raw.campaignId,
    firstReportedTime: raw.firstReported,
    lastReportedTime: raw.lastReported,
    messageId: raw.messageId,
    subject: raw.subject,
    fromName: raw.fromName,
    fromAddress: raw.fromAddress,
    recipientName: raw.recipientName,
    recipientAddress: raw.recipientAddress,
    judgementStatusRaw: raw.judgementStatus,
    overallStatusRaw: raw.overallStatus,
    attackTypeRaw: raw.attackType,
  };
  return { record, payload: detail.json, unread: unreadParts(campaignSchema.shape, detail.json) };
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
  fields: {
    id: { type: 'text', order: true },
    lastReportedTime: { type: 'instant', order: true },
    firstReportedTime: { type: 'instant', order: true },
    judgement: { type: 'text' },
    scanning: { type: 'boolean' },
    attackType: { type: 'text' },
    subject: { type: 'text' },
    fromAddress: { type: 'text' },
    recipientAddress: { type: 'text' },
    messageId: { type: 'text', reference: true },
  },
  fieldsOf: campaignFields,
  searchedBy: ['fromAddress', 'recipientAddress'],
  facets: {
    fields: { fromName: { type: 'text' }, recipientName: { type: 'text' }, overallStatus: { type: 'text' } },
    of: ({ fromName, recipientName, overallStatusRaw }) => ({
      ...{ fromName, recipientName, overallStatus: overallStatusRaw },
    }),
  },
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
