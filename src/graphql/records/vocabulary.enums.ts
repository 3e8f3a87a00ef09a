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
import { WordCache } from '../../values/bounded-cache.js';
import { describedEnum } from '../base/fields.js';

type Word<F extends (raw: string | null) => string | null> = NonNullable<ReturnType<F>>;

const OTHER = 'A value that this version of the gateway does not know; the `…Raw` field has it.';

export type AttackType = Word<typeof attackType>;
export const AttackType = describedEnum<AttackType>('AttackType', 'What kind of attack Abnormal found.', {
  INTERNAL_TO_INTERNAL: 'From a taken-over account within (`Internal-to-Internal Attacks`).',
  SPAM: 'Unwanted bulk mail.',
  GRAYMAIL: 'Wanted once, or merely bothersome.',
  RECONNAISSANCE: 'A first contact that tries out who answers.',
  SCAM: 'Fraud upon a person.',
  SOCIAL_ENGINEERING_BEC: 'Business e-mail compromise by persuasion.',
  CREDENTIAL_PHISHING: 'After passwords (`Phishing: Credential`).',
  SENSITIVE_DATA_PHISHING: 'After confidential data (`Phishing: Sensitive Data`).',
  INVOICE_FRAUD_BEC: 'Business e-mail compromise by a false invoice or payment.',
  MALWARE: 'Carries or leads to malicious software.',
  EXTORTION: 'Threatens, for money.',
  OTHER,
});

export type AttackStrategy = Word<typeof attackStrategy>;
export const AttackStrategy = describedEnum<AttackStrategy>(
  'AttackStrategy',
  'How the attacker hides who is writing.',
  {
    NAME_IMPERSONATION: 'Under somebody’s name, from another address.',
    INTERNAL_COMPROMISED_ACCOUNT: 'From a taken-over account within.',
    EXTERNAL_COMPROMISED_ACCOUNT: 'From a taken-over account outside.',
    SPOOFED_EMAIL: 'Under a forged address.',
    UNKNOWN_SENDER: 'Not hidden: the sender is simply unknown.',
    COVID_19: 'In the guise of news about Covid-19.',
    OTHER,
  },
);

export type AttackVector = Word<typeof attackVector>;
export const AttackVector = describedEnum<AttackVector>(
  'AttackVector',
  'What in the message does the harm.',
  {
    LINK: 'A link.',
    ATTACHMENT: 'An attachment.',
    ZIPPED_ATTACHMENT: 'An archive with a file in it.',
    TEXT: 'The text alone.',
    QR_CODE: 'A QR code.',
    CALENDAR_INVITE: 'An invitation to a meeting.',
    SPAM_BOMB: 'The sheer number of messages.',
    OTHER,
  },
);

export type ImpersonatedParty = Word<typeof impersonatedParty>;
export const ImpersonatedParty = describedEnum<ImpersonatedParty>(
  'ImpersonatedParty',
  'Whom the attacker pretends to be.',
  {
    VIP: 'One of the organisation’s important people.',
    ASSISTANT: 'An assistant.',
    EMPLOYEE: 'Another employee.',
    BRAND: 'A well-known company.',
    KNOWN_PARTNER: 'A business partner that is known.',
    UNKNOWN_PARTNER: 'A business partner that is not known.',
    AUTOMATED_INTERNAL: 'One of the organisation’s own systems.',
    AUTOMATED_EXTERNAL: 'Somebody else’s system.',
    NONE: 'Nobody, or none of these (`None / Others`).',
    OTHER,
  },
);

export type AttackedParty = Word<typeof attackedParty>;
export const AttackedParty = describedEnum<AttackedParty>('AttackedParty', 'Whom the attack is aimed at.', {
  VIP: 'One of the organisation’s important people.',
  EMPLOYEE: 'Another employee.',
  EXTERNAL_RECIPIENTS: 'Somebody outside.',
  OTHER,
});

export const MessageRemediationState = describedEnum<MessageRemediation>(
  'MessageRemediationState',
  'What became of one message, derived from its status, its remediation time and the two older flags.',
  {
    REMEDIATED: 'Dealt with.',
    ATTEMPTED: 'Tried, with no success reported.',
    NOT_REMEDIATED: 'Still where it was, as in passive mode.',
    NOT_NEEDED: 'Marked as safe.',
    UNKNOWN: 'Abnormal says nothing of it.',
  },
);

export const ThreatRemediationState = describedEnum<ThreatRemediation['state']>(
  'ThreatRemediationState',
  'What became of a threat, summed up over the messages held; those marked as safe do not count.',
  {
    REMEDIATED: 'Every message was dealt with.',
    PARTLY: 'Some messages were dealt with, others not.',
    ATTEMPTED: 'Every message was tried, none with success reported.',
    NOT_REMEDIATED: 'No message was dealt with.',
    NOT_NEEDED: 'Every message was marked as safe.',
    UNKNOWN: 'No message is held, or Abnormal says nothing of any.',
  },
);

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

export type Judgement = NonNullable<ReturnType<typeof judgement>>;
export const Judgement = describedEnum<Judgement>('Judgement', 'What Abnormal made of a reported e-mail.', {
  MALICIOUS: 'An attack.',
  SPAM: 'Unwanted, not dangerous.',
  SAFE: 'Harmless.',
  SCANNING: 'Not decided yet; it is read again until it is.',
  NOT_AVAILABLE: 'Abnormal gives no judgement (`N/A`).',
  OTHER: 'A value that this version of the gateway does not know; the `…Raw` field has it.',
});

/** `read` with its answers kept, for pure readings of texts of which few occur over and over. */
export function memoize<T>(read: (text: string | null) => T): (text: string | null) => T {
  const answers = new WordCache<T>('normalisedWords');
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = read(text);
    answers.set(text, answer);
    return answer;
  };
}

const TEXTS = Object.fromEntries(
  KINDS.map((kind) => [kind, isListed(kind) ? DEFINITION_OF[kind].texts.record : PARTS[kind].part.text]),
) as Record<Kind, string>;

export const QuarantinedKindEnum = describedEnum<Kind>(
  'QuarantinedKind',
  'What can be set aside: a record, or what is read of one when somebody asks.',
  TEXTS,
);

export const QuarantineCodeEnum = describedEnum<QuarantineCode>(
  'QuarantineCode',
  'Why a record is set aside.',
  {
    UNDECODABLE: 'What Abnormal sent does not read as one.',
    NOT_FOUND: 'Abnormal answered 404 in one run.',
    GONE: 'Abnormal answered 404 in two runs: the record counts as deleted, or disappeared before it could be read. It is requested again, ever more rarely.',
    FAILED: 'It could not be fetched.',
  },
);
