import { ID } from 'type-graphql';
import type { VendorEventRecord } from '../../resources/vendor-case/vendor-case.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsFor } from '../statistics/statistics-for.js';

const RecordValue = valueFieldFrom('record');

@OutputType('One reason why Abnormal opened a vendor case.')
class VendorInsight {
  @ValueField.textOrNull('Topic; null if Abnormal gives none.')
  readonly highlight!: string | null;

  @ValueField.textOrNull('The finding, in words; null if Abnormal gives none.', { personal: ['texts'] })
  readonly description!: string | null;
}

@OutputType('One message of a vendor case.')
class VendorEvent implements VendorEventRecord {
  @ValueField.instantOrNull('When it happened (UTC; `eventTimestamp`); null if Abnormal gives no time.')
  readonly time!: Instant | null;

  @ValueField.textOrNull('E-mail address of the sender (`senderAddress`); null if Abnormal gives none.', {
    personal: ['addresses'],
  })
  readonly senderAddress!: string | null;

  @ValueField.textOrNull(
    'E-mail address of the recipient (`recipientAddress`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  )
  readonly recipientAddress!: string | null;

  @ValueField.textOrNull('Subject (`subject`); null if Abnormal gives none.', { personal: ['subject'] })
  readonly subject!: string | null;

  @ValueField.textOrNull('How the message is marked, as received (`markedAs`), such as `Malicious`.')
  readonly markedAsRaw!: string | null;

  @ValueField.idOrNull('Abnormal’s id of the threat (`threatId`); null if Abnormal gives none.')
  readonly threatId!: string | null;
}

@OutputType('A vendor whose mail to the organisation is suspicious (`/vendor-cases/{id}`).', {
  implements: [Node, RecordNode],
})
export class VendorCase extends RecordNode<'vendorCase'> {
  @RecordValue.id('Abnormal’s id of the vendor case (`vendorCaseId`).')
  readonly vendorCaseId!: string;

  @RecordValue.textOrNull('Domain of the vendor (`vendorDomain`); null if Abnormal gives none.', {
    personal: ['addresses'],
  })
  readonly vendorDomain!: string | null;

  @RecordValue.instantOrNull(
    'When its first message arrived (UTC; `firstObservedTime`); null if Abnormal gives no time.',
  )
  readonly firstObservedTime!: Instant | null;

  @RecordValue.instantOrNull(
    'When it was last modified (UTC; `lastModifiedTime`); null if Abnormal gives no time. Vendor cases are collected and ordered by this time.',
  )
  readonly lastModifiedTime!: Instant | null;

  @RecordValue(() => [VendorInsight], {
    description: 'Why Abnormal opened the vendor case (`insights`); empty if Abnormal gives none.',
  })
  readonly insights!: readonly VendorInsight[];

  @RecordValue(() => [VendorEvent], {
    description: 'Its messages, in Abnormal’s order (`timeline`); empty if Abnormal gives none.',
  })
  readonly timeline!: readonly VendorEvent[];

  @RecordValue(() => [ID], { description: 'The threats of the timeline, each once.' })
  readonly threatIds!: readonly string[];
}

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

export const VendorCaseStatisticsResolver = statisticsFor({
  ...{ noun: 'VendorCase', plural: 'vendor cases', kind: 'vendorCase' },
  ...{ unit: 'RECORD', filter: vendorCaseList.filter, whole: null },
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
