import { z } from 'zod';
import { compareValues } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import { type RecordBy, recordTable } from '../record-table.js';
import {
  type Decoded,
  decode,
  decodeEach,
  instant,
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

const link = recordTable({
  url: ['linkUrl', word],
  domain: ['domainLink', word],
  linkType: ['linkType', word],
  source: ['source', word],
  displayText: ['displayText', text],
});

export const linkShape = { ...messageRef, ...link.shape };

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
    ...link.toRecord(raw),
  }));
  return { record: { threatId, links: read }, payload: detail.json, unread: parts.unread };
}

export const folderShape = { name: text, display_name: text };

export const historySchema = z.object({
  remediation_history: z.record(z.string(), z.unknown()),
  folder_locations: z.array(z.unknown()).nullish(),
});

/** The vendor's document has folders as texts, accounts return objects. */
export function decodeRemediationHistory(messageId: string, detail: Received): Decoded<RemediationHistory> {
  const what = `the remediation history of the message ${messageId}`;
  const { remediation_history: times, folder_locations: folders } = decode(historySchema, detail, what);
  const events = Object.entries(times).map(([statusRaw, time]) => ({ statusRaw, time: instant.parse(time) }));
  const named = (folders ?? []).map((folder) => (typeof folder === 'string' ? { name: folder } : folder));
  const parts = decodeEach(z.object(folderShape), named, 'folder_locations', (folder, path) =>
    unreadParts(folderShape, folder, path),
  );
  const shape = Object.fromEntries(events.map(({ statusRaw }) => [statusRaw, instant]));
  const record = {
    messageId,
    events: events.sort((a, b) => compareValues(a.time, b.time)),
    folders: parts.read.map(({ value }) => ({ name: value.name, displayName: value.display_name })),
  };
  const unread = [...unreadParts(shape, times, 'remediation_history.'), ...parts.unread];
  return { record, payload: detail.json, unread };
}

/** From `GET /messages/{id}/remediation_history`. */
export interface RemediationHistory {
  readonly messageId: string;
  /** Oldest first. */
  readonly events: readonly { readonly statusRaw: string; readonly time: Instant | null }[];
  readonly folders: readonly { readonly name: string | null; readonly displayName: string | null }[];
}

/** From `GET /threats/{id}/attachments`. */
export interface ThreatAttachments {
  readonly threatId: string;
  readonly attachments: readonly { readonly messageId: string | null; readonly name: string | null }[];
}

/** From `GET /threats/{id}/links`. */
export interface ThreatLinks {
  readonly threatId: string;
  readonly links: readonly (RecordBy<typeof link> & { readonly messageId: string | null })[];
}
