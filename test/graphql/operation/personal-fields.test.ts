import 'reflect-metadata';
import { getNamedType, isInputObjectType, isObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { rootsOf } from '../../../src/graphql/operation/guard.js';
import { maskedNames, personalGroups } from '../../../src/graphql/operation/redact-schema.js';
import { buildGatewaySchema } from '../../../src/graphql/schema.js';
import { REDACTION_GROUPS, type RedactionGroup } from '../../../src/values/access.js';

/** Types that say nothing of anybody's mail: of the gateway itself, its collecting, its callers, its controls. */
const OF_THE_GATEWAY =
  /^(ApiKey|AuditEntry|Caller|ChangeTail|CreatedApiKey|Control\w*|Coverage|Distribution\w*|Evidence\w*|Freshness|Gap|Headline|Integration\w*|Measure|PageInfo|Poll\w*|Population\w*|Provenance|Reconcil\w*|RecordIds|RemovedIntegration|ReopenedWindow|Run\w*|SchemaDrift|Stream|TestedPart\w*|Trend\w*|UpstreamBudget|BudgetQueue|\w+Edge)$/;

/** What there are statistics of. */
const COUNTED = [
  ...['Campaign', 'Case', 'Detection360Report', 'Message'],
  ...['NotAnalyzedMessage', 'PortalAuditLog', 'Threat', 'VendorCase'],
];

/** Fields of text on types about mail that tell nothing personal: words of Abnormal's own lists, and its portal. */
const HARMLESS = new Set([
  ...[
    'Case.severityLabel',
    'Case.tenant',
    'Threat.tenantName',
    'Threat.tenant',
    'Message.tenant',
    'Campaign.overallStatusRaw',
    'Insight.signal',
  ],
  ...['CustomerOverride.overrideJudgement', 'CustomerOverride.overrideType', 'FieldChange.field'],
  ...['Link.linkType', 'Link.source', 'Message.portalUrl', 'Revision.digestAfter', 'Revision.digestBefore'],
  ...['Case.analysisRaw', 'DriftedName.path', 'UndecidedRecords.reason'],
  // paths by Abnormal's own names, with what is wrong in the gateway's words
  ...[
    'Campaign',
    'Case',
    'Detection360Report',
    'NotAnalyzedMessage',
    'PortalAuditLog',
    'Threat',
    'VendorCase',
  ].map((type) => `${type}.unread`),
  // words of Abnormal's own lists, and the organisation's name at Abnormal
  ...['PortalAuditLog.action', 'PortalAuditLog.category', 'PortalAuditLog.tenantName'],
  ...['RootCause.name', 'VendorInsight.highlight'],
  // of the organisation itself
  ...['Policy.organisation', 'Policy.title', 'Waiver.ticket'],
  // callers from whom a field is masked cannot group by it
  ...COUNTED.flatMap((noun) => [`${noun}Key.value`, `${noun}Statistics.timeZone`]),
]);

const schema = buildGatewaySchema();
const roots = rootsOf(schema);

const fields = Object.values(schema.getTypeMap()).flatMap((type) => {
  if (!isObjectType(type) || type.name.startsWith('__') || roots.includes(type)) return [];
  return Object.values(type.getFields()).map((field) => ({
    path: `${type.name}.${field.name}`,
    isOfTheGateway: OF_THE_GATEWAY.test(type.name),
    isText: ['String', 'JSON', 'JSONObject'].includes(getNamedType(field.type).name),
    groups: personalGroups(field),
  }));
});

test('every text field is either marked as personal or known to be harmless', () => {
  const undecided = fields.filter(
    ({ path, isOfTheGateway, isText, groups }) =>
      isText && !isOfTheGateway && groups.length === 0 && !HARMLESS.has(path) && !/Raw$/.test(path),
  );
  expect(undecided.map(({ path }) => path)).toEqual([]);
});

test('each group of personal data contains a field', () => {
  const used = new Set(fields.flatMap(({ groups }) => groups));
  expect([...used].sort()).toEqual(Object.keys(REDACTION_GROUPS).sort());
});

describe('a filter', () => {
  const masked = maskedNames(schema, new Set(Object.keys(REDACTION_GROUPS) as RedactionGroup[]));

  test('compares text only by a field that is masked with it or reveals nothing', () => {
    const filters = ['CaseFilter', 'ThreatFilter', 'MessageFilter', 'CampaignFilter'].flatMap((name) => {
      const type = schema.getType(name);
      return isInputObjectType(type) ? Object.values(type.getFields()) : [];
    });
    const ofText = filters
      .filter(({ type }) => getNamedType(type).name === 'TextFilter')
      .map(({ name }) => name);
    const open = [...new Set(ofText)].filter((name) => !masked.has(name));
    expect(open.sort()).toEqual([
      ...['analysisRaw', 'campaignId', 'caseId', 'judgementRaw', 'messageId', 'overallStatusRaw'],
      ...['severityLabel', 'tenant', 'threatId', 'threatIds'],
    ]);
  });
});
