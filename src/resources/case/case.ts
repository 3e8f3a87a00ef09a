import type { Fields } from '../../values/filter.js';
import type { Instant } from '../../values/instant.js';
import type { Unreadable } from '../definition.js';
import { caseStatus, confidence, remediationState, severityLevel } from '../vocabularies.js';

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

export function caseFields(record: CaseRecord): Fields {
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

/** Every status except the two that end a case, including unknown ones. */
export function isOpenCase(record: CaseRecord): boolean {
  const status = caseStatus(record.statusRaw);
  return status !== 'RESOLVED' && status !== 'NOT_AN_ATTACK';
}
