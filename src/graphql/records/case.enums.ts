import type {
  caseStatus,
  confidence,
  remediationState,
  severityLevel,
} from '../../resources/vocabularies.js';
import { describedEnum } from '../base/described-enum.js';

type Word<F extends (raw: string | null) => string | null> = NonNullable<ReturnType<F>>;

const OTHER = 'A value that this version of the gateway does not know; the `…Raw` field has it.';

export type Severity = Word<typeof severityLevel>;
export const Severity = describedEnum<Severity>('Severity', 'How severe Abnormal holds a case to be.', {
  NONE: 'None.',
  LOW: 'Low.',
  MEDIUM: 'Medium.',
  HIGH: 'High.',
  OTHER,
});

export type Confidence = Word<typeof confidence>;
export const Confidence = describedEnum<Confidence>('Confidence', 'How sure Abnormal is of a case.', {
  LOW: 'Low.',
  MEDIUM: 'Medium.',
  HIGH: 'High.',
  OTHER,
});

export type CaseStatus = Word<typeof caseStatus>;
export const CaseStatus = describedEnum<CaseStatus>('CaseStatus', 'What somebody has done about a case.', {
  ACTION_REQUIRED: 'Nobody has taken it on (`Action Required`).',
  IN_PROGRESS: 'Somebody works on it (`Acknowledged (In progress)`).',
  RESOLVED: 'An attack, and dealt with (`Acknowledged (Attack resolved)`).',
  NOT_AN_ATTACK: 'Found to be harmless (`Acknowledged (Not an attack)`).',
  OTHER,
});

export type RemediationStatus = Word<typeof remediationState>;
export const RemediationStatus = describedEnum<RemediationStatus>(
  'RemediationStatus',
  'What Abnormal says was done about a message or a case.',
  {
    REMEDIATED: 'Dealt with: moved or deleted, automatically or afterwards; for a case, closed off.',
    ATTEMPTED: 'Tried, with no success reported.',
    NOT_REMEDIATED: 'Nothing was done.',
    WOULD_REMEDIATE: 'Passive mode: Abnormal only says that it would have acted.',
    MARKED_SAFE: 'Somebody marked it as safe.',
    OTHER,
  },
);
