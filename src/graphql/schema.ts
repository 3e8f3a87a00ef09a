import 'reflect-metadata';
import { type GraphQLSchema, isObjectType } from 'graphql';
import { buildSchemaSync } from 'type-graphql';
import { DEFINITION_OF, ID_NAMES, type ListedKind } from '../resources/registry.js';
import { AccessResolver } from './access/access.resolver.js';
import { installSyncResolvers } from './base/fields.js';
import { CampaignResolver } from './campaign/campaign.resolver.js';
import { CampaignStatisticsResolver } from './campaign/campaign.type.js';
import { CaseResolver } from './case/case.resolver.js';
import { CaseStatisticsResolver } from './case/case.type.js';
import { CollectingMutations } from './collection/collecting.mutations.js';
import { CollectionResolver, CoverageResolver } from './collection/collection.resolver.js';
import { Detection360StatisticsResolver } from './detection360-report/detection360-report.type.js';
import { EvidenceResolver } from './evidence/evidence.resolver.js';
import { federationResolver, subgraphSdl } from './federation.js';
import { IntegrationMutations, IntegrationResolver } from './integration/integration.resolver.js';
import { type NodeSpec, recordQueries } from './lists/list-records.js';
import { NotAnalyzedStatisticsResolver } from './not-analyzed-message/not-analyzed-message.type.js';
import { assertGuarded, describeGuards } from './operation/guard.js';
import { PortalAuditStatisticsResolver } from './portal-audit-log/portal-audit-log.type.js';
import { NodeResolver } from './records/node.resolver.js';
import { NODES } from './records/nodes.js';
import type { RecordNode } from './records/record.type.js';
import { RecordResolver, RevisionResolver } from './records/revision.resolver.js';
import { MessageResolver, ThreatResolver } from './threat/threat.resolver.js';
import { MessageStatisticsResolver, ThreatStatisticsResolver } from './threat/threat.statistics.js';
import { ThreatVendorCasesResolver, VendorCaseResolver } from './vendor-case/vendor-case.resolver.js';
import { VendorCaseStatisticsResolver } from './vendor-case/vendor-case.type.js';

const RECORD_QUERIES = Object.values(NODES).map((spec) =>
  recordQueries(spec as NodeSpec<ListedKind, RecordNode>),
);

/** The gateway's schema. A fresh one for each server: Apollo changes the one it is given. Throws where a root has no guard, or a resource no type. */
export function buildGatewaySchema({ isSubgraph = false } = {}): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: [
      NodeResolver,
      RecordResolver,
      ...RECORD_QUERIES,
      CaseResolver,
      ThreatResolver,
      MessageResolver,
      CampaignResolver,
      RevisionResolver,
      CollectionResolver,
      CoverageResolver,
      IntegrationResolver,
      IntegrationMutations,
      CollectingMutations,
      AccessResolver,
      EvidenceResolver,
      ThreatStatisticsResolver,
      MessageStatisticsResolver,
      CaseStatisticsResolver,
      CampaignStatisticsResolver,
      Detection360StatisticsResolver,
      VendorCaseResolver,
      ThreatVendorCasesResolver,
      VendorCaseStatisticsResolver,
      NotAnalyzedStatisticsResolver,
      PortalAuditStatisticsResolver,
      ...(isSubgraph ? [federationResolver(subgraphSdl(buildGatewaySchema()))] : []),
    ],
    validate: false,
    // an introspection of the whole schema at each start: a test does that
    skipCheck: true,
    // the library wants one for any subscription; ours have no topics
    pubSub: { publish: noTopics, subscribe: noTopics },
  });
  assertResources(schema);
  installSyncResolvers(schema);
  assertGuarded(schema);
  describeGuards(schema);
  describeRoot(schema);
  return schema;
}

function noTopics(): never {
  throw new TypeError('Subscriptions read the history and have no topics.');
}

/** Throws if the schema has no field for one that the definition of a resource names. */
function assertResources(schema: GraphQLSchema): void {
  const roots = schema.getQueryType()?.getFields() ?? {};
  for (const { kind, resource, graphType, parts } of Object.values(DEFINITION_OF)) {
    const type = schema.getType(graphType);
    const fields = isObjectType(type) ? type.getFields() : {};
    const named = [ID_NAMES[kind], ...parts.map(({ graphField }) => graphField)];
    const missing = [
      ...[kind, resource].filter((name) => !(name in roots)).map((name) => `Query.${name}`),
      ...named.filter((name) => !(name in fields)).map((name) => `${graphType}.${name}`),
    ];
    if (missing.length > 0) throw new TypeError(`The resource ${resource} needs ${missing.join(', ')}.`);
  }
}

/** The library makes the root types itself, without a word. */
function describeRoot(schema: GraphQLSchema): void {
  const mutation = schema.getMutationType();
  if (mutation) {
    mutation.description =
      'Actions on the gateway, executed in order; each is recorded in the audit trail. If one fails, its field is null and there is an error. No mutation changes data at Abnormal.';
  }
  const subscription = schema.getSubscriptionType();
  if (subscription) {
    subscription.description =
      'Server-sent events from `/graphql`, with the header `accept: text/event-stream` and the protocol of the package `graphql-sse` (distinct connections mode).';
  }
  const root = schema.getQueryType();
  if (root) {
    root.description =
      'What Abnormal has returned about attacks on an organisation by e-mail, now (`maxAge`) or as recorded at any instant (`asOf`). If a root field fails, it is null and there is an error; the other fields keep their values.';
  }
}
