import { z } from 'zod';
import { HOUR, type Instant } from '../../values/instant.js';
import { isUnknownBy, type ResourceDefinition, shape, type Unreadable } from '../definition.js';
import { fieldTable } from '../record-table.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../vocabularies.js';
import * as wire from '../wire.js';
import {
  caseAnalysisSchema,
  decodeCaseAnalysis,
  eventSchema,
  insightShape,
  placeShape,
} from './case-analysis.js';

/** One account-takeover case: list item and detail joined, since each has fields of its own. */
export interface CaseRecord extends Unreadable {
  readonly caseId: string;
  readonly description: string | null;
  /** Free text such as `Potential Account Takeover`. */
  readonly severityRaw: string | null;
  readonly severityLevelRaw: string | null;
  readonly confidenceRaw: string | null;
  readonly statusRaw: string | null;
  readonly remediationStatusRaw: string | null;
  readonly analysisRaw: string | null;
  /** A display name or an e-mail address. */
  readonly affectedEmployee: string | null;
  readonly firstObservedTime: Instant | null;
  readonly customerVisibleTime: Instant | null;
  readonly createdTime: Instant | null;
  readonly lastModifiedTime: Instant | null;
  readonly threatIds: readonly string[];
  readonly genaiSummary: readonly string[];
  readonly tenant: string | null;
}

const SEVERITY_RANK: Record<string, number> = { NONE: 0, LOW: 1, MEDIUM: 2, HIGH: 3 };

const fields = fieldTable<CaseRecord>()({
  id: { type: 'text', order: true, by: ({ caseId }) => caseId },
  lastModifiedTime: { type: 'instant', order: true },
  createdTime: { type: 'instant', order: true },
  customerVisibleTime: { type: 'instant', order: true },
  firstObservedTime: { type: 'instant', order: true },
  severityLevel: { type: 'text', by: ({ severityLevelRaw }) => severityLevel(severityLevelRaw) },
  severityRank: {
    type: 'number',
    order: true,
    by: ({ severityLevelRaw }) => SEVERITY_RANK[severityLevel(severityLevelRaw) ?? ''] ?? null,
  },
  confidence: { type: 'text', by: ({ confidenceRaw }) => confidence(confidenceRaw) },
  status: { type: 'text', by: ({ statusRaw }) => caseStatus(statusRaw) },
  open: { type: 'boolean', by: isOpenCase },
  remediationState: {
    type: 'text',
    by: ({ remediationStatusRaw }) => remediationState(remediationStatusRaw),
  },
  affectedEmployee: { type: 'text' },
  description: { type: 'text' },
  threatId: { type: 'texts', reference: true, by: ({ threatIds }) => [...new Set(threatIds)] },
});

/** Every status except the two that end a case, including unknown ones. */
export function isOpenCase(record: CaseRecord): boolean {
  const status = caseStatus(record.statusRaw);
  return status !== 'RESOLVED' && status !== 'NOT_AN_ATTACK';
}

/*
 * One shape for list item and detail, whose field names differ and have changed over the years: the second
 * name is that of the other endpoint or of an older version.
 */
const caseShape = {
  description: wire.text,
  severity: wire.term,
  severity_level: wire.term,
  severityLevel: wire.term,
  confidence: wire.term,
  case_status: wire.term,
  caseStatus: wire.term,
  remediation_status: wire.term,
  remediationStatus: wire.term,
  analysis: wire.term,
  affectedEmployee: wire.word,
  firstObserved: wire.instant,
  first_observed: wire.instant,
  customerVisibleTime: wire.instant,
  customer_visible_time: wire.instant,
  created: wire.instant,
  createdTime: wire.instant,
  last_modified: wire.instant,
  lastModifiedTime: wire.instant,
  threatIds: wire.texts,
  genai_summary: wire.texts,
  tenant: wire.word,
};

export const caseSchema = z.object({ caseId: wire.requiredId, ...caseShape });
export const caseItemSchema = z.object({ caseId: wire.optionalId, ...caseShape });

type RawCase = Omit<z.infer<typeof caseSchema>, 'caseId'>;

/** Joins a case's detail with its list item; the detail, read later, wins. */
export function decodeCase(
  id: string,
  detail: wire.Received,
  item: Readonly<Record<string, unknown>> | null,
): wire.Decoded<CaseRecord> {
  const what = `the case ${id}`;
  const read = wire.decode(caseSchema, detail, what);
  wire.assertId(id, read.caseId, detail, what);
  const evidence = () => JSON.stringify(item);
  const listed = wire.decode(caseItemSchema, { json: item ?? {}, evidence }, `the list item of ${what}`);
  return {
    record: { caseId: read.caseId, ...join(read, listed) },
    payload: { item, detail: detail.json },
    unread: [
      ...wire.unreadParts(caseSchema.shape, detail.json),
      ...wire.unreadParts(caseItemSchema.shape, item, 'item.'),
    ],
  };
}

