import { z } from 'zod';
import {
  type Decoded,
  decode,
  decodeEach,
  optionalId,
  type Received,
  text,
  unreadParts,
  word,
} from '../wire.js';
import { messageIdOf } from './decode-threat.js';

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

/** From `GET /threats/{id}/attachments`. */
export interface ThreatAttachments {
  readonly threatId: string;
  readonly attachments: readonly { readonly messageId: string | null; readonly name: string | null }[];
}

/** From `GET /threats/{id}/links`. */
export interface ThreatLinks {
  readonly threatId: string;
  readonly links: readonly {
    readonly messageId: string | null;
    readonly url: string | null;
    readonly domain: string | null;
    readonly linkType: string | null;
    readonly source: string | null;
    readonly displayText: string | null;
  }[];
}
