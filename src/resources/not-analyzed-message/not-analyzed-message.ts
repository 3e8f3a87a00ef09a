import { z } from 'zod';
import { DAY, type Instant } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable } from '../record-table.js';
import { notAnalyzedReason } from '../vocabularies.js';
import * as wire from '../wire.js';

/** A message that a user reported to the abuse mailbox and that Abnormal did not analyse. */
export interface NotAnalyzedMessageRecord extends Unreadable {
  /** A signed 64-bit integer as text: Abnormal sends it as a number only. */
  readonly messageId: string;
  readonly reportedTime: Instant | null;
  readonly reasonRaw: string | null;
  readonly subject: string | null;
  readonly reporterName: string | null;
  readonly reporterAddress: string | null;
  readonly recipientName: string | null;
  readonly recipientAddress: string | null;
}

const userShape = { name: wire.text, email: wire.word };

const messageSchema = z.object({
  abx_message_id: wire.requiredId,
  subject: wire.text,
  reported_datetime: wire.instant,
  recipient: wire.optionalObject(userShape),
  reporter: wire.optionalObject(userShape),
  not_analyzed_reason: wire.term,
});

function decodeMessage(id: string, received: wire.Received): wire.Decoded<NotAnalyzedMessageRecord> {
  const what = `the message ${id} that was not analysed`;
  const raw = wire.decode(messageSchema, received, what);
  wire.assertId(id, raw.abx_message_id, received, what);
  const record: NotAnalyzedMessageRecord = {
    messageId: raw.abx_message_id,
    reportedTime: raw.reported_datetime,
    reasonRaw: raw.not_analyzed_reason,
    subject: raw.subject,
    reporterName: raw.reporter?.name ?? null,
    reporterAddress: raw.reporter?.email ?? null,
    recipientName: raw.recipient?.name ?? null,
    recipientAddress: raw.recipient?.email ?? null,
  };
  const inner = { recipient: userShape, reporter: userShape };
  return {
    record,
    payload: received.json,
    unread: wire.unreadParts(messageSchema.shape, received.json, '', inner),
  };
}

const fields = fieldTable<NotAnalyzedMessageRecord>()({
  id: { type: 'text', order: true, by: ({ messageId }) => messageId },
  reportedTime: { type: 'instant', order: true },
  reason: { type: 'text', by: ({ reasonRaw }) => notAnalyzedReason(reasonRaw) },
  subject: { type: 'text' },
  reporterAddress: { type: 'text' },
  recipientAddress: { type: 'text' },
});

export const notAnalyzedMessageDefinition = {
  kind: 'notAnalyzedMessage',
  resource: 'notAnalyzedMessages',
  graphType: 'NotAnalyzedMessage',
  upstream: {
    listPaths: ['/abuse_mailbox/not_analyzed'],
    collectionKey: 'results',
    idField: 'abx_message_id',
    idName: 'messageId',
    detail: 'NONE',
    window: 'START_END',
    itemTime: 'reported_datetime',
    availability: 'ADD_ON',
  },
  decode: (id, { pages }) => decodeMessage(id, pages[0]),
  shapes: [
    {
      name: 'notAnalyzedMessage',
      shape: shape(messageSchema.shape, {
        not_analyzed_reason: isUnknownBy(notAnalyzedReason),
        recipient: shape(userShape),
        reporter: shape(userShape),
      }),
      at: null,
    },
  ],
  parts: [],
  streams: [
    {
      filterKey: 'reportedTime',
      timesOf: ({ reportedTime: at }) => (at === null ? [] : [at]),
      // collectors that went by the clock lost rows, which appear late; a week is the assumed limit
      lateForMs: 7 * DAY,
    },
  ],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: [],
  defaultOrder: 'reportedTime',
  earliestField: 'reportedTime',
  unsettledField: null,
  population: { changesMoveRecords: false, export: null },
  evidence: { versions: 'EACH', times: ['reportedTime'] },
  collection: 'DEFAULT',
  polling: { variable: 'POLL_NOT_ANALYZED_MESSAGES_EVERY', defaultMs: DAY, threshold: null },
  shownAs: {},
  texts: {
    record: 'A reported message that was not analysed.',
    resource: 'Messages reported to the abuse mailbox that were not analysed, by when they were reported.',
    list: 'The list of reported messages that were not analysed.',
    order: 'last reported first',
  },
} as const satisfies ResourceDefinition<NotAnalyzedMessageRecord>;
