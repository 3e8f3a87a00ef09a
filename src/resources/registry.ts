import { conjuncts, type Fields, type Filter } from '../values/filter.js';
import { type CampaignRecord, campaignFields } from './campaign/campaign.js';
import { type CaseRecord, caseFields } from './case/case.js';
import type { CaseAnalysis } from './case/case-analysis.js';
import type { FieldSpec } from './definition.js';
import { type ThreatRecord, threatFields } from './threat/threat.js';
import type { ThreatAttachments, ThreatLinks } from './threat/threat-parts.js';

/** The resources that Abnormal lists and that the gateway collects, each from one or more streams. */
export const RESOURCES = ['threats', 'cases', 'campaigns'] as const;
export type Resource = (typeof RESOURCES)[number];

/**
 * What a record in the history is. The first three are collected; the rest hang off a threat or a case,
 * carry its id, and are read when somebody asks for them.
 */
export const KINDS = [
  'threat',
  'case',
  'campaign',
  'caseAnalysis',
  'threatAttachments',
  'threatLinks',
] as const;
export type Kind = (typeof KINDS)[number];

/** The kinds that can be listed, filtered and ordered. */
export type ListedKind = 'threat' | 'case' | 'campaign';

export const KIND_OF: Record<Resource, ListedKind> = {
  threats: 'threat',
  cases: 'case',
  campaigns: 'campaign',
};

export const RESOURCE_OF: Record<ListedKind, Resource> = {
  threat: 'threats',
  case: 'cases',
  campaign: 'campaigns',
};

/** Names one record: the Abnormal account it came from, what it is, and its id there. */
export interface RecordKey {
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
}

/** The key as one string, for maps; a space never occurs in an integration's name or a kind. */
export function keyText(key: RecordKey): string {
  return `${key.integration} ${key.kind} ${key.id}`;
}

/*
 * How the fields of a record stand in its revision. MongoDB compares a list by any of its values, and one
 * value as it would a list of that alone; what is missing it takes for null, in filters, orders and indexes.
 * So `f` holds only what there is, a list of one as its value, and no empty list. `id` is a part of the key
 * and stands outside.
 *
 * `contains` ignores case by `fold`. On text of ASCII alone MongoDB can do that too, so only fields that hold
 * other text are kept a second time, folded, in `c`.
 */

export function isListed(kind: Kind): kind is ListedKind {
  return Object.hasOwn(FIELDS, kind);
}

export const LISTED_KINDS: readonly ListedKind[] = ['threat', 'case', 'campaign'];

export type FilterKey = 'receivedTime' | 'latestTimeRemediated' | 'lastModifiedTime' | 'lastReportedTime';

/** The filter keys that each resource is collected by; the first is the one that defines its population. */
export const FILTER_KEYS: Record<Resource, readonly [FilterKey, ...FilterKey[]]> = {
  threats: ['receivedTime', 'latestTimeRemediated'],
  cases: ['lastModifiedTime'],
  campaigns: ['lastReportedTime'],
};

/** The fields of each listed kind. Stores make their columns and indexes from this table. */
export const FIELDS = {
  threat: {
    id: { type: 'text', order: true },
    receivedTime: { type: 'instant', order: true },
    firstReceivedTime: { type: 'instant', order: true },
    latestRemediationTime: { type: 'instant', order: true },
    recipientCount: { type: 'number', order: true },
    remediationState: { type: 'text' },
    unremediated: { type: 'boolean' },
    attackType: { type: 'texts' },
    attackStrategy: { type: 'texts' },
    attackVector: { type: 'texts' },
    impersonatedParty: { type: 'texts' },
    subject: { type: 'texts' },
    fromAddress: { type: 'texts' },
    fromName: { type: 'texts' },
    senderDomain: { type: 'texts' },
    recipientAddress: { type: 'texts' },
    messageId: { type: 'texts', reference: true },
  },
  case: {
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
  campaign: {
    id: { type: 'text', order: true },
    lastReportedTime: { type: 'instant', order: true },
    firstReportedTime: { type: 'instant', order: true },
    judgement: { type: 'text' },
    scanning: { type: 'boolean' },
    attackType: { type: 'text' },
    subject: { type: 'text' },
    fromAddress: { type: 'text' },
    recipientAddress: { type: 'text' },
    messageId: { type: 'text', reference: true },
  },
} as const satisfies Record<ListedKind, Record<string, FieldSpec>>;

/** The time that a kind is listed by when nobody says otherwise, and by which Abnormal windows it. */
export const DEFAULT_ORDER = {
  threat: 'receivedTime',
  case: 'lastModifiedTime',
  campaign: 'lastReportedTime',
} as const satisfies Record<ListedKind, string>;

/** The spec of a field, or undefined when the kind has no such field. */
export function fieldSpec(kind: ListedKind, field: string): FieldSpec | undefined {
  const specs: Record<string, FieldSpec> = FIELDS[kind];
  return Object.hasOwn(specs, field) ? specs[field] : undefined;
}

/** What filters and orders see of a record. Every field of the kind is present. */
export function fieldsOf<K extends ListedKind>(kind: K, record: RecordOf[K]): Fields {
  if (kind === 'threat') return threatFields(record as ThreatRecord);
  if (kind === 'case') return caseFields(record as CaseRecord);
  return campaignFields(record as CampaignRecord);
}

/** The decoded record of each kind. */
export interface RecordOf {
  threat: ThreatRecord;
  case: CaseRecord;
  campaign: CampaignRecord;
  caseAnalysis: CaseAnalysis;
  threatAttachments: ThreatAttachments;
  threatLinks: ThreatLinks;
}

export type AnyRecord = RecordOf[keyof RecordOf];

/** A time field that every match of the filter is without, if its top level asks for that: an index finds them. */
export function absentTime(kind: ListedKind, filter: Filter | null): string | null {
  for (const part of conjuncts(filter)) {
    if ('eq' in part && part.eq === null && fieldSpec(kind, part.field)?.type === 'instant')
      return part.field;
  }
  return null;
}
