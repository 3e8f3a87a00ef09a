import { z } from 'zod';
import type { Message } from '../records.js';
import {
  addresses,
  flag,
  instant,
  integer,
  optionalId,
  optionalObject,
  term,
  text,
  texts,
  word,
} from '../scalars.js';

export const overrideShape = { overrideType: term, reason: text, overrideJudgement: term, value: text };

/** One message of a threat's detail. What it does not name stays in the payload only. */
export const messageSchema = z.object({
  abxMessageId: optionalId,
  abxMessageIdStr: optionalId,
  abxPortalUrl: word,
  threatId: word,
  subject: text,
  fromAddress: word,
  fromName: text,
  senderDomain: word,
  senderIpAddress: word,
  toAddresses: addresses,
  recipientAddress: word,
  ccEmails: addresses,
  replyToEmails: addresses,
  returnPath: word,
  receivedTime: instant,
  sentTime: instant,
  internetMessageId: word,
  attackType: term,
  attackStrategy: term,
  attackVector: term,
  attackedParty: term,
  impersonatedParty: term,
  remediationStatus: term,
  remediationTimestamp: instant,
  autoRemediated: flag,
  postRemediated: flag,
  isRead: flag,
  attachmentCount: integer,
  attachmentNames: texts,
  urlCount: integer,
  urls: texts,
  summaryInsights: texts,
  source: term,
  tenantId: word,
  tenantName: word,
  customerOverride: optionalObject(overrideShape),
});

type RawMessage = z.infer<typeof messageSchema>;

/** A message as the gateway knows it; without any id it is not one. */
export const decodedMessage = messageSchema.transform((raw, context): Message => {
  const messageId = messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, raw.abxPortalUrl);
  if (messageId !== null) return toMessage(messageId, raw);
  context.issues.push({
    code: 'custom',
    message: 'neither abxMessageIdStr nor abxMessageId holds an id',
    input: raw,
  });
  return z.NEVER;
});

/**
 * A message's id: the text where there is one. The deprecated integer is exact here, but some accounts send it
 * already rounded to a double, which makes different messages look like one; the portal's address ends in the
 * whole id, and counts when it is the same number but for that rounding.
 */
export function messageIdOf(
  text: string | null,
  integer: string | null,
  portalUrl: string | null,
): string | null {
  if (text !== null) return text;
  const inUrl = /(-?\d{1,20})\/?$/.exec(portalUrl ?? '')?.[1];
  if (integer === null || inUrl === undefined || Number.isSafeInteger(Number(integer))) return integer;
  return Number(inUrl) === Number(integer) ? inUrl : integer;
}

function toMessage(messageId: string, raw: RawMessage): Message {
  return {
    messageId,
    portalUrl: raw.abxPortalUrl,
    subject: raw.subject,
    fromAddress: raw.fromAddress,
    fromName: raw.fromName,
    senderDomain: raw.senderDomain,
    senderIpAddress: raw.senderIpAddress,
    toAddresses: raw.toAddresses,
    recipientAddress: raw.recipientAddress,
    ccAddresses: raw.ccEmails,
    replyToAddresses: raw.replyToEmails,
    returnPath: raw.returnPath,
    receivedTime: raw.receivedTime,
    sentTime: raw.sentTime,
    internetMessageId: raw.internetMessageId,
    attackTypeRaw: raw.attackType,
    attackStrategyRaw: raw.attackStrategy,
    attackVectorRaw: raw.attackVector,
    attackedPartyRaw: raw.attackedParty,
    impersonatedPartyRaw: raw.impersonatedParty,
    remediationStatusRaw: raw.remediationStatus,
    remediationTime: raw.remediationTimestamp,
    autoRemediated: raw.autoRemediated,
    postRemediated: raw.postRemediated,
    isRead: raw.isRead,
    attachmentCount: raw.attachmentCount,
    attachmentNames: raw.attachmentNames,
    urlCount: raw.urlCount,
    urls: raw.urls,
    summaryInsights: raw.summaryInsights,
    judgementRaw: raw.source,
    customerOverride: raw.customerOverride,
  };
}
