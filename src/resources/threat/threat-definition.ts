import { z } from 'zod';
import { compareValues } from '../../values/filter.js';
import { HOUR, type Instant } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape } from '../definition.js';
import { type RecordBy, recordTable } from '../record-table.js';
import * as vocabulary from '../vocabularies.js';
import * as wire from '../wire.js';
import { decodeThreat, messageIdOf, messageSchema, threatSchema } from './decode-threat.js';
import {
  overrideShape,
  type ThreatRecord,
  threatFacets,
  threatFields,
  threatMessages,
  threatRemediation,
} from './threat.js';

const messageRef = { abxMessageId: wire.optionalId, abxMessageIdStr: wire.optionalId };

export const attachmentShape = { ...messageRef, attachmentName: wire.text };

const attachmentSchema = z.object(attachmentShape);

const attachmentsSchema = z.object({ attachments: z.array(z.unknown()) });

const link = recordTable({
  url: ['linkUrl', wire.word],
  domain: ['domainLink', wire.word],
  linkType: ['linkType', wire.word],
  source: ['source', wire.word],
  displayText: ['displayText', wire.text],
});

export const linkShape = { ...messageRef, ...link.shape };

const linkSchema = z.object(linkShape);

const linksSchema = z.object({ links: z.array(z.unknown()) });

export function decodeThreatAttachments(
  threatId: string,
  detail: wire.Received,
): wire.Decoded<ThreatAttachments> {
  const { attachments } = wire.decode(attachmentsSchema, detail, `the attachments of the threat ${threatId}`);
  const parts = wire.decodeEach(attachmentSchema, attachments, 'attachments', (item, path) =>
    wire.unreadParts(attachmentShape, item, path),
  );
  const read = parts.read.map(({ value: raw }) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    name: raw.attachmentName,
  }));
  return { record: { threatId, attachments: read }, payload: detail.json, unread: parts.unread };
}

export function decodeThreatLinks(threatId: string, detail: wire.Received): wire.Decoded<ThreatLinks> {
  const { links } = wire.decode(linksSchema, detail, `the links of the threat ${threatId}`);
  const parts = wire.decodeEach(linkSchema, links, 'links', (item, path) =>
    wire.unreadParts(linkShape, item, path),
  );
  const read = parts.read.map(({ value: raw }) => ({
    messageId: messageIdOf(raw.abxMessageIdStr, raw.abxMessageId, null),
    ...link.toRecord(raw),
  }));
  return { record: { threatId, links: read }, payload: detail.json, unread: parts.unread };
}

const folderShape = { name: wire.text, display_name: wire.text };

const historySchema = z.object({
  remediation_history: z.record(z.string(), z.unknown()),
  folder_locations: z.array(z.unknown()).nullish(),
});

