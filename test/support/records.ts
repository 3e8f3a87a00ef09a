import type { Batch } from '../../src/history/store.js';
import type { LedgerEntry, QuarantineEntry } from '../../src/model/ledger.js';
import type { Observation, Origin } from '../../src/model/revision.js';
import type { RunCounts, RunRecord } from '../../src/model/run.js';
import type { StreamState } from '../../src/model/stream.js';
import type { CampaignRecord } from '../../src/resources/campaign/campaign.js';
import type { CaseRecord } from '../../src/resources/case/case.js';
import type { CaseAnalysis } from '../../src/resources/case/case-analysis.js';
import type { Detection360ReportRecord } from '../../src/resources/detection360-report/detection360-report.js';
import type { NotAnalyzedMessageRecord } from '../../src/resources/not-analyzed-message/not-analyzed-message.js';
import type { PortalAuditLogRecord } from '../../src/resources/portal-audit-log/portal-audit-log.js';
import type { Kind, RecordKey, RecordOf } from '../../src/resources/registry.js';
import type { MessageRecord, ThreatRecord } from '../../src/resources/threat/threat.js';
import type {
  RemediationHistory,
  ThreatAttachments,
  ThreatLinks,
} from '../../src/resources/threat/threat-definition.js';
import type { VendorCaseRecord } from '../../src/resources/vendor-case/vendor-case.js';
import { canonicalJson, sha256 } from '../../src/values/canonical-json.js';
import { type Instant, toInstant } from '../../src/values/instant.js';

/*
 * Valid samples of everything that goes into a history. Each builder takes what matters to the test and
 * fills in the rest with fixed values.
 */

export const NO_COUNTS: RunCounts = {
  calls: 0,
  listCalls: 0,
  detailCalls: 0,
  listed: 0,
  added: 0,
  changed: 0,
  unchanged: 0,
  deleted: 0,
  quarantined: 0,
  skipped: 0,
  windows: 0,
};

export const START: Instant = '2026-03-02T08:00:00.000Z';

/** `START` moved by whole minutes. */
export function minutesAfterStart(minutes: number): Instant {
  return toInstant(Date.parse(START) + minutes * 60_000);
}

export function sampleMessage(messageId: string, changes: Partial<MessageRecord> = {}): MessageRecord {
  return {
    messageId,
    portalUrl: `https://portal.example.test/home/threat-center/remediation-history/${messageId}`,
    subject: 'Overdue invoice 4471',
    fromAddress: 'billing@vendor.example',
    fromName: 'Vendor Billing',
    senderDomain: 'vendor.example',
    senderIpAddress: '203.0.113.9',
    toAddresses: ['pat@customer.example'],
    recipientAddress: 'pat@customer.example',
    ccAddresses: [],
    replyToAddresses: ['reply@elsewhere.example'],
    returnPath: 'bounce@vendor.example',
    receivedTime: '2026-03-01T08:15:00.000Z',
    sentTime: '2026-03-01T08:14:58.000Z',
    internetMessageId: '<4471@vendor.example>',
    attackTypeRaw: 'Invoice/Payment Fraud (BEC)',
    attackStrategyRaw: 'Name Impersonation',
    attackVectorRaw: 'Text',
    attackedPartyRaw: 'Employee (other)',
    impersonatedPartyRaw: 'Known Partners',
    remediationStatusRaw: 'Auto-Remediated',
    remediationTime: '2026-03-01T08:15:09.123Z',
    autoRemediated: true,
    postRemediated: false,
    isRead: null,
    attachmentCount: 0,
    attachmentNames: [],
    urlCount: 1,
    urls: ['https://vendor.example/pay'],
    summaryInsights: ['Unusual sender'],
    judgementRaw: 'Attack',
    customerOverride: null,
    ...changes,
  };
}

export function sampleThreat(threatId: string, changes: Partial<ThreatRecord> = {}): ThreatRecord {
  return {
    threatId,
    recipientCount: 1,
    messages: [sampleMessage('-6274310382345678901')],
    pagesComplete: true,
    tenantId: '4071',
    tenantName: 'Customer',
    ...changes,
  };
}

