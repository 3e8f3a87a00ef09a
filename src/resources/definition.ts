import { conjuncts, type Fields, type Filter } from '../values/filter.js';
import type { Instant } from '../values/instant.js';
import type { ListedKind } from './kind.js';
import type { Campaign, Case, Message, RecordOf, Threat } from './records.js';
import { threatRemediation } from './threat/threat.js';
import {
  attackStrategy,
  attackType,
  attackVector,
  caseStatus,
  confidence,
  impersonatedParty,
  isOpenCase,
  judgement,
  remediationState,
  severityLevel,
} from './vocabularies.js';

/**
 * One field that lists can be filtered by.
 * `instant` and `text` hold one string, `texts` several; `order` marks those that lists can be ordered by,
 * and `reference` those that name other records and are looked up by value.
 */
export interface FieldSpec {
  readonly type: 'text' | 'texts' | 'instant' | 'number' | 'boolean';
  readonly order?: true;
  readonly reference?: true;
}

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

/** A time field that every match of the filter is without, if its top level asks for that: an index finds them. */
export function absentTime(kind: ListedKind, filter: Filter | null): string | null {
  for (const part of conjuncts(filter)) {
    if ('eq' in part && part.eq === null && fieldSpec(kind, part.field)?.type === 'instant')
      return part.field;
  }
  return null;
}

/** What filters and orders see of a record. Every field of the kind is present. */
export function fieldsOf<K extends ListedKind>(kind: K, record: RecordOf[K]): Fields {
  if (kind === 'threat') return threatFields(record as Threat);
  if (kind === 'case') return caseFields(record as Case);
  return campaignFields(record as Campaign);
}

function threatFields(threat: Threat): Fields {
  const { messages } = threat;
  const received = times(messages, (m) => m.receivedTime);
  const remediation = threatRemediation(threat);
  return {
    id: threat.threatId,
    receivedTime: received.at(-1) ?? null,
    firstReceivedTime: received[0] ?? null,
    latestRemediationTime: remediation.lastRemediationTime,
    recipientCount: threat.recipientCount,
    remediationState: remediation.state,
    unremediated: remediation.state !== 'REMEDIATED' && remediation.state !== 'NOT_NEEDED',
    attackType: distinct(messages, (m) => attackType(m.attackTypeRaw)),
    attackStrategy: distinct(messages, (m) => attackStrategy(m.attackStrategyRaw)),
    attackVector: distinct(messages, (m) => attackVector(m.attackVectorRaw)),
    impersonatedParty: distinct(messages, (m) => impersonatedParty(m.impersonatedPartyRaw)),
    subject: distinct(messages, (m) => m.subject),
    fromAddress: distinct(messages, (m) => m.fromAddress),
    fromName: distinct(messages, (m) => m.fromName),
    senderDomain: distinct(messages, (m) => m.senderDomain),
    recipientAddress: distinct(messages, (m) => m.recipientAddress),
    messageId: distinct(messages, (m) => m.messageId),
  };
}

const SEVERITY_RANK: Record<string, number> = { NONE: 0, LOW: 1, MEDIUM: 2, HIGH: 3 };

function caseFields(record: Case): Fields {
  const level = severityLevel(record.severityLevelRaw);
  return {
    id: record.caseId,
    lastModifiedTime: record.lastModifiedTime,
    createdTime: record.createdTime,
    customerVisibleTime: record.customerVisibleTime,
    firstObservedTime: record.firstObservedTime,
    severityLevel: level,
    severityRank: level === null ? null : (SEVERITY_RANK[level] ?? null),
    confidence: confidence(record.confidenceRaw),
    status: caseStatus(record.statusRaw),
    open: isOpenCase(record),
    remediationState: remediationState(record.remediationStatusRaw),
    affectedEmployee: record.affectedEmployee,
    description: record.description,
    threatId: [...new Set(record.threatIds)],
  };
}

function campaignFields(campaign: Campaign): Fields {
  const judged = judgement(campaign.judgementStatusRaw);
  return {
    id: campaign.campaignId,
    lastReportedTime: campaign.lastReportedTime,
    firstReportedTime: campaign.firstReportedTime,
    judgement: judged,
    scanning: judged === 'SCANNING',
    attackType: attackType(campaign.attackTypeRaw),
    subject: campaign.subject,
    fromAddress: campaign.fromAddress,
    recipientAddress: campaign.recipientAddress,
    messageId: campaign.messageId,
  };
}

function distinct(messages: readonly Message[], pick: (message: Message) => string | null): string[] {
  const values = new Set<string>();
  for (const message of messages) {
    const value = pick(message);
    if (value !== null) values.add(value);
  }
  return [...values];
}

function times(messages: readonly Message[], pick: (message: Message) => Instant | null): Instant[] {
  return distinct(messages, pick).sort();
}
