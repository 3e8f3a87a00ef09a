import { z } from 'zod';
import { decode, decodeEach, type Received, unreadParts } from '../decode.js';
import type { ThreatAttachments, ThreatLinks } from '../records.js';
import { optionalId, text, word } from '../scalars.js';
import { messageIdOf } from './message.js';
import type { Decoded } from './threat-part.js';

const messageRef = { abxMessageId: optionalId, abxMessageIdStr: optionalId };

export const attachmentShape = { ...messageRef, attachmentName: text };

const attachmentSchema = z.object(attachmentShape);

export const attachmentsSchema = z.object({ attachments: z.array(z.unknown()) });

export const linkShape = {
  ...messageRef,
  domainLink: word,
  linkType: word,
  source: word,
  displayText: text,
  linkUrl: word,
};

const linkSchema = z.object(linkShape);

export const linksSchema = z.object({ links: z.array(z.unknown()) });

export function decodeThreatAttachments(threatId: string, detail: Received): Decoded<ThreatAttachments> {
  const { attachments } = decode(attachmentsSchema, detail, `the attachments of the threat ${threatId}`);
  const parts = decodeEach(attachmentSchema, attachments, 'attachments', (item, path) =>
    unreadParts(attachmentShape, item, path),
  );
  const read = parts.read.map(({ value: raw }) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    name: raw.attachmentName,
  }));
  return { record: { threatId, attachments: read }, payload: detail.json, unread: parts.unread };
}

export function decodeThreatLinks(threatId: string, detail: Received): Decoded<ThreatLinks> {
  const { links } = decode(linksSchema, detail, `the links of the threat ${threatId}`);
  const parts = decodeEach(linkSchema, links, 'links', (item, path) => unreadParts(linkShape, item, path));
  const read = parts.read.map(({ value: raw }) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    url: raw.linkUrl,
    domain: raw.domainLink,
    linkType: raw.linkType,
    source: raw.source,
    displayText: raw.displayText,
  }));
  return { record: { threatId, links: read }, payload: detail.json, unread: parts.unread };
}
