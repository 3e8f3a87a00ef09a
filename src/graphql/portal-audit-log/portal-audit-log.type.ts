import { auditStatus } from '../../resources/vocabularies.js';
import { OutputType, openEnum, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { BY_ACCOUNT } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';

const PortalAuditStatus = openEnum<typeof auditStatus>('PortalAuditStatus', 'Result of an action.', {
  SUCCESS: 'The action succeeded.',
  FAILURE: 'The action failed.',
});

@OutputType(
  'What a user did in Abnormal’s portal (`/auditlogs`). Abnormal keeps entries for 90 days; entries never change. The gateway’s own trail is `auditTrail`.',
  { implements: [Node, RecordNode] },
)
export class PortalAuditLog extends RecordNode<'portalAuditLog'> {}

showFields(PortalAuditLog, 'record', {
  entryId: Value.id(
    'SHA-256 of the entry as canonical JSON. Abnormal gives entries no id, so two entries with the same content are one.',
  ),
  timestamp: Value.instantOrNull(
    'When it happened (UTC; `timestamp`); null if Abnormal gives no time. Entries are collected and ordered by this time.',
  ),
  category: Value.textOrNull('Kind of action, as received (`category`); null if Abnormal gives none.'),
  action: Value.textOrNull('The action, as received (`action`); null if Abnormal gives none.'),
  status: Value.enumOrNull(() => PortalAuditStatus, 'Result (`status`); null if Abnormal gives none.', {
    by: (record) => auditStatus(record.statusRaw),
  }),
  statusRaw: Value.textOrNull('`status` as received.'),
  userAddress: Value.textOrNull('E-mail address of the user (`user.email`); null if Abnormal gives none.', {
    personal: ['addresses'],
  }),
  sourceIp: Value.textOrNull('IP address of the user’s device (`sourceIp`); null if Abnormal gives none.', {
    personal: ['locations'],
  }),
  tenantName: Value.textOrNull(
    'Name of the tenant (`tenantName`), which may be empty; null if Abnormal gives none.',
  ),
  messageId: Value.idOrNull(
    'Id of the message that was acted on (`actionDetails.messageId`); null if there is none.',
  ),
  reason: Value.textOrNull('The user’s reason (`actionDetails.providedReason`); null if there is none.', {
    personal: ['texts'],
  }),
  requestUrl: Value.textOrNull('URL of the request (`actionDetails.requestUrl`); null if there is none.', {
    personal: ['urls'],
  }),
});

export const portalAuditLogList = recordListOf('portalAuditLog', PortalAuditLog, {
  page: 'A page of the portal’s audit log.',
  filter: {
    id: 'the entry’s SHA-256',
    timestamp: 'when it happened',
    category: 'the kind of action',
    action: 'the action',
    status: { type: PortalAuditStatus, by: 'the result' },
    userAddress: 'the user’s address',
    sourceIp: 'the IP address of the user’s device',
    messageId: 'the id of the message that was acted on',
  },
  order: { id: 'The entry’s SHA-256.', timestamp: 'When it happened: the default.' },
});

export const PortalAuditStatisticsResolver = statisticsOf(portalAuditLogList, {
  plural: 'entries of the portal’s audit log',
  times: { HAPPENED: { field: 'timestamp', description: 'When it happened.' } },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    CATEGORY: { field: 'category', description: 'Kind of action, as received.' },
    ACTION: { field: 'action', description: 'The action, as received.' },
    STATUS: { field: 'status', description: 'Result.' },
    USER_ADDRESS: { field: 'userAddress', description: 'Address of the user.' },
    SOURCE_IP: { field: 'sourceIp', description: 'IP address of the user’s device.' },
  },
  distinct: {
    USER_ADDRESS: { field: 'userAddress', description: 'Users.' },
    SOURCE_IP: { field: 'sourceIp', description: 'IP addresses.' },
  },
  durations: {},
});
