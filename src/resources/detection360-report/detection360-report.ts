import { z } from 'zod';
import { DAY, type Instant } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable } from '../record-table.js';
import { inquiryType, reportStatus } from '../vocabularies.js';
import * as wire from '../wire.js';

/** What an organisation reported as wrongly judged: a missed attack or a false positive. */
export interface Detection360ReportRecord extends Unreadable {
  readonly reportId: string;
  readonly inquiryTypeRaw: string | null;
  readonly statusRaw: string | null;
  readonly submissionTime: Instant | null;
  readonly submittedByName: string | null;
  readonly submittedByAddress: string | null;
  /** Signed 64-bit integers as text. */
  readonly messageIds: readonly string[];
  readonly analysis: string | null;
  readonly rootCauses: readonly { readonly name: string | null; readonly description: string | null }[];
}

const userShape = { name: wire.text, email: wire.word };
const causeShape = { name: wire.text, description: wire.text };
const answerShape = { analysis: wire.text };
const answerSchema = z.looseObject({ root_causes: z.array(z.unknown()).nullish().catch(null) });

const reportSchema = z.object({
  id: wire.requiredId,
  inquiry_type: wire.term,
  messages: wire.texts,
  report: wire.optionalObject(answerShape),
  status: wire.term,
  submission_datetime: wire.instant,
  submitted_by: wire.optionalObject(userShape),
});

function decodeReport(id: string, received: wire.Received): wire.Decoded<Detection360ReportRecord> {
  const what = `the Detection 360 report ${id}`;
  const raw = wire.decode(reportSchema, received, what);
  wire.assertId(id, raw.id, received, what);
  const { report } = received.json as { readonly report?: unknown };
  const listed = answerSchema.safeParse(report).data?.root_causes ?? [];
  const causes = wire.decodeEach(z.object(causeShape), listed, 'report.root_causes', (cause, path) =>
    wire.unreadParts(causeShape, cause, path),
  );
  const record: Detection360ReportRecord = {
    reportId: raw.id,
    inquiryTypeRaw: raw.inquiry_type,
    statusRaw: raw.status,
    submissionTime: raw.submission_datetime,
    submittedByName: raw.submitted_by?.name ?? null,
    submittedByAddress: raw.submitted_by?.email ?? null,
    messageIds: raw.messages,
    analysis: raw.report?.analysis ?? null,
    rootCauses: causes.read.map(({ value }) => value),
  };
  const inner = { submitted_by: userShape, report: answerShape };
  return {
    record,
    payload: received.json,
    unread: [...wire.unreadParts(reportSchema.shape, received.json, '', inner), ...causes.unread],
  };
}

const fields = fieldTable<Detection360ReportRecord>()({
  id: { type: 'text', order: true, by: ({ reportId }) => reportId },
  submissionTime: { type: 'instant', order: true },
  inquiryType: { type: 'text', by: ({ inquiryTypeRaw }) => inquiryType(inquiryTypeRaw) },
  status: { type: 'text', by: ({ statusRaw }) => reportStatus(statusRaw) },
  open: { type: 'boolean', by: ({ statusRaw }) => reportStatus(statusRaw) !== 'RESOLVED' },
  submittedByAddress: { type: 'text' },
  messageId: { type: 'texts', reference: true, by: ({ messageIds }) => [...new Set(messageIds)] },
});

export const detection360ReportDefinition = {
  kind: 'detection360Report',
  resource: 'detection360Reports',
  graphType: 'Detection360Report',
  upstream: {
    listPaths: ['/detection360/reports'],
    collectionKey: null,
    idField: 'id',
    idName: 'reportId',
    detail: 'NONE',
    window: 'START_END',
    variants: [{ inquiry_type: 'MISSED_ATTACK' }, { inquiry_type: 'FALSE_POSITIVE' }],
    itemTime: 'submission_datetime',
    availability: 'ADD_ON',
  },
  decode: (id, { pages }) => decodeReport(id, pages[0]),
  shapes: [
    {
      name: 'detection360Report',
      shape: shape(reportSchema.shape, {
        inquiry_type: isUnknownBy(inquiryType),
        status: isUnknownBy(reportStatus),
        report: shape(answerShape, { root_causes: shape(causeShape) }),
        submitted_by: shape(userShape),
      }),
      at: null,
    },
  ],
  parts: [],
  streams: [{ filterKey: 'submissionTime', timesOf: ({ submissionTime: at }) => (at === null ? [] : [at]) }],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: [],
  defaultOrder: 'submissionTime',
  earliestField: 'submissionTime',
  unsettledField: 'open',
  population: { changesMoveRecords: false, export: null },
  evidence: { versions: 'EACH', times: ['submissionTime'] },
  collection: 'DEFAULT',
  polling: { variable: 'POLL_DETECTION_REPORTS_EVERY', defaultMs: DAY, threshold: null },
  shownAs: {},
  texts: {
    record: 'A Detection 360 report.',
    resource: 'Detection 360 reports, by when they were submitted.',
    list: 'The list of Detection 360 reports.',
    order: 'last submitted first',
  },
} as const satisfies ResourceDefinition<Detection360ReportRecord>;
