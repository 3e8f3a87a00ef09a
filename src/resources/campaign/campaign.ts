import { z } from 'zod';
import { assertId, decode, type Received, unreadParts } from '../decode.js';
import type { Campaign } from '../records.js';
import { instant, optionalId, requiredId, term, text, word } from '../scalars.js';
import type { Decoded } from '../threat/threat-part.js';

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

export function decodeCampaign(id: string, detail: Received): Decoded<Campaign> {
  const what = `the campaign ${id}`;
  const raw = decode(campaignSchema, detail, what);
  assertId(id, raw.campaignId, detail, what);
  const record: Campaign = {
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
