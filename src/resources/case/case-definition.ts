import { HOUR } from '../../values/instant.js';
import type { ResourceDefinition } from '../definition.js';
import { isUnknownBy, shape } from '../known-shapes.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../vocabularies.js';
import { type CaseRecord, caseFields } from './case.js';
import {
  caseAnalysisSchema,
  decodeCaseAnalysis,
  eventSchema,
  insightShape,
  placeShape,
} from './case-analysis.js';
import { caseItemSchema, caseSchema, decodeCase } from './decode-case.js';

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
  fields: {
    id: { type: 'text', order: true },
    lastModifiedTime: { type: 'instant', order: true },
    createdTime: { type: 'instant', order: true },
    customerVisibleTime: { type: 'instant', order: true },
    firstObservedTime: { type: 'instant', order: true },
    severityLevel: { type: 'text' },
    severityRank: { type: 'number', order: true },
    confidence: { type: 'text' },
    status: { type: 'text' },
    open: { type: 'boolean' },
    remediationState: { type: 'text' },
    affectedEmployee: { type: 'text' },
    description: { type: 'text' },
    threatId: { type: 'texts', reference: true },
  },
  fieldsOf: caseFields,
  defaultOrder: 'lastModifiedTime',
  earliestField: 'lastModifiedTime',
  unsettledField: 'open',
  population: { changesMoveRecords: true, export: null },
  evidence: { versions: 'EACH', times: ['customerVisibleTime', 'createdTime', 'firstObservedTime'] },
  polling: { variable: 'POLL_CASES_EVERY', defaultMs: 4 * HOUR, threshold: 'pollCasesEvery' },
  shownAs: { severityRaw: 'severityLabel', severityLevelRaw: 'severityRaw' },
  texts: {
    record: 'An account-takeover case.',
    resource: 'Account-takeover cases, by when they were last modified.',
    list: 'The list of account-takeover cases.',
  },
} as const satisfies ResourceDefinition<CaseRecord>;
