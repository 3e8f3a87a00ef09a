import type { QuarantineCode } from '../../model/ledger.js';
import { DEFINITION_OF, isListed, KINDS, type Kind, PARTS } from '../../resources/registry.js';
import type { MessageRemediation, ThreatRemediation } from '../../resources/threat/threat.js';
import type {
  attackedParty,
  attackStrategy,
  attackType,
  attackVector,
  caseStatus,
  confidence,
  impersonatedParty,
  judgement,
  remediationState,
  severityLevel,
} from '../../resources/vocabularies.js';
import { describedEnum, openEnum } from '../base/fields.js';

export const AttackType = openEnum<typeof attackType>('AttackType', 'Attack type.', {
  INTERNAL_TO_INTERNAL: 'From a compromised account of the organisation (`Internal-to-Internal Attacks`).',
  SPAM: 'Unwanted bulk mail.',
  GRAYMAIL: 'Bulk mail that the recipient once signed up for.',
  RECONNAISSANCE: 'A first contact to find out who answers.',
  SCAM: 'Fraud against a person.',
  SOCIAL_ENGINEERING_BEC: 'Business e-mail compromise by social engineering.',
  CREDENTIAL_PHISHING: 'Tries to steal passwords (`Phishing: Credential`).',
  SENSITIVE_DATA_PHISHING: 'Tries to steal confidential data (`Phishing: Sensitive Data`).',
  INVOICE_FRAUD_BEC: 'Business e-mail compromise with a false invoice or payment.',
  MALWARE: 'Contains or links to malicious software.',
  EXTORTION: 'Demands money with a threat.',
});

export const AttackStrategy = openEnum<typeof attackStrategy>(
  'AttackStrategy',
  'How the attacker hides the sender’s identity.',
  {
    NAME_IMPERSONATION: 'Uses a person’s name with another address.',
    INTERNAL_COMPROMISED_ACCOUNT: 'Sends from a compromised account of the organisation.',
    EXTERNAL_COMPROMISED_ACCOUNT: 'Sends from a compromised account outside the organisation.',
    SPOOFED_EMAIL: 'Uses a forged address.',
    UNKNOWN_SENDER: 'Does not hide: the sender is unknown.',
    COVID_19: 'Uses Covid-19 as a pretext.',
  },
);

export const AttackVector = openEnum<typeof attackVector>(
  'AttackVector',
  'The harmful part of the message.',
  {
    LINK: 'A link.',
    ATTACHMENT: 'An attachment.',
    ZIPPED_ATTACHMENT: 'An archive that contains a file.',
    TEXT: 'The text.',
    QR_CODE: 'A QR code.',
    CALENDAR_INVITE: 'An invitation to a meeting.',
    SPAM_BOMB: 'The large number of messages.',
  },
);

export const ImpersonatedParty = openEnum<typeof impersonatedParty>(
  'ImpersonatedParty',
  'Who the attacker pretends to be.',
  {
    VIP: 'An important person of the organisation.',
    ASSISTANT: 'An assistant.',
    EMPLOYEE: 'Another employee.',
    BRAND: 'A well-known company.',
    KNOWN_PARTNER: 'A known business partner.',
    UNKNOWN_PARTNER: 'An unknown business partner.',
    AUTOMATED_INTERNAL: 'An internal system of the organisation.',
    AUTOMATED_EXTERNAL: 'An external system.',
    NONE: 'None of these (`None / Others`).',
  },
);

export const AttackedParty = openEnum<typeof attackedParty>('AttackedParty', 'Who the attack targets.', {
  VIP: 'An important person of the organisation.',
  EMPLOYEE: 'Another employee.',
  EXTERNAL_RECIPIENTS: 'A recipient outside the organisation.',
});

export const MessageRemediationState = describedEnum<MessageRemediation>(
  'MessageRemediationState',
  'Remediation state of one message, derived from its status, its remediation time and the two older flags.',
  {
    REMEDIATED: 'Remediated.',
    ATTEMPTED: 'Remediation was tried; no success was reported.',
    NOT_REMEDIATED: 'Not remediated, as in passive mode.',
    NOT_NEEDED: 'Marked as safe.',
    UNKNOWN: 'Abnormal returns no information.',
  },
);

export const ThreatRemediationState = describedEnum<ThreatRemediation['state']>(
  'ThreatRemediationState',
  'Remediation state of a threat, derived from its stored messages; messages marked as safe do not count.',
  {
    REMEDIATED: 'All messages were remediated.',
    PARTLY: 'Some messages were remediated, others were not.',
    ATTEMPTED: 'Remediation was tried for all messages; no success was reported.',
    NOT_REMEDIATED: 'No message was remediated.',
    NOT_NEEDED: 'All messages were marked as safe.',
    UNKNOWN: 'No message is stored, or Abnormal returns no information about any.',
  },
);

export const Severity = openEnum<typeof severityLevel>('Severity', 'Abnormal’s severity of a case.', {
  NONE: 'None.',
  LOW: 'Low.',
  MEDIUM: 'Medium.',
  HIGH: 'High.',
});

export const Confidence = openEnum<typeof confidence>('Confidence', 'Abnormal’s confidence in a case.', {
  LOW: 'Low.',
  MEDIUM: 'Medium.',
  HIGH: 'High.',
});

export const CaseStatus = openEnum<typeof caseStatus>('CaseStatus', 'Status of a case.', {
  ACTION_REQUIRED: 'Open: nobody works on it (`Action Required`).',
  IN_PROGRESS: 'In progress (`Acknowledged (In progress)`).',
  RESOLVED: 'An attack that was resolved (`Acknowledged (Attack resolved)`).',
  NOT_AN_ATTACK: 'Not an attack (`Acknowledged (Not an attack)`).',
});

export const RemediationStatus = openEnum<typeof remediationState>(
  'RemediationStatus',
  'Action taken for a message or a case, according to Abnormal.',
  {
    REMEDIATED: 'Remediated: moved or deleted, automatically or later; for a case, secured.',
    ATTEMPTED: 'Remediation was tried; no success was reported.',
    NOT_REMEDIATED: 'Not remediated.',
    WOULD_REMEDIATE: 'Passive mode: Abnormal only reports that it would have acted.',
    MARKED_SAFE: 'Marked as safe by a user.',
  },
);

export const Judgement = openEnum<typeof judgement>(
  'Judgement',
  'Abnormal’s judgement of a reported e-mail.',
  {
    MALICIOUS: 'An attack.',
    SPAM: 'Unwanted, not dangerous.',
    SAFE: 'Harmless.',
    SCANNING: 'Not decided yet; it is read again until it is decided.',
    NOT_AVAILABLE: 'No judgement (`N/A`).',
  },
);

const TEXTS = Object.fromEntries(
  KINDS.map((kind) => [kind, isListed(kind) ? DEFINITION_OF[kind].texts.record : PARTS[kind].part.text]),
) as Record<Kind, string>;

export const QuarantinedKindEnum = describedEnum<Kind>(
  'QuarantinedKind',
  'Kind of what can be quarantined: a record, or a part of one that is read on demand.',
  TEXTS,
);

export const QuarantineCodeEnum = describedEnum<QuarantineCode>(
  'QuarantineCode',
  'Why a record is quarantined.',
  {
    UNDECODABLE: 'Abnormal’s response cannot be parsed.',
    NOT_FOUND: 'Abnormal responded with 404 in one run.',
    GONE: 'Abnormal responded with 404 in two runs: the record counts as deleted, or disappeared before it could be read. It is requested again at increasing intervals.',
    FAILED: 'It could not be fetched.',
  },
);
