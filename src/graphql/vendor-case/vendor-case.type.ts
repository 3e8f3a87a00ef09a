import type { VendorEventRecord } from '../../resources/vendor-case/vendor-case.js';
import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';

const VendorInsight = outputType('VendorInsight', 'One reason why Abnormal opened a vendor case.', {
  highlight: Value.textOrNull('Topic; null if Abnormal gives none.'),
  description: Value.textOrNull('The finding, in words; null if Abnormal gives none.', {
    personal: ['texts'],
  }),
});

const VendorEvent = outputType<VendorEventRecord>('VendorEvent', 'One message of a vendor case.', {
  time: Value.instantOrNull('When it happened (UTC; `eventTimestamp`); null if Abnormal gives no time.'),
  senderAddress: Value.textOrNull(
    'E-mail address of the sender (`senderAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  recipientAddress: Value.textOrNull(
    'E-mail address of the recipient (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  subject: Value.textOrNull('Subject (`subject`); null if Abnormal gives none.', { personal: ['subject'] }),
  markedAsRaw: Value.textOrNull('How the message is marked, as received (`markedAs`), such as `Malicious`.'),
  threatId: Value.idOrNull('Abnormal’s id of the threat (`threatId`); null if Abnormal gives none.'),
});

@OutputType('A vendor whose mail to the organisation is suspicious (`/vendor-cases/{id}`).', {
  implements: [Node, RecordNode],
})
export class VendorCase extends RecordNode<'vendorCase'> {}

showFields(VendorCase, 'record', {
  vendorCaseId: Value.id('Abnormal’s id of the vendor case (`vendorCaseId`).'),
  vendorDomain: Value.textOrNull('Domain of the vendor (`vendorDomain`); null if Abnormal gives none.', {
    personal: ['addresses'],
  }),
  firstObservedTime: Value.instantOrNull(
    'When its first message arrived (UTC; `firstObservedTime`); null if Abnormal gives no time.',
  ),
  lastModifiedTime: Value.instantOrNull(
    'When it was last modified (UTC; `lastModifiedTime`); null if Abnormal gives no time. Vendor cases are collected and ordered by this time.',
  ),
  insights: Value.list(
    () => VendorInsight,
    'Why Abnormal opened the vendor case (`insights`); empty if Abnormal gives none.',
  ),
  timeline: Value.list(
    () => VendorEvent,
    'Its messages, in Abnormal’s order (`timeline`); empty if Abnormal gives none.',
  ),
  threatIds: Value.ids('The threats of the timeline, each once.'),
});

export const vendorCaseList = recordListOf('vendorCase', VendorCase, {
  page: 'A page of a list of vendor cases.',
  filter: {
    id: 'Abnormal’s id',
    lastModifiedTime: 'when it was last modified',
    firstObservedTime: 'when its first message arrived',
    vendorDomain: 'the vendor’s domain',
    senderAddress: 'the sender’s address of a message',
    recipientAddress: 'the recipient’s address of a message',
    markedAs: { name: 'markedAsRaw', by: 'how a message is marked' },
    threatId: { name: 'threatIds', formerName: 'threatId', by: 'Abnormal’s id of a threat of the timeline' },
  },
  order: {
    id: 'Abnormal’s id, as text.',
    lastModifiedTime: 'When it was last modified: the default.',
    firstObservedTime: 'When its first message arrived.',
  },
});

export const VendorCaseStatisticsResolver = statisticsOf(vendorCaseList, {
  plural: 'vendor cases',
  times: {
    FIRST_OBSERVED: { field: 'firstObservedTime', description: 'When the first message arrived.' },
    LAST_MODIFIED: { field: 'lastModifiedTime', description: 'When the vendor case was last modified.' },
  },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    AGE: BY_AGE,
    VENDOR_DOMAIN: { field: 'vendorDomain', description: 'Domain of the vendor.' },
    SENDER_ADDRESS: { field: 'senderAddress', description: 'Senders of its messages.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Recipients of its messages.' },
    MARKED_AS: { field: 'markedAs', description: 'How its messages are marked, as received.' },
  },
  distinct: {
    VENDOR_DOMAIN: { field: 'vendorDomain', description: 'Vendors.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Recipients.' },
  },
  durations: {
    OBSERVED_TO_MODIFIED: {
      measure: {
        ...{ from: 'firstObservedTime', to: 'lastModifiedTime' },
        state: { field: 'vendorDomain', pending: [], none: [] },
      },
      bound: 'EXACT',
      description: 'From the first message until the last change.',
    },
  },
});
