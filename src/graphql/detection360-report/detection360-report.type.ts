import { inquiryType, reportStatus } from '../../resources/vocabularies.js';
import { OutputType, openEnum, outputType, showFields, Value } from '../base/fields.js';
import { recordListOf } from '../lists/connection.js';
import { Node, RecordNode } from '../records/record.type.js';
import { BY_ACCOUNT, BY_AGE } from '../statistics/statistics.type.js';
import { statisticsOf } from '../statistics/statistics-for.js';

const InquiryType = openEnum<typeof inquiryType>('InquiryType', 'What a Detection 360 report is about.', {
  MISSED_ATTACK: 'An attack that Abnormal did not detect.',
  FALSE_POSITIVE: 'A harmless message that Abnormal judged as an attack.',
});

const ReportStatus = openEnum<typeof reportStatus>('ReportStatus', 'Status of a Detection 360 report.', {
  UNREVIEWED: 'Abnormal has not reviewed it.',
  CONTAINING_ATTACK: 'Abnormal is containing the attack.',
  IMPROVING_PLATFORM: 'Abnormal is improving its detection.',
  CORRECTING_JUDGEMENT: 'Abnormal is correcting its judgement.',
  RESOLVED: 'Closed.',
});

const RootCause = outputType('RootCause', 'One reason for a wrong judgement, as Abnormal found it.', {
  name: Value.textOrNull('Name; null if Abnormal gives none.'),
  description: Value.textOrNull('Description; null if Abnormal gives none.', { personal: ['texts'] }),
});

@OutputType(
  'A Detection 360 report: the organisation reported a missed attack or a false positive (`/detection360/reports`). Abnormal has no request for a single one: a report is read with the list of its day.',
  { implements: [Node, RecordNode] },
)
export class Detection360Report extends RecordNode<'detection360Report'> {}

showFields(Detection360Report, 'record', {
  reportId: Value.id('Abnormal’s id of the report (`id`).'),
  submissionTime: Value.instantOrNull(
    'When it was submitted (UTC; `submission_datetime`); null if Abnormal gives no time. Reports are collected and ordered by this time.',
  ),
  inquiryType: Value.enumOrNull(
    () => InquiryType,
    'Missed attack or false positive (`inquiry_type`); null if Abnormal gives none.',
    { by: (record) => inquiryType(record.inquiryTypeRaw) },
  ),
  inquiryTypeRaw: Value.textOrNull('`inquiry_type` as received.'),
  status: Value.enumOrNull(
    () => ReportStatus,
    'Status of the review (`status`); null if Abnormal gives none.',
    { by: (record) => reportStatus(record.statusRaw) },
  ),
  statusRaw: Value.textOrNull('`status` as received.'),
  submittedByName: Value.textOrNull(
    'Name of the user who submitted it (`submitted_by.name`); null if Abnormal gives none.',
    { personal: ['names'] },
  ),
  submittedByAddress: Value.textOrNull(
    'E-mail address of the user who submitted it (`submitted_by.email`); null if Abnormal gives none.',
    { personal: ['addresses'] },
  ),
  messageIds: Value.ids('Ids of the reported messages (`messages`): signed 64-bit integers as text.'),
  analysis: Value.textOrNull('Abnormal’s answer (`report.analysis`); null before the review.', {
    personal: ['texts'],
  }),
  rootCauses: Value.list(
    () => RootCause,
    'Why the judgement was wrong (`report.root_causes`); empty before the review.',
  ),
});

export const detection360ReportList = recordListOf('detection360Report', Detection360Report, {
  page: 'A page of a list of Detection 360 reports.',
  filter: {
    id: 'Abnormal’s id',
    submissionTime: 'when the report was submitted',
    inquiryType: { type: InquiryType, by: 'missed attack or false positive' },
    status: { type: ReportStatus, by: 'the status' },
    open: 'whether the report is open: not `RESOLVED`',
    submittedByAddress: 'the address of the user who submitted it',
    messageId: { name: 'messageIds', formerName: 'messageId', by: 'Abnormal’s id of a reported message' },
  },
  order: { id: 'Abnormal’s id, as text.', submissionTime: 'When the report was submitted: the default.' },
});

export const Detection360StatisticsResolver = statisticsOf(detection360ReportList, {
  plural: 'Detection 360 reports',
  times: { SUBMITTED: { field: 'submissionTime', description: 'When the report was submitted.' } },
  dimensions: {
    INTEGRATION: BY_ACCOUNT,
    AGE: BY_AGE,
    INQUIRY_TYPE: { field: 'inquiryType', description: 'Missed attack or false positive.' },
    STATUS: { field: 'status', description: 'Status of the review.' },
    OPEN: { field: 'open', description: 'Whether the report is open.' },
    SUBMITTED_BY: { field: 'submittedByAddress', description: 'Address of the user who submitted it.' },
  },
  distinct: { SUBMITTED_BY: { field: 'submittedByAddress', description: 'Users who submitted reports.' } },
  durations: {
    SUBMITTED_TO_RESOLVED: {
      measure: {
        ...{ from: 'submissionTime', to: null },
        state: { field: 'open', pending: [true], none: [] },
      },
      bound: 'AT_MOST',
      description: 'From the submission until the gateway first saw the report resolved.',
    },
  },
});
