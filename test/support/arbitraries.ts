import fc, { type Arbitrary } from 'fast-check';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { Detection360ReportRecord } from '../../src/resources/detection360-report/detection360-report.js';
import type { NotAnalyzedMessageRecord } from '../../src/resources/not-analyzed-message/not-analyzed-message.js';
import type { PortalAuditLogRecord } from '../../src/resources/portal-audit-log/portal-audit-log.js';
import { type Kind, LISTED_KINDS, type RecordOf } from '../../src/resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../../src/resources/threat/threat.js';
import type { VendorCaseRecord } from '../../src/resources/vendor-case/vendor-case.js';
import type { Instant } from '../../src/values/instant.js';
import {
  sampleCampaign,
  sampleCase,
  sampleCaseAnalysis,
  sampleDetection360Report,
  sampleMessage,
  sampleNotAnalyzedMessage,
  samplePortalAuditLog,
  sampleRemediationHistory,
  sampleThreat,
  sampleThreatAttachments,
  sampleThreatLinks,
  sampleVendorCase,
} from './records.js';

/*
 * Values are drawn from small pools, so that generated filters often meet generated records, and the pools
 * hold what stores get wrong: LIKE and regular-expression metacharacters, quotes, case pairs that change
 * length, decomposed accents, characters whose UTF-8 and UTF-16 orders differ, NUL, nothing.
 */

export const TEXTS = [
  '',
  ' ',
  'a',
  'A',
  'ab',
  'aB%c_d',
  '100%',
  '%',
  '_',
  "it's",
  '"quoted"',
  '\\',
  '\\d+',
  '.*',
  '(a|b)[c]{2}^$?',
  '$ne',
  'a.b',
  'Straße',
  'STRASSE',
  'İstanbul',
  'ıstanbul',
  'ΣΊΣΥΦΟΣ',
  'σίσυφος',
  'é',
  'e\u0301',
  'É',
  '\u212bngstrom',
  '😀',
  '😀😁',
  '～',
  '\ufffd',
  '\ue000',
  'nul\u0000inside',
  'line\nbreak\ttab',
  'Grüße, Jürgen <jürgen@例え.テスト>',
  'user+tag@Example.COM',
] as const;

/** Ids as Abnormal sends them, and some that it never should. */
export const IDS = ['1', '10', '2', 'b7c9', 'B7C9', 'é', '～', '😀', "z%_'\\", 'with space'] as const;
export const MESSAGE_IDS = ['-1', '1', '10', '9223372036854775807', '-6274310382345678901'] as const;

export const INSTANTS: readonly Instant[] = [
  '0000-01-01T00:00:00.000Z',
  '2026-02-28T23:59:59.999Z',
  '2026-03-01T00:00:00.000Z',
  '2026-03-01T00:00:00.001Z',
  '2026-03-02T08:00:00.000Z',
  '2026-03-09T12:00:00.000Z',
  '9999-12-31T23:59:59.999Z',
];

export const NUMBERS = [-1, 0, 1, 2, 2.5, 10, 2_147_483_648, Number.MAX_SAFE_INTEGER] as const;

/** Words of the upstream vocabularies, in the spellings they come in, and one that nobody knows. */
const WORDS = [
  '',
  'Spam',
  'phishing: CREDENTIAL',
  'Attack Type: Scam',
  'Name Impersonation',
  'Link',
  'VIP',
  'Auto-Remediated',
  'Remediation Attempted',
  'Marked Safe',
  'Not remediated',
  'Action Required',
  'Acknowledged (Attack resolved)',
  'HIGH',
  'low',
  'Scanning',
  'Malicious',
  'Something new',
] as const;

// kept, though nothing compares it: text that is not well-formed UTF-16
const LONE_SURROGATE = 'cut \ud83d';

export const anyText: Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...TEXTS) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...TEXTS), fc.constantFrom(...TEXTS)).map((t) => t.join('')),
  },
);
export const anyInstant = fc.constantFrom(...INSTANTS);
export const anyNumber = fc.constantFrom(...NUMBERS);

const orNull = <T>(values: Arbitrary<T>) => fc.option(values, { freq: 4 });
const text = orNull(anyText);
const word = orNull(fc.constantFrom(...WORDS));
const instant = orNull(anyInstant);
const flag = orNull(fc.boolean());

const message: Arbitrary<MessageRecord> = fc
  .record({
    messageId: fc.constantFrom(...MESSAGE_IDS),
    subject: text,
    fromAddress: text,
    fromName: text,
    senderDomain: text,
    recipientAddress: text,
    receivedTime: instant,
    attackTypeRaw: word,
    attackStrategyRaw: word,
    attackVectorRaw: word,
    impersonatedPartyRaw: word,
    remediationStatusRaw: word,
    remediationTime: instant,
    autoRemediated: flag,
    summaryInsights: fc.array(fc.constantFrom(...TEXTS, LONE_SURROGATE), { maxLength: 2 }),
  })
  .map(({ messageId, ...changes }) => sampleMessage(messageId, changes));

const threat: Arbitrary<ThreatRecord> = fc
  .record({
    recipientCount: orNull(anyNumber),
    messages: fc.uniqueArray(message, { maxLength: 3, selector: ({ messageId }) => messageId }),
    pagesComplete: fc.boolean(),
  })
  .map((changes) => sampleThreat('', changes));

