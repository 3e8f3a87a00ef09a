import { z } from 'zod';
import { severityLevel } from '../vocabularies.js';
import {
  assertId,
  type Decoded,
  decode,
  instant,
  optionalId,
  type Received,
  requiredId,
  term,
  text,
  texts,
  unreadParts,
  word,
} from '../wire.js';
import type { CaseRecord } from './case.js';

/*
 * One shape for list item and detail, whose field names differ and have changed over the years: the second
 * name is that of the other endpoint or of an older version.
 */
const shape = {
  description: text,
  severity: term,
  severity_level: term,
  severityLevel: term,
  confidence: term,
  case_status: term,
  caseStatus: term,
  remediation_status: term,
  remediationStatus: term,
  analysis: term,
  affectedEmployee: word,
  firstObserved: instant,
  first_observed: instant,
  customerVisibleTime: instant,
  customer_visible_time: instant,
  created: instant,
  createdTime: instant,
  last_modified: instant,
  lastModifiedTime: instant,
  threatIds: texts,
  genai_summary: texts,
  tenant: word,
};

export const caseSchema = z.object({ caseId: requiredId, ...shape });
export const caseItemSchema = z.object({ caseId: optionalId, ...shape });

type RawCase = Omit<z.infer<typeof caseSchema>, 'caseId'>;

/** Joins a case's detail with its list item; the detail, read later, wins. */
export function decodeCase(
  id: string,
  detail: Received,
  item: Readonly<Record<string, unknown>> | null,
): Decoded<CaseRecord> {
  const what = `the case ${id}`;
  const read = decode(caseSchema, detail, what);
  assertId(id, read.caseId, detail, what);
  const evidence = () => JSON.stringify(item);
  const listed = decode(caseItemSchema, { json: item ?? {}, evidence }, `the list item of ${what}`);
  return {
    record: { caseId: read.caseId, ...join(read, listed) },
    payload: { item, detail: detail.json },
    unread: [
      ...unreadParts(caseSchema.shape, detail.json),
      ...unreadParts(caseItemSchema.shape, item, 'item.'),
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
