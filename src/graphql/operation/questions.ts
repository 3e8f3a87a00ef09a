/*
 * Twelve questions of an analyst. Apollo Sandbox and the IDE open with them; `npm run questions` writes them to
 * docs/clients/ as a collection and as a manifest of persisted operations. Each runs without variables.
 */

interface Question {
  readonly name: string;
  readonly question: string;
  readonly query: string;
}

const TEXTS: Readonly<Record<string, readonly [question: string, query: string]>> = {
  NewThreats: [
    'Which attacks arrived in the last days, and is the list complete?',
    `($last: ISO8601Duration! = "P7D") {
  threats(filter: { receivedTime: { last: $last } }, first: 25) {
    totalCount
    nodes { id threatId subject receivedTime recipientCount attackTypes remediation { state } }
    coverage { complete gaps { from to reason } undecided { count reason } }
    freshness { verifiedAt stale reason }
  }
}`,
  ],
  StillInMailboxes: [
    'Which malicious messages may still be in a mailbox? A message that was read is urgent.',
    `($first: Int! = 50) {
  messages(filter: { remediation: { in: [NOT_REMEDIATED, ATTEMPTED, UNKNOWN] } }, first: $first) {
    totalCount
    nodes { id receivedTime recipientAddress isRead attackType remediationStatusRaw threat { id threatId } }
    coverage { complete }
  }
}`,
  ],
  ReadMessages: [
    'Which messages were read by their recipients, and when were they remediated?',
    `($last: ISO8601Duration! = "P30D") {
  messages(filter: { isRead: { eq: true }, receivedTime: { last: $last } }, first: 50) {
    totalCount
    nodes { id receivedTime remediationTime recipientAddress subject attackType portalUrl }
  }
}`,
  ],
  AttacksByDay: [
    'How many messages of each attack type arrived per day? A bucket with gapReasons is not known to be complete.',
    `($timeZone: String! = "UTC", $top: Int! = 5) {
  messageStatistics(interval: DAY, timeZone: $timeZone, groupBy: [ATTACK_TYPE], top: $top) {
    asOf
    coverage { complete }
    total { count }
    groups { keys { value } count buckets { from to count gapReasons partial } }
    rest { values count }
  }
}`,
  ],
  MostAttackedPeople: [
    'Who is attacked most, and how many threats is that?',
    `($top: Int! = 10) {
  messageStatistics(groupBy: [RECIPIENT_ADDRESS], top: $top) {
    from
    to
    total { count distinct(of: RECIPIENT_ADDRESS) }
    groups { keys { value } count distinct(of: THREAT) }
    rest { values count }
  }
}`,
  ],
  Senders: [
    'Which senders does the mail come from, and whom do they pretend to be?',
    `($top: Int! = 10) {
  messageStatistics(groupBy: [SENDER_ADDRESS, IMPERSONATED_PARTY], top: $top) {
    total { count distinct(of: SENDER_ADDRESS) distinct_domains: distinct(of: SENDER_DOMAIN) }
    groups { keys { dimension value } count }
    rest { values count }
  }
}`,
  ],
  TimeToRemediate: [
    'How long does a remediation take, week by week? In seconds; pending messages are counted apart.',
    `($timeZone: String! = "UTC") {
  messageStatistics(interval: WEEK, timeZone: $timeZone) {
    total {
      duration { count pending unknown median p95 mean bound }
      buckets { from duration { count pending median p95 } gapReasons }
    }
  }
}`,
  ],
  MailToOnePerson: [
    'What did a person receive? All conditions of `some` hold for the same message.',
    `($address: String! = "@") {
  threats(filter: { messages: { some: { recipientAddress: { contains: $address } } } }, first: 25) {
    totalCount
    nodes { id threatId subject receivedTime attackTypes remediation { state } cases { nodes { id caseId status } } }
  }
}`,
  ],
  OpenCases: [
    'Which accounts may be taken over, the most severe first, and how old are the cases?',
    `($first: Int! = 25) {
  cases(filter: { open: { eq: true } }, orderBy: { field: SEVERITY }, first: $first) {
    totalCount
    nodes { id caseId severity status affectedEmployee customerVisibleTime genaiSummary }
  }
  caseStatistics(filter: { open: { eq: true } }, groupBy: [SEVERITY, AGE]) {
    groups { keys { dimension value } count }
  }
}`,
  ],
  UserReports: [
    'What do users report, how is it judged, and what is still undecided?',
    `($top: Int! = 10) {
  campaignStatistics(groupBy: [JUDGEMENT], top: $top) {
    total { count duration { median pending bound } }
    groups { keys { value } count }
  }
  campaigns(filter: { scanning: { eq: true } }) { totalCount nodes { id campaignId subject firstReportedTime } }
}`,
  ],
  WhatChanged: [
    'What changed, record by record and field by field? Pass the cursor of the tail to continue.',
    `($after: String, $start: ChangesStart = BEGINNING) {
  changes(start: $start, after: $after, first: 25) {
    nodes { kind recordId change observedFrom fieldChanges { field before after } }
    tail { cursor asOf caughtUp nextPollAt }
  }
}`,
  ],
  IsAnythingMissing: [
    'What is collected, until when, and what is missing?',
    `($resource: Resource! = THREATS) {
  integrations { name status message streams { resource status lastSuccessAt message } }
  coverage(resource: $resource) { from to complete gaps { integration from to reason } missing { id reason } }
}`,
  ],
};

export const QUESTIONS: readonly Question[] = Object.entries(TEXTS).map(([name, [question, rest]]) => ({
  ...{ name, question, query: `query ${name}${rest}\n` },
}));

/** All of them as one document, each below its question. */
export const QUESTIONS_DOCUMENT = QUESTIONS.map(({ question, query }) => `# ${question}\n${query}`).join(
  '\n',
);
