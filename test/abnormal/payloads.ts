/** A message as the vendor's document has it; tests vary it. */
export function messagePayload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    threatId: 't1',
    abxMessageId: 101,
    abxMessageIdStr: '101',
    abxPortalUrl: 'https://portal.example.com/home/remediation-history/101',
    subject: 'Overdue invoice 4711',
    fromAddress: 'billing@vendor.example',
    fromName: 'Billing',
    senderDomain: 'vendor.example',
    senderIpAddress: '192.0.2.10',
    toAddresses: 'ann@corp.example',
    recipientAddress: 'ann@corp.example',
    ccEmails: [],
    replyToEmails: ['pay@elsewhere.example'],
    returnPath: 'bounce@vendor.example',
    receivedTime: '2026-02-01T08:00:05Z',
    sentTime: '2026-02-01T08:00:00Z',
    internetMessageId: '<1@vendor.example>',
    remediationStatus: 'Auto-Remediated',
    remediationTimestamp: '2026-02-01T08:01:45.73564Z',
    autoRemediated: true,
    postRemediated: false,
    attackType: 'Invoice/Payment Fraud (BEC)',
    attackStrategy: 'Name Impersonation',
    attackVector: 'Link',
    attackedParty: 'Employee (other)',
    impersonatedParty: 'None / Others',
    isRead: false,
    attachmentCount: 1,
    attachmentNames: ['invoice.pdf'],
    urlCount: 2,
    urls: ['https://pay.example/a,b'],
    summaryInsights: ['Unusual Sender'],
    source: 'Attack',
    tenantId: 12,
    tenantName: 'corp',
    customerOverride: null,
    ...changes,
  };
}

export function threatPayload(
  messages: readonly unknown[] | undefined = [messagePayload()],
  changes: Record<string, unknown> = {},
): Record<string, unknown> {
  return { threatId: 't1', recipientCount: 5, messages, tenantId: 12, tenantName: 'corp', ...changes };
}

export function casePayload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    caseId: 4711,
    case_status: 'Action Required',
    severity: 'Potential Account Takeover',
    severity_level: 'HIGH',
    confidence: 'MEDIUM',
    affectedEmployee: 'ann@corp.example',
    customerVisibleTime: '2026-02-01T10:00:00Z',
    firstObserved: '2026-01-31T22:21:11.789000+00:00',
    threatIds: ['t1', 't2'],
    analysis: 'SIGN_IN',
    remediation_status: 'Not remediated',
    genai_summary: ['A sign-in from a new country.', 'A rule that deletes mail.'],
    tenant: null,
    ...changes,
  };
}

export function campaignPayload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    campaignId: 'c1',
    firstReported: '2026-02-01T01:11:40-08:00',
    lastReported: '2026-02-01T10:00:00Z',
    messageId: '-1234567891011121314',
    subject: 'Fwd: is this real?',
    fromName: 'Ann',
    fromAddress: 'ann@corp.example',
    recipientName: 'Phishing reports',
    recipientAddress: 'phish@corp.example',
    judgementStatus: 'Malicious',
    overallStatus: 'Auto-Remediated',
    attackType: 'Attack Type: Phishing: Credential',
    ...changes,
  };
}

/** A Detection 360 report as the vendor's document has it, with ids as the client reads them. */
export function reportPayload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 70412,
    inquiry_type: 'MISSED_ATTACK',
    messages: ['-2718281828459045235', 101],
    report: {
      analysis: 'The sender was new.',
      root_causes: [{ name: 'New sender', description: 'Not seen before' }],
    },
    status: 'RESOLVED',
    submission_datetime: '2026-02-01T09:30:00Z',
    submitted_by: { name: 'Ann', email: 'ann@corp.example' },
    ...changes,
  };
}

/** A vendor case as the vendor's document has it. */
export function vendorCasePayload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    vendorCaseId: 501,
    vendorDomain: 'vendor.example',
    firstObservedTime: '2026-02-01T08:00:00Z',
    lastModifiedTime: '2026-02-02T08:00:00Z',
    insights: [{ highlight: 'Vendor compromise', description: 'Another tone than before' }],
    timeline: [
      {
        eventTimestamp: '2026-02-01T08:00:00Z',
        senderAddress: 'billing@vendor.example',
        recipientAddress: 'ann@corp.example',
        subject: 'New bank account',
        markedAs: 'Malicious',
        threatId: '184712ab-6d8b-47b3-89d3-a314efef79e2',
      },
    ],
    ...changes,
  };
}
