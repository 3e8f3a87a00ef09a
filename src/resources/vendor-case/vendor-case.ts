import { z } from 'zod';
import { DAY, type Instant } from '../../values/instant.js';
import { type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable, type RecordBy, recordTable } from '../record-table.js';
import * as wire from '../wire.js';

/** A vendor whose mail is suspicious, with the messages that made it so. */
export interface VendorCaseRecord extends Unreadable {
  readonly vendorCaseId: string;
  readonly vendorDomain: string | null;
  readonly firstObservedTime: Instant | null;
  readonly lastModifiedTime: Instant | null;
  readonly insights: readonly { readonly highlight: string | null; readonly description: string | null }[];
  readonly timeline: readonly VendorEventRecord[];
  /** Those of the timeline, each once. */
  readonly threatIds: readonly string[];
}

const insightShape = { highlight: wire.text, description: wire.text };
const event = recordTable({
  time: ['eventTimestamp', wire.instant],
  senderAddress: ['senderAddress', wire.word],
  recipientAddress: ['recipientAddress', wire.word],
  subject: ['subject', wire.text],
  markedAsRaw: ['markedAs', wire.term],
  threatId: ['threatId', wire.optionalId],
});
export type VendorEventRecord = RecordBy<typeof event>;
const list = z.array(z.unknown()).nullish();

const vendorCaseSchema = z.object({
  vendorCaseId: wire.requiredId,
  vendorDomain: wire.word,
  firstObservedTime: wire.instant,
  lastModifiedTime: wire.instant,
  insights: list,
  timeline: list,
});

function decodeVendorCase(id: string, detail: wire.Received): wire.Decoded<VendorCaseRecord> {
  const what = `the vendor case ${id}`;
  const raw = wire.decode(vendorCaseSchema, detail, what);
  wire.assertId(id, raw.vendorCaseId, detail, what);
  const insights = wire.decodeEach(z.object(insightShape), raw.insights ?? [], 'insights', (each, path) =>
    wire.unreadParts(insightShape, each, path),
  );
  const events = wire.decodeEach(z.object(event.shape), raw.timeline ?? [], 'timeline', (each, path) =>
    wire.unreadParts(event.shape, each, path),
  );
  const timeline = events.read.map(({ value }) => event.toRecord(value));
  const record: VendorCaseRecord = {
    vendorCaseId: raw.vendorCaseId,
    vendorDomain: raw.vendorDomain,
    firstObservedTime: raw.firstObservedTime,
    lastModifiedTime: raw.lastModifiedTime,
    insights: insights.read.map(({ value }) => value),
    timeline,
    threatIds: [...new Set(timeline.flatMap(({ threatId }) => threatId ?? []))],
  };
  const unread = [
    ...wire.unreadParts(vendorCaseSchema.shape, detail.json),
    ...insights.unread,
    ...events.unread,
  ];
  return { record, payload: detail.json, unread };
}

function ofEvents(read: (event: VendorEventRecord) => string | null) {
  return ({ timeline }: VendorCaseRecord) => [...new Set(timeline.flatMap((each) => read(each) ?? []))];
}

const fields = fieldTable<VendorCaseRecord>()({
  id: { type: 'text', order: true, by: ({ vendorCaseId }) => vendorCaseId },
  lastModifiedTime: { type: 'instant', order: true },
  firstObservedTime: { type: 'instant', order: true },
  vendorDomain: { type: 'text' },
  senderAddress: { type: 'texts', by: ofEvents(({ senderAddress }) => senderAddress) },
  recipientAddress: { type: 'texts', by: ofEvents(({ recipientAddress }) => recipientAddress) },
  markedAs: { type: 'texts', by: ofEvents(({ markedAsRaw }) => markedAsRaw) },
  threatId: { type: 'texts', reference: true, by: ({ threatIds }) => threatIds },
});

export const vendorCaseDefinition = {
  kind: 'vendorCase',
  resource: 'vendorCases',
  graphType: 'VendorCase',
  upstream: {
    listPaths: ['/vendor-cases'],
    collectionKey: 'vendorCases',
    idField: 'vendorCaseId',
    detail: 'SINGLE',
    availability: 'ADD_ON',
  },
  decode: (id, { pages }) => decodeVendorCase(id, pages[0]),
  shapes: [
    {
      name: 'vendorCase',
      shape: shape(vendorCaseSchema.shape, { insights: shape(insightShape), timeline: shape(event.shape) }),
      at: null,
    },
  ],
  parts: [],
  streams: [
    { filterKey: 'lastModifiedTime', timesOf: ({ lastModifiedTime: at }) => (at === null ? [] : [at]) },
  ],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: ['vendorDomain'],
  defaultOrder: 'lastModifiedTime',
  earliestField: 'lastModifiedTime',
  unsettledField: null,
  population: { changesMoveRecords: true, export: null },
  evidence: { versions: 'EACH', times: ['firstObservedTime', 'lastModifiedTime'] },
  collection: 'DEFAULT',
  polling: { variable: 'POLL_VENDOR_CASES_EVERY', defaultMs: DAY, threshold: null },
  shownAs: {},
  texts: {
    record: 'A vendor case.',
    resource: 'Vendor cases, by when they were last modified.',
    list: 'The list of vendor cases.',
    order: 'last modified first',
  },
} as const satisfies ResourceDefinition<VendorCaseRecord>;
