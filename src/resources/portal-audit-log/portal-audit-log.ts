import { z } from 'zod';
import { DAY, HOUR, type Instant } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable } from '../record-table.js';
import { auditStatus } from '../vocabularies.js';
import * as wire from '../wire.js';

/** What a user did in Abnormal's portal. Entries have no id and never change. */
export interface PortalAuditLogRecord extends Unreadable {
  /** The SHA-256 of the entry as canonical JSON: Abnormal gives no id. */
  readonly entryId: string;
  readonly timestamp: Instant | null;
  readonly category: string | null;
  readonly action: string | null;
  readonly statusRaw: string | null;
  readonly userAddress: string | null;
  readonly sourceIp: string | null;
  readonly tenantName: string | null;
  readonly messageId: string | null;
  readonly reason: string | null;
  readonly requestUrl: string | null;
}

const detailsShape = { messageId: wire.optionalId, providedReason: wire.word, requestUrl: wire.word };
const userShape = { email: wire.word };

const entrySchema = z.object({
  action: wire.term,
  actionDetails: wire.optionalObject(detailsShape),
  category: wire.term,
  sourceIp: wire.word,
  status: wire.term,
  tenantName: wire.text,
  timestamp: wire.instant,
  user: wire.optionalObject(userShape),
});

function decodeEntry(id: string, received: wire.Received): wire.Decoded<PortalAuditLogRecord> {
  const raw = wire.decode(entrySchema, received, `the entry ${id} of the portal’s audit log`);
  const record: PortalAuditLogRecord = {
    entryId: id,
    timestamp: raw.timestamp,
    category: raw.category,
    action: raw.action,
    statusRaw: raw.status,
    userAddress: raw.user?.email ?? null,
    sourceIp: raw.sourceIp,
    tenantName: raw.tenantName,
    messageId: raw.actionDetails?.messageId ?? null,
    reason: raw.actionDetails?.providedReason ?? null,
    requestUrl: raw.actionDetails?.requestUrl ?? null,
  };
  const inner = { actionDetails: detailsShape, user: userShape };
  return {
    record,
    payload: received.json,
    unread: wire.unreadParts(entrySchema.shape, received.json, '', inner),
  };
}

const fields = fieldTable<PortalAuditLogRecord>()({
  id: { type: 'text', order: true, by: ({ entryId }) => entryId },
  timestamp: { type: 'instant', order: true },
  category: { type: 'text' },
  action: { type: 'text' },
  status: { type: 'text', by: ({ statusRaw }) => auditStatus(statusRaw) },
  userAddress: { type: 'text' },
  sourceIp: { type: 'text' },
  messageId: { type: 'text', reference: true },
});

export const portalAuditLogDefinition = {
  kind: 'portalAuditLog',
  resource: 'portalAuditLogs',
  graphType: 'PortalAuditLog',
  upstream: {
    listPaths: ['/auditlogs'],
    collectionKey: 'auditLogs',
    idField: null,
    idName: 'entryId',
    detail: 'NONE',
    itemTime: 'timestamp',
    keptForMs: 90 * DAY,
    availability: 'ADD_ON',
  },
  decode: (id, { pages }) => decodeEntry(id, pages[0]),
  shapes: [
    {
      name: 'portalAuditLog',
      shape: shape(entrySchema.shape, {
        status: isUnknownBy(auditStatus),
        actionDetails: shape(detailsShape),
        user: shape(userShape),
      }),
      at: null,
    },
  ],
  parts: [],
  streams: [{ filterKey: 'timestamp', timesOf: ({ timestamp: at }) => (at === null ? [] : [at]) }],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: ['userAddress'],
  defaultOrder: 'timestamp',
  earliestField: 'timestamp',
  unsettledField: null,
  population: { changesMoveRecords: false, export: null },
  evidence: { versions: 'EACH', times: ['timestamp'] },
  collection: 'OPTIONAL',
  polling: { variable: 'POLL_PORTAL_AUDIT_LOGS_EVERY', defaultMs: 4 * HOUR, threshold: null },
  shownAs: {},
  texts: {
    record: 'An entry of the portal’s audit log.',
    resource: 'Entries of the audit log of Abnormal’s portal, by when they happened.',
    list: 'The list of entries of the portal’s audit log.',
    order: 'newest first',
  },
} as const satisfies ResourceDefinition<PortalAuditLogRecord>;