const case_: Arbitrary<CaseRecord> = fc
  .record({
    description: text,
    severityLevelRaw: word,
    confidenceRaw: word,
    statusRaw: word,
    remediationStatusRaw: word,
    analysisRaw: orNull(fc.constantFrom('SIGN_IN', LONE_SURROGATE)),
    affectedEmployee: text,
    firstObservedTime: instant,
    customerVisibleTime: instant,
    createdTime: instant,
    lastModifiedTime: instant,
    threatIds: fc.array(fc.constantFrom(...IDS), { maxLength: 4 }),
  })
  .map((changes) => sampleCase('', changes));

const campaign: Arbitrary<CampaignRecord> = fc
  .record({
    firstReportedTime: instant,
    lastReportedTime: instant,
    messageId: orNull(fc.constantFrom(...MESSAGE_IDS)),
    subject: text,
    fromAddress: text,
    recipientAddress: text,
    judgementStatusRaw: word,
    attackTypeRaw: word,
  })
  .map((changes) => sampleCampaign('', changes));

const detection360Report: Arbitrary<Detection360ReportRecord> = fc
  .record({
    inquiryTypeRaw: orNull(fc.constantFrom('MISSED_ATTACK', 'FALSE_POSITIVE', 'Something new')),
    statusRaw: orNull(fc.constantFrom('UNREVIEWED', 'RESOLVED', '')),
    submissionTime: instant,
    submittedByAddress: text,
    messageIds: fc.array(fc.constantFrom(...MESSAGE_IDS), { maxLength: 3 }),
  })
  .map((changes) => sampleDetection360Report('', changes));

const vendorCase: Arbitrary<VendorCaseRecord> = fc
  .record({
    vendorDomain: text,
    firstObservedTime: instant,
    lastModifiedTime: instant,
    timeline: fc.array(
      fc.record(
        {
          time: instant,
          senderAddress: text,
          recipientAddress: text,
          subject: text,
          markedAsRaw: word,
          threatId: orNull(fc.constantFrom(...IDS)),
        },
        // as JSON is read
        { noNullPrototype: true },
      ),
      { maxLength: 3 },
    ),
  })
  .map((changes) => {
    const threatIds = [...new Set(changes.timeline.flatMap(({ threatId }) => threatId ?? []))];
    return sampleVendorCase('', { ...changes, threatIds });
  });

const notAnalyzedMessage: Arbitrary<NotAnalyzedMessageRecord> = fc
  .record({
    reportedTime: instant,
    reasonRaw: orNull(fc.constantFrom('PHISHING_SIMULATION', 'AI_CONVERSATION', 'Something new')),
    subject: text,
    reporterAddress: text,
    recipientAddress: text,
  })
  .map((changes) => sampleNotAnalyzedMessage('', changes));

const portalAuditLog: Arbitrary<PortalAuditLogRecord> = fc
  .record({
    timestamp: instant,
    category: text,
    action: text,
    statusRaw: orNull(fc.constantFrom('SUCCESS', 'FAILURE', '')),
    userAddress: text,
    sourceIp: text,
    messageId: orNull(fc.constantFrom(...MESSAGE_IDS)),
  })
  .map((changes) => samplePortalAuditLog('', changes));

/** A few versions that any record of a kind may have, without its id. */
export interface Variants {
  readonly threat: readonly ThreatRecord[];
  readonly case: readonly CaseRecord[];
  readonly campaign: readonly CampaignRecord[];
  readonly detection360Report: readonly Detection360ReportRecord[];
  readonly vendorCase: readonly VendorCaseRecord[];
  readonly notAnalyzedMessage: readonly NotAnalyzedMessageRecord[];
  readonly portalAuditLog: readonly PortalAuditLogRecord[];
}

const few = <T>(records: Arbitrary<T>) => fc.array(records, { minLength: 4, maxLength: 4 });

export const variants: Arbitrary<Variants> = fc.record({
  threat: few(threat),
  case: few(case_),
  campaign: few(campaign),
  detection360Report: few(detection360Report),
  vendorCase: few(vendorCase),
  notAnalyzedMessage: few(notAnalyzedMessage),
  portalAuditLog: few(portalAuditLog),
});

/** Variant `index` of the record `id`. */
export function variantOf(of: Variants, kind: Kind, id: string, index: number): RecordOf[Kind] {
  const pick = <T>(list: readonly T[]): T => list[index % list.length] as T;
  if (kind === 'threat') return { ...pick(of.threat), threatId: id };
  if (kind === 'case') return { ...pick(of.case), caseId: id };
  if (kind === 'campaign') return { ...pick(of.campaign), campaignId: id };
  if (kind === 'notAnalyzedMessage') return { ...pick(of.notAnalyzedMessage), messageId: id };
  if (kind === 'portalAuditLog') return { ...pick(of.portalAuditLog), entryId: id };
  if (kind === 'vendorCase') return { ...pick(of.vendorCase), vendorCaseId: id };
  if (kind === 'detection360Report') return { ...pick(of.detection360Report), reportId: id };
  if (kind === 'caseAnalysis') return sampleCaseAnalysis(id, index % 2 ? { insights: [] } : {});
  if (kind === 'messageRemediation') return sampleRemediationHistory(id);
  return kind === 'threatLinks' ? sampleThreatLinks(id) : sampleThreatAttachments(id);
}

export const LISTED = LISTED_KINDS;
export const anyListedKind = fc.constantFrom(...LISTED);
