import { HOUR } from '../../values/instant.js';
import type { ResourceDefinition } from '../definition.js';
import { isUnknownBy, shape } from '../known-shapes.js';
import {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  impersonatedParty,
  remediationState,
} from '../vocabularies.js';
import { decodeThreat, messageSchema, threatSchema } from './decode-threat.js';
import { overrideShape, type ThreatRecord, threatFields, threatRemediation } from './threat.js';
import { threatFacets, threatMessages } from './threat-columns.js';
import {
  attachmentShape,
  attachmentsSchema,
  decodeRemediationHistory,
  decodeThreatAttachments,
  decodeThreatLinks,
  folderShape,
  historySchema,
  linkShape,
  linksSchema,
} from './threat-parts.js';

const OF_PARTS = ['threatId', 'tenantId', 'tenantName'];

const message = shape(messageSchema.shape, {
  attackType: isUnknownBy(attackType),
  attackStrategy: isUnknownBy(attackStrategy),
  attackVector: isUnknownBy(attackVector),
  attackedParty: isUnknownBy(attackedParty),
  impersonatedParty: isUnknownBy(impersonatedParty),
  remediationStatus: isUnknownBy(remediationState),
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