/** The vendor's document has folders as texts, accounts return objects. */
export function decodeRemediationHistory(
  messageId: string,
  detail: wire.Received,
): wire.Decoded<RemediationHistory> {
  const what = `the remediation history of the message ${messageId}`;
  const { remediation_history: times, folder_locations: folders } = wire.decode(historySchema, detail, what);
  const events = Object.entries(times).map(([statusRaw, time]) => ({
    statusRaw,
    time: wire.instant.parse(time),
  }));
  const named = (folders ?? []).map((folder) => (typeof folder === 'string' ? { name: folder } : folder));
  const parts = wire.decodeEach(z.object(folderShape), named, 'folder_locations', (folder, path) =>
    wire.unreadParts(folderShape, folder, path),
  );
  const shape = Object.fromEntries(events.map(({ statusRaw }) => [statusRaw, wire.instant]));
  const record = {
    messageId,
    events: events.sort((a, b) => compareValues(a.time, b.time)),
    folders: parts.read.map(({ value }) => ({ name: value.name, displayName: value.display_name })),
  };
  const unread = [...wire.unreadParts(shape, times, 'remediation_history.'), ...parts.unread];
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

const OF_PARTS = ['threatId', 'tenantId', 'tenantName'];

const message = shape(messageSchema.shape, {
  attackType: isUnknownBy(vocabulary.attackType),
  attackStrategy: isUnknownBy(vocabulary.attackStrategy),
  attackVector: isUnknownBy(vocabulary.attackVector),
  attackedParty: isUnknownBy(vocabulary.attackedParty),
  impersonatedParty: isUnknownBy(vocabulary.impersonatedParty),
  remediationStatus: isUnknownBy(vocabulary.remediationState),
  customerOverride: shape(overrideShape),
});

export const threatDefinition = {
  kind: 'threat',
  resource: 'threats',
  graphType: 'Threat',
  upstream: {
    listPaths: ['/threats'],
    collectionKey: 'threats',
    idField: 'threatId',
    detail: 'PAGED_MESSAGES',
    availability: 'EVERY_ACCOUNT',
  },
  decode: (id, { pages, isComplete }) => decodeThreat(id, pages, isComplete),
  shapes: [{ name: 'threat', shape: shape(threatSchema.shape, { messages: message }), at: null }],
  parts: [
    {
      kind: 'threatAttachments',
      isCollectable: true,
      path: '/attachments',
      noun: 'the attachments of the threat',
      graphField: 'attachments',
      text: 'The attachments of a threat.',
      shapes: [
        {
          name: 'threatAttachments',
          shape: shape(attachmentsSchema.shape, { attachments: shape(attachmentShape) }, OF_PARTS),
          at: null,
        },
      ],
      decode: (id, { pages }) => decodeThreatAttachments(id, pages[0]),
    },
    {
      kind: 'threatLinks',
      isCollectable: true,
      path: '/links',
      noun: 'the links of the threat',
      graphField: 'links',
      text: 'The links of a threat.',
      shapes: [
        {
          name: 'threatLinks',
          shape: shape(linksSchema.shape, { links: shape(linkShape) }, OF_PARTS),
          at: null,
        },
      ],
      decode: (id, { pages }) => decodeThreatLinks(id, pages[0]),
    },
    {
      kind: 'messageRemediation',
      base: '/messages',
      path: '/remediation_history',
      noun: 'the remediation history of the message',
      graphField: 'remediationHistory',
      text: 'The remediation history of a message of a threat.',
      shapes: [
        {
          name: 'messageRemediation',
          shape: shape(historySchema.shape, { folder_locations: shape(folderShape) }, OF_PARTS),
          at: null,
        },
      ],
      decode: (id, { pages }) => decodeRemediationHistory(id, pages[0]),
    },
  ],
  streams: [
    {
      filterKey: 'receivedTime',
      timesOf: ({ messages }) => messages.flatMap(({ receivedTime }) => receivedTime ?? []),
    },
    {
      filterKey: 'latestTimeRemediated',
      timesOf(threat) {
        const { latestRemediationTime: at } = threatRemediation(threat);
        return at === null ? [] : [at];
      },
    },
  ],
  fields: {
    id: { type: 'text', order: true },
    receivedTime: { type: 'instant', order: true },
    firstReceivedTime: { type: 'instant', order: true },
    latestRemediationTime: { type: 'instant', order: true },
    recipientCount: { type: 'number', order: true },
    remediationState: { type: 'text' },
    unremediated: { type: 'boolean' },
    attackType: { type: 'texts' },
    attackStrategy: { type: 'texts' },
    attackVector: { type: 'texts' },
    impersonatedParty: { type: 'texts' },
    subject: { type: 'texts' },
    fromAddress: { type: 'texts' },
    fromName: { type: 'texts' },
    senderDomain: { type: 'texts' },
    recipientAddress: { type: 'texts' },
    messageId: { type: 'texts', reference: true },
  },
  fieldsOf: threatFields,
  searchedBy: ['fromAddress', 'recipientAddress'],
  facets: threatFacets,
  items: threatMessages,
  defaultOrder: 'receivedTime',
  earliestField: 'firstReceivedTime',
  unsettledField: 'unremediated',
  population: { changesMoveRecords: false, export: 'THREAT_LOG' },
  evidence: { versions: 'MERGED', times: [] },
  collection: 'CORE',
  polling: { variable: 'POLL_THREATS_EVERY', defaultMs: 4 * HOUR, threshold: 'pollThreatsEvery' },
  shownAs: {},
  texts: {
    record: 'A threat.',
    resource: 'Threats, by when they were received and by when they were last remediated.',
    list: 'The list of threats.',
    order: 'last received first',
  },
} as const satisfies ResourceDefinition<ThreatRecord>;
