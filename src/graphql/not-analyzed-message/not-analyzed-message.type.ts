import { notAnalyzedReason } from '../../resources/vocabularies.js';
import { OutputType, openEnum, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';

const NotAnalyzedReason = openEnum<typeof notAnalyzedReason>(
  'NotAnalyzedReason',
  'Why Abnormal did not analyse a reported message.',
  {
    PHISHING_SIMULATION: 'It is part of a phishing simulation.',
    EXCLUDED_SENDER: 'Its sender is excluded from the analysis.',
    CUSTOM_FILTER: 'A filter of the organisation excludes it.',
    INVALID_MAILBOX: 'The mailbox is not valid.',
    ORIGINAL_EMAIL_NOT_LOCATED: 'The original e-mail was not found.',
    UNKNOWN_REPORTER: 'The user who reported it is unknown.',
    INVALID_SUBMISSION: 'The report is not valid.',
    ROUTED_SUBMISSION: 'The report was routed elsewhere.',
    COULD_NOT_EXTRACT: 'The reported e-mail could not be extracted from the report.',
    FROM_PHISHING_MAILBOX: 'It came from the mailbox for reports itself.',
    NOT_ANALYZED_POV_QUOTA_REACHED: 'The quota of an evaluation was reached.',
    AI_CONVERSATION: 'It is part of a conversation with Abnormal’s assistant.',
  },
);

@OutputType(
  'A message that a user reported to the abuse mailbox and that Abnormal did not analyse (`/abuse_mailbox/not_analyzed`). The account needs the abuse mailbox add-on. Abnormal has no request for a single one: a message is read with the list of its second.',
  { implements: [Node, RecordNode] },
)
export class NotAnalyzedMessage extends RecordNode<'notAnalyzedMessage'> {}

showFields(NotAnalyzedMessage, 'record', {
  messageId: Value.id('Abnormal’s id of the message (`abx_message_id`): a signed 64-bit integer as text.'),
  reportedTime: Value.instantOrNull(
    'When it was reported (UTC; `reported_datetime`); null if Abnormal gives no time. Messages are collected and ordered by this time.',
  ),
  reason: Value.enumOrNull(
    () => NotAnalyzedReason,
    'Why it was not analysed (`not_analyzed_reason`); null if Abnormal gives none.',
    { by: (record) => notAnalyzedReason(record.reasonRaw) },
  ),
  reasonRaw: Value.textOrNull('`not_analyzed_reason` as received.'),
  subject: Value.textOrNull('Subject (`subject`); null if Abnormal gives none.', { personal: ['subject'] }),
  reporterName: Value.textOrNull(
    'Name of the user who reported it (`reporter.name`); null if Abnormal gives none.',
    { personal: ['names'] },
  ),
  reporterAddress: Value.textOrNull(
    'E-mail address of the user who reported it (`reporter.email`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  recipientName: Value.textOrNull('Name of the recipient (`recipient.name`); null if Abnormal gives none.', {
    personal: ['names'],
  }),
  recipientAddress: Value.textOrNull(
    'E-mail address of the recipient (`recipient.email`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
});

export const notAnalyzedMessageList = recordListOf('notAnalyzedMessage', NotAnalyzedMessage, {
  page: 'A page of a list of messages that were not analysed.',
  filter: {
    id: 'Abnormal’s id',
    reportedTime: 'when the message was reported',
    reason: { type: NotAnalyzedReason, by: 'why it was not analysed' },
    subject: 'the subject',
    reporterAddress: 'the address of the user who reported it',
    recipientAddress: 'the recipient’s address',
  },
  order: { id: 'Abnormal’s id, as text.', reportedTime: 'When the message was reported: the default.' },
});

export const NotAnalyzedStatisticsResolver = statisticsOf(notAnalyzedMessageList, {
  plural: 'messages that were not analysed',
  times: { REPORTED: { field: 'reportedTime', description: 'When the message was reported.' } },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    AGE: BY_AGE,
    REASON: { field: 'reason', description: 'Why the message was not analysed.' },
    REPORTER_ADDRESS: { field: 'reporterAddress', description: 'Address of the user who reported it.' },
    RECIPIENT_ADDRESS: { field: 'recipientAddress', description: 'Address of the recipient.' },
    SUBJECT: { field: 'subject', description: 'Subject.' },
  },
  distinct: { REPORTER_ADDRESS: { field: 'reporterAddress', description: 'Users who reported messages.' } },
  durations: {},
});