export function sampleCase(caseId: string, changes: Partial<CaseRecord> = {}): CaseRecord {
  return {
    caseId,
    description: 'Possible account takeover of Pat',
    severityRaw: 'Potential Account Takeover',
    severityLevelRaw: 'HIGH',
    confidenceRaw: 'MEDIUM',
    statusRaw: 'Action Required',
    remediationStatusRaw: 'Not remediated',
    analysisRaw: 'SIGN_IN',
    affectedEmployee: 'pat@customer.example',
    firstObservedTime: '2026-03-01T06:00:00.000Z',
    customerVisibleTime: '2026-03-01T06:10:00.000Z',
    createdTime: '2026-03-01T06:05:00.000Z',
    lastModifiedTime: '2026-03-01T07:00:00.000Z',
    threatIds: [],
    genaiSummary: ['A sign-in from an unusual place'],
    tenant: null,
    ...changes,
  };
}

export function sampleCampaign(campaignId: string, changes: Partial<CampaignRecord> = {}): CampaignRecord {
  return {
    campaignId,
    firstReportedTime: '2026-03-01T05:00:00.000Z',
    lastReportedTime: '2026-03-01T05:30:00.000Z',
    messageId: '3141592653589793238',
    subject: 'Win a voucher',
    fromName: 'Vouchers',
    fromAddress: 'win@vouchers.example',
    recipientName: 'Sam',
    recipientAddress: 'sam@customer.example',
    judgementStatusRaw: 'Malicious',
    overallStatusRaw: 'Auto-Remediated',
    attackTypeRaw: 'Attack Type: Scam',
    ...changes,
  };
}

export function sampleVendorCase(
  vendorCaseId: string,
  changes: Partial<VendorCaseRecord> = {},
): VendorCaseRecord {
  return {
    vendorCaseId,
    vendorDomain: 'vendor.example',
    firstObservedTime: '2026-03-01T04:00:00.000Z',
    lastModifiedTime: '2026-03-01T04:30:00.000Z',
    insights: [
      { highlight: 'Vendor compromise', description: 'The vendor’s account is used by an attacker' },
    ],
    timeline: [
      {
        time: '2026-03-01T04:00:00.000Z',
        senderAddress: 'billing@vendor.example',
        recipientAddress: 'pat@customer.example',
        subject: 'New bank account',
        markedAsRaw: 'Malicious',
        threatId: 't1',
      },
    ],
    threatIds: ['t1'],
    ...changes,
  };
}

export function sampleNotAnalyzedMessage(
  messageId: string,
  changes: Partial<NotAnalyzedMessageRecord> = {},
): NotAnalyzedMessageRecord {
  return {
    messageId,
    reportedTime: '2026-03-01T07:00:00.000Z',
    reasonRaw: 'PHISHING_SIMULATION',
    subject: 'Fw: your parcel',
    reporterName: 'Sam',
    reporterAddress: 'sam@customer.example',
    recipientName: 'Reports',
    recipientAddress: 'phishing@customer.example',
    ...changes,
  };
}

export function samplePortalAuditLog(
  entryId: string,
  changes: Partial<PortalAuditLogRecord> = {},
): PortalAuditLogRecord {
  return {
    entryId,
    timestamp: '2026-03-01T07:30:00.141Z',
    category: 'threat_log',
    action: 'view_message_content',
    statusRaw: 'SUCCESS',
    userAddress: 'sam@customer.example',
    sourceIp: '192.0.2.7',
    tenantName: '',
    messageId: '-2718281828459045235',
    reason: null,
    requestUrl: '/threat-log',
    ...changes,
  };
}

export function sampleDetection360Report(
  reportId: string,
  changes: Partial<Detection360ReportRecord> = {},
): Detection360ReportRecord {
  return {
    reportId,
    inquiryTypeRaw: 'MISSED_ATTACK',
    statusRaw: 'UNREVIEWED',
    submissionTime: '2026-03-01T06:00:00.000Z',
    submittedByName: 'Sam',
    submittedByAddress: 'sam@customer.example',
    messageIds: ['-2718281828459045235'],
    analysis: null,
    rootCauses: [],
    ...changes,
  };
}

export function sampleCaseAnalysis(caseId: string, changes: Partial<CaseAnalysis> = {}): CaseAnalysis {
  return {
    caseId,
    insights: [{ signal: 'Risky location', description: 'Never seen before' }],
    events: [
      {
        time: '2026-03-01T06:00:00.000Z',
        categoryRaw: 'Sign In',
        title: 'Sign-in from a new country',
        description: null,
        ipAddress: '198.51.100.7',
        location: 'Ireland',
        previousLocation: null,
        // names as an upstream may send them, dots and dollars included
        details: { 'field.labels': { $browser: ['Edge'] }, second_factor_ip: null },
      },
    ],
    ...changes,
  };
}

