import { z } from 'zod';
import type { ThreatAttachments, ThreatLinks } from '../../model/records.js';
import { decode, type Received } from './decode.js';
import { messageIdOf } from './message.js';
import { optionalId, text, word } from './scalars.js';
import type { Decoded } from './threat.js';

const messageRef = { abxMessageId: optionalId, abxMessageIdStr: optionalId };

export const attachmentShape = { ...messageRef, attachmentName: text };

export const attachmentsSchema = z.object({ attachments: z.array(z.object(attachmentShape)) });

export const linkShape = {
  ...messageRef,
  domainLink: word,
  linkType: word,
  source: word,
  displayText: text,
  linkUrl: word,
};

export const linksSchema = z.object({ links: z.array(z.object(linkShape)) });

export function decodeThreatAttachments(threatId: string, detail: Received): Decoded<ThreatAttachments> {
  const { attachments } = decode(attachmentsSchema, detail, `the attachments of the threat ${threatId}`);
  const read = attachments.map((raw) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    name: raw.attachmentName,
  }));
  return { record: { threatId, attachments: read }, payload: detail.json, unread: [] };
}

export function decodeThreatLinks(threatId: string, detail: Received): Decoded<ThreatLinks> {
  const { links } = decode(linksSchema, detail, `the links of the threat ${threatId}`);
  const read = links.map((raw) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    url: raw.linkUrl,
    domain: raw.domainLink,
    linkType: raw.linkType,
    source: raw.source,
    displayText: raw.displayText,
  }));
  return { record: { threatId, links: read }, payload: detail.json, unread: [] };
}