function join(detail: RawCase, item: RawCase): Omit<CaseRecord, 'caseId'> {
  const either = <T>(read: (raw: RawCase) => T | null): T | null => read(detail) ?? read(item);
  const severityRaw = either((raw) => raw.severity);
  return {
    description: either((raw) => raw.description),
    severityRaw,
    severityLevelRaw: either((raw) => raw.severity_level ?? raw.severityLevel) ?? levelIn(severityRaw),
    confidenceRaw: either((raw) => raw.confidence),
    statusRaw: either((raw) => raw.case_status ?? raw.caseStatus),
    remediationStatusRaw: either((raw) => raw.remediation_status ?? raw.remediationStatus),
    analysisRaw: either((raw) => raw.analysis),
    affectedEmployee: either((raw) => raw.affectedEmployee),
    firstObservedTime: either((raw) => raw.firstObserved ?? raw.first_observed),
    customerVisibleTime: either((raw) => raw.customerVisibleTime ?? raw.customer_visible_time),
    createdTime: either((raw) => raw.created ?? raw.createdTime),
    lastModifiedTime: either((raw) => raw.last_modified ?? raw.lastModifiedTime),
    threatIds: longer(detail.threatIds, item.threatIds),
    genaiSummary: longer(detail.genai_summary, item.genai_summary),
    tenant: either((raw) => raw.tenant),
  };
}

/** Before `severity_level` existed, some accounts sent it in `severity`. */
function levelIn(severity: string | null): string | null {
  const level = severityLevel(severity);
  return level === null || level === 'OTHER' ? null : severity;
}

function longer(detail: readonly string[], item: readonly string[]): readonly string[] {
  return detail.length > 0 ? detail : item;
}

const isUnknownState = isUnknownBy(remediationState);

const words = {
  severity_level: isUnknownBy(severityLevel),
  severityLevel: isUnknownBy(severityLevel),
  confidence: isUnknownBy(confidence),
  case_status: isUnknownBy(caseStatus),
  caseStatus: isUnknownBy(caseStatus),
  remediation_status: isUnknownState,
  remediationStatus: isUnknownState,
};

/** What events of some kinds have besides; it is kept by name, whatever it is called. */
const OF_EVENTS = [
  ...['application', 'browser', 'condition', 'device_trust_type', 'familiarity_statistics', 'field_labels'],
  ...[
    'flagging_detectors',
    'isp',
    'operating_system',
    'protocol',
    'recipient',
    'rule_name',
    'second_factor_ip',
  ],
  ...['sender', 'session_ip', 'subject', 'used_second_factors'],
];

const place = shape(placeShape);
const analysis = shape(
  caseAnalysisSchema.shape,
  {
    insights: shape(insightShape),
    eventTimeline: shape(eventSchema.shape, { location: place, prev_location: place }, OF_EVENTS),
  },
  ['caseId', 'tenant'],
);

export const caseDefinition = {
  kind: 'case',
  resource: 'cases',
  graphType: 'Case',
  upstream: {
    listPaths: ['/cases'],
    collectionKey: 'cases',
    idField: 'caseId',
    detail: 'WITH_LIST_ITEM',
    availability: 'ADD_ON',
  },
  decode: (id, { pages, item }) => decodeCase(id, pages[0], item),
  shapes: [
    { name: 'case', shape: shape(caseSchema.shape, words), at: 'detail' },
    { name: 'cases[]', shape: shape(caseItemSchema.shape, words), at: 'item' },
  ],
  parts: [
    {
      kind: 'caseAnalysis',
      path: '/analysis',
      noun: 'the analysis of the case',
      graphField: 'timeline',
      text: 'The analysis of a case.',
      shapes: [{ name: 'caseAnalysis', shape: analysis, at: null }],
      decode: (id, { pages }) => decodeCaseAnalysis(id, pages[0]),
    },
  ],
  streams: [
    { filterKey: 'lastModifiedTime', timesOf: ({ lastModifiedTime: at }) => (at === null ? [] : [at]) },
  ],
  fields: fields.fields,
  fieldsOf: fields.of,
  searchedBy: [],
  facets: fieldTable<CaseRecord>()({
    tenant: { type: 'text' },
    severityLabel: { type: 'text', by: ({ severityRaw }) => severityRaw },
    analysis: { type: 'text', by: ({ analysisRaw }) => analysisRaw },
  }),
  defaultOrder: 'lastModifiedTime',
  earliestField: 'lastModifiedTime',
  unsettledField: 'open',
  population: { changesMoveRecords: true, export: null },
  evidence: { versions: 'EACH', times: ['customerVisibleTime', 'createdTime', 'firstObservedTime'] },
  collection: 'CORE',
  polling: { variable: 'POLL_CASES_EVERY', defaultMs: 4 * HOUR, threshold: 'pollCasesEvery' },
  shownAs: { severityRaw: 'severityLabel', severityLevelRaw: 'severityRaw' },
  texts: {
    record: 'An account-takeover case.',
    resource: 'Account-takeover cases, by when they were last modified.',
    list: 'The list of account-takeover cases.',
    order: 'last modified first',
  },
} as const satisfies ResourceDefinition<CaseRecord>;
