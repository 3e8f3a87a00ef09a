import { graphql } from 'graphql';
import { pino } from 'pino';
import { createContextFactory } from '../../src/graphql/request/services.js';
import { buildGatewaySchema } from '../../src/graphql/schema.js';
import type { HistoryStore } from '../../src/history/store.js';
import type { Account } from '../../src/integrations/accounts.js';
import { toMillis } from '../../src/values/instant.js';
import { fixedAccounts } from '../support/fixed-accounts.js';
import { EXAMPLE } from '../support/worked-example.js';

/** The operations whose answers are pinned, each with a name for its place in the file of answers. */
const QUERIES: Readonly<Record<string, string>> = {
  threats:
    '{ threats(first: 5) { totalCount edges { cursor node { id threatId subject firstReceivedTime receivedTime } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }',
  threatsOldestFirst:
    '{ threats(last: 3, orderBy: {field: RECEIVED_TIME, direction: ASC}) { nodes { threatId } pageInfo { hasNextPage hasPreviousPage } } }',
  threatsByType:
    '{ threats(first: 50, filter: {attackType: {eq: CREDENTIAL_PHISHING}}) { totalCount nodes { threatId attackTypes } } }',
  threatsInTime:
    '{ threats(first: 50, filter: {receivedTime: {gte: "2026-08-01T00:00:00Z", lte: "2026-09-01T00:00:00Z"}}) { totalCount nodes { threatId } coverage { complete gaps { from to reason } } } }',
  threatsUnremediated:
    '{ threats(first: 50, filter: {unremediated: {eq: true}}) { totalCount nodes { threatId remediation { state } } } }',
  threatsAnd:
    '{ threats(first: 50, filter: {and: [{receivedTime: {gte: "2026-07-15T00:00:00Z"}}, {not: {unremediated: {eq: true}}}]}) { totalCount nodes { threatId } } }',
  threatsOr:
    '{ threats(first: 50, filter: {or: [{unremediated: {eq: true}}, {receivedTime: {lte: "2026-07-01T00:00:00Z"}}]}) { totalCount nodes { threatId } } }',
  threatsAsOf:
    '{ threats(first: 5, asOf: "2026-08-15T00:00:00Z") { asOf totalCount nodes { threatId provenance { observedAt verifiedAt digest source stale } } } }',
  threatsWithMessages:
    '{ threats(first: 3) { nodes { threatId recipientCount messagesHeld messages(first: 3) { totalCount nodes { messageId subject fromAddress recipientAddress receivedTime attackType attackTypeRaw remediationStatusRaw } } } } }',
  threatsWithCases: '{ threats(first: 50) { nodes { threatId cases(first: 3) { nodes { caseId } } } } }',
  threatsWithRevisions:
    '{ threats(first: 5) { nodes { threatId revisions(first: 10) { totalCount nodes { observedFrom observedTo change digestBefore digestAfter fieldChanges { field before after } } } } } }',
  cases:
    '{ cases(first: 10) { totalCount nodes { id caseId description severity severityRaw confidence status statusRaw affectedEmployee firstObservedTime lastModifiedTime customerVisibleTime } } }',
  casesOpen: '{ cases(first: 10, filter: {open: {eq: true}}) { totalCount nodes { caseId } } }',
  casesBySeverity:
    '{ cases(first: 10, orderBy: {field: SEVERITY, direction: DESC}) { nodes { caseId severity } } }',
  casesWithThreats:
    '{ cases(first: 10) { nodes { caseId threats(first: 5) { totalCount nodes { threatId } } } } }',
  casesAsOf:
    '{ cases(first: 10, asOf: "2026-08-01T12:00:00Z") { totalCount nodes { caseId status } coverage { complete gaps { from to reason } } } }',
  campaigns: '{ campaigns(first: 5) { totalCount nodes { campaignId } } }',
  changes:
    '{ changes(since: "2026-09-01T00:00:00Z", until: "2026-09-03T00:00:00Z", first: 10) { nodes { change observedFrom digestAfter kind recordId node { __typename id } } pageInfo { hasNextPage endCursor } } }',
  coverage:
    '{ coverage(resource: THREATS, from: "2026-07-01T00:00:00Z", to: "2026-10-01T00:00:00Z") { from to complete gaps { from to reason } } }',
  runs: '{ runs(first: 5) { totalCount nodes { id resource trigger status startedAt endedAt } } }',
  integrations: '{ integrations { name origin status } }',
  controls: '{ controls { id title rule streams thresholds { name } } }',
  evidence:
    '{ evidence(period: "2026-Q3") { period { from to } results { control { id } verdict reason inDoubt pending population { count } measures { name value unit threshold bound } exceptions(first: 5) { totalCount nodes { reason at stream record { id } messageId until } } } } }',
  evidenceTrend:
    '{ evidence(period: "2026-Q3", trend: MONTH) { trend { period { from to } points { control { id } verdict count exceptions measured { name value } } } } }',
  evidenceAsOf:
    '{ evidence(period: "2026-08", asOf: "2026-08-20T00:00:00Z") { results { control { id } verdict } } }',
  quarantine: '{ quarantine(first: 5) { totalCount nodes { kind reason } } }',
  schemaDrift: '{ schemaDrift { integration names { kind path count } } }',
  missingThreat: '{ threat(threatId: "no-such-threat", asOf: "2026-09-01T00:00:00Z") { threatId } }',
  badFilter: '{ threats(first: 500) { totalCount } }',
  badCursor: '{ threats(first: 5, after: "nonsense") { totalCount } }',
  futureAsOf: '{ threats(asOf: "2999-01-01T00:00:00Z") { totalCount } }',
};

function contextOver(store: HistoryStore) {
  const client = undefined as unknown as Account['client'];
  const account = {
    name: EXAMPLE.integration,
    origin: 'SIMULATED',
    baseUrl: 'http://127.0.0.1/v1',
    client,
  } as const;
  const fresh = async () => ({ stale: false, verifiedAt: null, live: false }) as const;
  return createContextFactory({
    ...{ store, accounts: fixedAccounts(account), live: { record: fresh, list: fresh } },
    ...{ defaultMaxAgeMs: 1e12, clock: () => toMillis(EXAMPLE.collectedTo), log: pino({ level: 'silent' }) },
  });
}

/** What the graph answers to each of them over a history, as JSON text. */
export async function answersOver(store: HistoryStore): Promise<string> {
  const schema = buildGatewaySchema();
  const context = contextOver(store);
  const found: Record<string, unknown> = {};
  for (const [name, source] of Object.entries(QUERIES)) {
    const { data, errors } = await graphql({ schema, source, contextValue: context() });
    found[name] = {
      data,
      errors: errors?.map(({ message, path, extensions }) => ({ message, path, extensions })),
    };
  }
  return `${JSON.stringify(found, null, 1)}\n`;
}
