import { conjuncts, type Fields, type Filter } from '../values/filter.js';
import { type CampaignRecord, campaignFields } from './campaign/campaign.js';
import { type CaseRecord, caseFields } from './case/case.js';
import type { CaseAnalysis } from './case/case-analysis.js';
import type { FieldSpec } from './definition.js';
import { type ThreatRecord, threatFields } from './threat/threat.js';
import type { ThreatAttachments, ThreatLinks } from './threat/threat-parts.js';

export const RESOURCES = ['threats', 'cases', 'campaigns'] as const;
export type Resource = (typeof RESOURCES)[number];

/** The first three are collected; the others belong to a threat or a case and are read on request. */
export const KINDS = [
  'threat',
  'case',
  'campaign',
  'caseAnalysis',
  'threatAttachments',
  'threatLinks',
] as const;
export type Kind = (typeof KINDS)[number];

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

/** The account, the kind, and Abnormal's id. */
export interface RecordKey {
  readonly integration: string;
  readonly kind: Kind;
  readonly id: string;
}

/** For maps; a space never occurs in an integration's name or a kind. */
export function keyText(key: RecordKey): string {
  return `${key.integration} ${key.kind} ${key.id}`;
}

/*
 * How the fields of a record are stored in its revision. MongoDB compares a list by any of its values and
 * treats missing as null, so `f` omits missing values and empty lists, and stores a list of one as its value.
 * `id` is part of the key. `contains` ignores case by `fold`; MongoDB can do that for ASCII, so only fields
 * with other text are also stored folded, in `c`.
 */

export function isListed(kind: Kind): kind is ListedKind {
  return Object.hasOwn(FIELDS, kind);
}

export const LISTED_KINDS: readonly ListedKind[] = ['threat', 'case', 'campaign'];

export type FilterKey = 'receivedTime' | 'latestTimeRemediated' | 'lastModifiedTime' | 'lastReportedTime';

/** The filter keys for collection; the first one defines the population. */
export const FILTER_KEYS: Record<Resource, readonly [FilterKey, ...FilterKey[]]> = {
  threats: ['receivedTime', 'latestTimeRemediated'],
  cases: ['lastModifiedTime'],
  campaigns: ['lastReportedTime'],
};

/** The fields of each listed kind, from which stores create their columns and indexes. */
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

/** The default time of a list, by which Abnormal windows it. */
export const DEFAULT_ORDER = {
  threat: 'receivedTime',
  case: 'lastModifiedTime',
  campaign: 'lastReportedTime',
} as const satisfies Record<ListedKind, string>;

export function fieldSpec(kind: ListedKind, field: string): FieldSpec | undefined {
  const specs: Record<string, FieldSpec> = FIELDS[kind];
  return Object.hasOwn(specs, field) ? specs[field] : undefined;
}

/** The fields for filters and orders, all of them present. */
export function fieldsOf<K extends ListedKind>(kind: K, record: RecordOf[K]): Fields {
  if (kind === 'threat') return threatFields(record as ThreatRecord);
  if (kind === 'case') return caseFields(record as CaseRecord);
  return campaignFields(record as CampaignRecord);
}

export interface RecordOf {
  threat: ThreatRecord;
  case: CaseRecord;
  campaign: CampaignRecord;
  caseAnalysis: CaseAnalysis;
  threatAttachments: ThreatAttachments;
  threatLinks: ThreatLinks;
}

export type AnyRecord = RecordOf[keyof RecordOf];

/** A time field that is null in every match, if the top level requires that; an index finds them. */
export function absentTime(kind: ListedKind, filter: Filter | null): string | null {
  for (const part of conjuncts(filter)) {
    if ('eq' in part && part.eq === null && fieldSpec(kind, part.field)?.type === 'instant')
      return part.field;
  }
  return null;
}
