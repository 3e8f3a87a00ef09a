import { WordCache } from '../values/bounded-cache.js';

/*
 * Abnormal's word lists are open: spellings differ between endpoints and years, and new values arrive without
 * notice. Each list here maps what has been seen to an enum value and everything else to OTHER.
 * `null` stays `null`: not said.
 */

const squash = (raw: string) =>
  raw
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, ' ')
    .trim();

/** `prefix` is not part of a value. */
function vocabulary<T extends string>(words: Record<T, readonly string[]>, prefix?: RegExp) {
  const known = new Map<string, T>();
  for (const [value, spellings] of Object.entries<readonly string[]>(words)) {
    for (const spelling of spellings) known.set(squash(spelling), value as T);
  }
  // few spellings occur, and each very often
  const normalised = new WordCache<T | 'OTHER' | null>('normalisedWords');
  return (raw: string | null): T | 'OTHER' | null => {
    if (raw === null) return null;
    const before = normalised.get(raw);
    if (before !== undefined) return before;
    const text = prefix ? raw.replace(prefix, '') : raw;
    const value = text.trim() === '' ? null : (known.get(squash(text)) ?? 'OTHER');
    normalised.set(raw, value);
    return value;
  };
}

const ATTACK_TYPES = {
  INTERNAL_TO_INTERNAL: ['Internal-to-Internal Attacks (Email Account Takeover)', 'Email Account Takeover'],
  SPAM: ['Spam'],
  GRAYMAIL: ['Graymail'],
  RECONNAISSANCE: ['Reconnaissance'],
  SCAM: ['Scam'],
  SOCIAL_ENGINEERING_BEC: ['Social Engineering (BEC)', 'Social Engineering'],
  CREDENTIAL_PHISHING: ['Phishing: Credential', 'Phishing', 'Credential Phishing'],
  SENSITIVE_DATA_PHISHING: ['Phishing: Sensitive Data'],
  INVOICE_FRAUD_BEC: ['Invoice/Payment Fraud (BEC)', 'Invoice Fraud'],
  MALWARE: ['Malware'],
  EXTORTION: ['Extortion'],
};

/** Campaigns have the prefix `Attack Type: ` or `Malicious: `. */
export const attackType = vocabulary(ATTACK_TYPES, /^\s*(attack type|malicious|spam)\s*:\s*/i);

export const attackStrategy = vocabulary({
  NAME_IMPERSONATION: ['Name Impersonation'],
  INTERNAL_COMPROMISED_ACCOUNT: ['Internal Compromised Email Account'],
  EXTERNAL_COMPROMISED_ACCOUNT: ['External Compromised Email Account'],
  SPOOFED_EMAIL: ['Spoofed Email'],
  UNKNOWN_SENDER: ['Unknown Sender'],
  COVID_19: ['Covid 19 Related Attack'],
});

export const attackVector = vocabulary({
  LINK: ['Link'],
  ATTACHMENT: ['Attachment'],
  ZIPPED_ATTACHMENT: ['Attachment with Zipped File'],
  TEXT: ['Text'],
  QR_CODE: ['QR Code'],
  CALENDAR_INVITE: ['Calendar Invite'],
  SPAM_BOMB: ['Spam Bomb'],
});

export const impersonatedParty = vocabulary({
  VIP: ['VIP'],
  ASSISTANT: ['Assistants', 'Assistant'],
  EMPLOYEE: ['Employee (other)', 'Employee'],
  BRAND: ['Brand'],
  KNOWN_PARTNER: ['Known Partners'],
  UNKNOWN_PARTNER: ['Unknown Partner'],
  AUTOMATED_INTERNAL: ['Automated System (Internal)'],
  AUTOMATED_EXTERNAL: ['Automated System (External)'],
  NONE: ['None / Others'],
});

export const attackedParty = vocabulary({
  VIP: ['VIP'],
  EMPLOYEE: ['Employee (other)', 'Employee'],
  EXTERNAL_RECIPIENTS: ['External Recipients'],
});

export const remediationState = vocabulary({
  REMEDIATED: ['Auto-Remediated', 'Auto-Remediated to Junk', 'Post Remediated', 'Remediated'],
  ATTEMPTED: ['Remediation Attempted'],
  NOT_REMEDIATED: ['Not remediated'],
  WOULD_REMEDIATE: ['Would Remediate'],
  MARKED_SAFE: ['Marked Safe'],
});

export const severityLevel = vocabulary({
  NONE: ['NONE'],
  LOW: ['LOW'],
  MEDIUM: ['MEDIUM'],
  HIGH: ['HIGH'],
});

export const confidence = vocabulary({ LOW: ['LOW'], MEDIUM: ['MEDIUM'], HIGH: ['HIGH'] });

export const caseStatus = vocabulary({
  ACTION_REQUIRED: ['Action Required'],
  IN_PROGRESS: ['Acknowledged (In progress)'],
  RESOLVED: ['Acknowledged (Attack resolved)'],
  NOT_AN_ATTACK: ['Acknowledged (Not an attack)'],
});

export const judgement = vocabulary({
  MALICIOUS: ['Malicious'],
  SPAM: ['Spam'],
  SAFE: ['Safe'],
  SCANNING: ['Scanning'],
  NOT_AVAILABLE: ['N/A'],
});

export const inquiryType = vocabulary({
  MISSED_ATTACK: ['MISSED_ATTACK'],
  FALSE_POSITIVE: ['FALSE_POSITIVE'],
});

export const reportStatus = vocabulary({
  UNREVIEWED: ['UNREVIEWED'],
  CONTAINING_ATTACK: ['CONTAINING_ATTACK'],
  IMPROVING_PLATFORM: ['IMPROVING_PLATFORM'],
  CORRECTING_JUDGEMENT: ['CORRECTING_JUDGEMENT'],
  RESOLVED: ['RESOLVED'],
});

export const notAnalyzedReason = vocabulary({
  PHISHING_SIMULATION: ['PHISHING_SIMULATION'],
  EXCLUDED_SENDER: ['EXCLUDED_SENDER'],
  CUSTOM_FILTER: ['CUSTOM_FILTER'],
  INVALID_MAILBOX: ['INVALID_MAILBOX'],
  ORIGINAL_EMAIL_NOT_LOCATED: ['ORIGINAL_EMAIL_NOT_LOCATED'],
  UNKNOWN_REPORTER: ['UNKNOWN_REPORTER'],
  INVALID_SUBMISSION: ['INVALID_SUBMISSION'],
  ROUTED_SUBMISSION: ['ROUTED_SUBMISSION'],
  COULD_NOT_EXTRACT: ['COULD_NOT_EXTRACT'],
  FROM_PHISHING_MAILBOX: ['FROM_PHISHING_MAILBOX'],
  NOT_ANALYZED_POV_QUOTA_REACHED: ['NOT_ANALYZED_POV_QUOTA_REACHED'],
  AI_CONVERSATION: ['AI_CONVERSATION'],
});

export const auditStatus = vocabulary({ SUCCESS: ['SUCCESS'], FAILURE: ['FAILURE'] });