export function sampleThreatAttachments(threatId: string): ThreatAttachments {
  return { threatId, attachments: [{ messageId: '-6274310382345678901', name: 'invoice.pdf' }] };
}

export function sampleRemediationHistory(messageId: string): RemediationHistory {
  return {
    messageId,
    events: [{ statusRaw: 'Auto-Remediated', time: '2026-03-01T08:15:09.123Z' }],
    folders: [{ name: 'junkemail', displayName: 'Junk' }],
  };
}

export function sampleThreatLinks(threatId: string): ThreatLinks {
  return {
    threatId,
    links: [
      {
        messageId: '-6274310382345678901',
        url: 'https://vendor.example/pay',
        domain: 'vendor.example',
        linkType: 'html href',
        source: 'body',
        displayText: 'Pay now',
      },
    ],
  };
}

export interface ObservationChanges {
  readonly integration?: string;
  readonly received?: string;
  readonly fetchedAt?: Instant;
  readonly basis?: number;
  readonly origin?: Origin;
}

/** `record` as seen in one request; what was received is the record's own JSON unless given. */
export function observationOf<K extends Kind>(
  kind: K,
  id: string,
  record: RecordOf[K],
  changes: ObservationChanges = {},
): Observation<K> {
  const { integration = 'default', received = canonicalJson(record) } = changes;
  return {
    key: { integration, kind, id },
    record,
    received,
    digest: sha256(received),
    fetchedAt: changes.fetchedAt ?? START,
    basis: changes.basis ?? 0,
    origin: changes.origin ?? 'ABNORMAL',
  };
}

export function observeThreat(record: ThreatRecord, changes?: ObservationChanges): Observation<'threat'> {
  return observationOf('threat', record.threatId, record, changes);
}

export function observeCase(record: CaseRecord, changes?: ObservationChanges): Observation<'case'> {
  return observationOf('case', record.caseId, record, changes);
}

export function observeCampaign(
  record: CampaignRecord,
  changes?: ObservationChanges,
): Observation<'campaign'> {
  return observationOf('campaign', record.campaignId, record, changes);
}

export function threatKey(id: string, integration = 'default') {
  return { integration, kind: 'threat', id } as const;
}

export function caseKey(id: string, integration = 'default') {
  return { integration, kind: 'case', id } as const;
}

export function campaignKey(id: string, integration = 'default') {
  return { integration, kind: 'campaign', id } as const;
}

export function sampleRun(id: string, changes: Partial<RunRecord> = {}): RunRecord {
  return {
    id,
    integration: 'default',
    resource: 'threats',
    trigger: 'POLL',
    status: 'RUNNING',
    startedAt: START,
    endedAt: null,
    parameters: { from: '2026-03-01', 'max.pages': 8 },
    counts: NO_COUNTS,
    errors: [],
    ...changes,
  };
}

/** A batch with nothing in it but what is given, of the run `run-1`. */
export function batchOf(id: string, changes: Partial<Batch> = {}): Batch {
  return {
    id,
    now: START,
    run: sampleRun('run-1'),
    observations: [],
    confirmed: [],
    tombstones: [],
    ledger: [],
    streams: [],
    quarantine: [],
    released: [],
    ...changes,
  };
}

export function ledgerEntry(changes: Partial<LedgerEntry> = {}): LedgerEntry {
  const { from = '2026-03-01T00:00:00.000Z', to = '2026-03-02T00:00:00.000Z' } = changes;
  return {
    integration: 'default',
    resource: 'threats',
    filterKey: 'receivedTime',
    from,
    to,
    status: 'COMPLETE',
    runId: 'run-1',
    readAt: START,
    settledTo: to,
    filter: `receivedTime gte ${from} lte ${to}`,
    declared: 3,
    listed: 3,
    held: 3,
    pages: 1,
    reason: null,
    ...changes,
  };
}

export function streamState(changes: Partial<StreamState> = {}): StreamState {
  return {
    integration: 'default',
    resource: 'threats',
    filterKey: 'receivedTime',
    status: 'OK',
    message: null,
    collectFrom: '2026-02-01T00:00:00.000Z',
    lastAttemptAt: START,
    lastSuccessAt: START,
    ...changes,
  };
}

export function quarantineEntry(key: RecordKey, changes: Partial<QuarantineEntry> = {}): QuarantineEntry {
  return {
    key,
    code: 'UNDECODABLE',
    reason: 'messages: not a list',
    body: '{"messages":7}',
    runId: 'run-1',
    firstSeenAt: START,
    lastTriedAt: START,
    tries: 1,
    ...changes,
  };
}
