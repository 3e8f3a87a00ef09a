import 'reflect-metadata';
import { getNamedType, isInputObjectType, isObjectType } from 'graphql';
import { describe, expect, test } from 'vitest';
import { rootsOf } from '../../../src/graphql/operation/guard.js';
import { isMaskedName, PERSONAL_FIELDS } from '../../../src/graphql/operation/redact-schema.js';
import { buildGatewaySchema } from '../../../src/graphql/schema.js';
import { REDACTION_GROUPS, type RedactionGroup } from '../../../src/values/access.js';

/** Types that say nothing of anybody's mail: of the gateway itself, its collecting, its callers, its controls. */
const OF_THE_GATEWAY =
  /^(ApiKey|AuditEntry|Caller|CreatedApiKey|Control\w*|Coverage|Distribution\w*|Evidence\w*|Freshness|Gap|Integration\w*|Measure|PageInfo|Poll\w*|Population\w*|Provenance|Reconcil\w*|RecordIds|RemovedIntegration|ReopenedWindow|Run\w*|SchemaDrift|Stream|TestedPart\w*|Trend\w*|UpstreamBudget|BudgetQueue|\w+Edge)$/;

/** Fields of text on types about mail that tell nothing personal: words of Abnormal's own lists, and its portal. */
const HARMLESS = new Set([
  ...[
    'Case.severityLabel',
    'Case.tenant',
    'Threat.tenantName',
    'Campaign.overallStatusRaw',
    'Insight.signal',
  ],
  ...['CustomerOverride.overrideJudgement', 'CustomerOverride.overrideType', 'FieldChange.field'],
  ...['Link.linkType', 'Link.source', 'Message.portalUrl', 'Revision.digestAfter', 'Revision.digestBefore'],
  ...['Case.analysisRaw', 'DriftedName.path', 'UndecidedRecords.reason'],
  // paths by Abnormal's own names, with what is wrong in the gateway's words
  ...['Campaign.unread', 'Case.unread', 'Threat.unread'],
]);

const schema = buildGatewaySchema();
const roots = rootsOf(schema);

function textFields(): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type) || type.name.startsWith('__') || roots.includes(type)) return [];
    if (OF_THE_GATEWAY.test(type.name)) return [];
    return Object.values(type.getFields()).flatMap(({ name, type: given }) => {
      const { name: scalar } = getNamedType(given);
      return ['String', 'JSON', 'JSONObject'].includes(scalar) ? [`${type.name}.${name}`] : [];
    });
  });
}

test('every text field is either personal or known to be harmless', () => {
  const undecided = textFields().filter(
    (field) => !(field in PERSONAL_FIELDS) && !HARMLESS.has(field) && !/Raw$/.test(field),
  );
  expect(undecided).toEqual([]);
});

test('every field of the table exists in the schema', () => {
  const known = Object.keys(PERSONAL_FIELDS).filter((field) => {
    const [typeName = '', name = ''] = field.split('.');
    const type = schema.getType(typeName);
    return isObjectType(type) && name in type.getFields();
  });
  expect(known).toEqual(Object.keys(PERSONAL_FIELDS));
});

test('every group contains a field', () => {
  const used = new Set(Object.values(PERSONAL_FIELDS).flat());
  expect([...used].sort()).toEqual(Object.keys(REDACTION_GROUPS).sort());
});

describe('a filter', () => {
  const all = new Set(Object.keys(REDACTION_GROUPS) as RedactionGroup[]);

  test('compares text only by a field that is masked with it or reveals nothing', () => {
    const filters = ['CaseFilter', 'ThreatFilter', 'CampaignFilter'].flatMap((name) => {
      const type = schema.getType(name);
      return isInputObjectType(type) ? Object.values(type.getFields()) : [];
    });
    const ofText = filters
      .filter(({ type }) => getNamedType(type).name === 'TextFilter')
      .map(({ name }) => name);
    const open = [...new Set(ofText)].filter((name) => !isMaskedName(name, all));
    expect(open.sort()).toEqual(['campaignId', 'caseId', 'messageId', 'threatId']);
  });
});
