import 'reflect-metadata';
import {
  GraphQLScalarType,
  type GraphQLSchema,
  isInterfaceType,
  isObjectType,
  printSchema,
  valueFromASTUntyped,
} from 'graphql';
import { Arg, buildSchemaSync, Ctx, Query, Resolver } from 'type-graphql';
import { DEFINITION_OF, ID_NAMES, type ListedKind } from '../resources/registry.js';
import { isRecord } from '../values/filter.js';
import { AccessResolver } from './access/access.resolver.js';
import { badInput } from './base/errors.js';
import { installSyncResolvers, outputType, Value } from './base/fields.js';
import { parseGlobalId } from './base/global-id.js';
import { CampaignResolver, CampaignStatisticsResolver } from './campaign/campaign.type.js';
import { CaseResolver } from './case/case.resolver.js';
import { CaseStatisticsResolver } from './case/case.type.js';
import { CollectingMutations } from './collection/collecting.mutations.js';
import { CollectionResolver, CoverageResolver } from './collection/collection.resolver.js';
import { Detection360StatisticsResolver } from './detection360-report/detection360-report.type.js';
import { EvidenceResolver } from './evidence/evidence.resolver.js';
import { IntegrationMutations, IntegrationResolver } from './integration/integration.resolver.js';
import { type NodeSpec, recordQueries } from './lists/list-records.js';
import { NotAnalyzedStatisticsResolver } from './not-analyzed-message/not-analyzed-message.type.js';
import { assertGuarded, describeGuards, Guard } from './operation/guard.js';
import { PortalAuditStatisticsResolver } from './portal-audit-log/portal-audit-log.type.js';
import { findNode, NodeResolver } from './records/node.resolver.js';
import { NODES } from './records/nodes.js';
import { Node, type RecordNode } from './records/record.type.js';
import { RecordResolver, RevisionResolver } from './records/revision.resolver.js';
import type { GatewayContext } from './request/services.js';
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

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.4", import: ["@key", "@shareable"])';

const Representation = new GraphQLScalarType<unknown, unknown>({
  name: '_Any',
  description: 'Names an entity of a federated graph: its `__typename` and the field `id`.',
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

/** The schema as a subgraph of Apollo Federation: every node is an entity, found by its `id`. */
function subgraphSdl(schema: GraphQLSchema): string {
  const node = schema.getType('Node');
  const names = isInterfaceType(node) ? schema.getPossibleTypes(node).map(({ name }) => name) : [];
  const entities = new RegExp(`^type (?:${names.join('|')}) implements [^{]+`, 'gm');
  const sdl = printSchema(schema)
    .replace(entities, (type) => `${type}@key(fields: "id") `)
    // other subgraphs with connections have the same type
    .replace(/^type PageInfo /m, 'type PageInfo @shareable ');
  return `${LINK}\n\n${sdl}\n`;
}

/** The fields that a router of Apollo Federation asks a subgraph for. */
function federationResolver(sdl: string) {
  const Service = outputType('_Service', 'This graph as a subgraph.', {
    sdl: Value.text('The schema with the directives of Apollo Federation.'),
  });

  @Resolver()
  class FederationResolver {
    @Guard('reader')
    @Query(() => Service, { name: '_service', description: 'This graph as a subgraph of Apollo Federation.' })
    service(): InstanceType<typeof Service> {
      return { sdl };
    }

    @Guard('reader')
    @Query(() => [Node], {
      ...{ name: '_entities', nullable: 'items' },
      description: 'The nodes that other subgraphs refer to, in the same order; null for an unknown one.',
    })
    entities(
      @Arg('representations', () => [Representation], { description: 'The entities, each by its `id`.' })
      representations: unknown[],
      @Ctx() context: GatewayContext,
    ): Promise<Node | null>[] {
      return representations.map(async (each) => {
        const { __typename, id } = isRecord(each) ? each : {};
        const globalId = parseGlobalId(String(id));
        if (globalId.type !== __typename)
          throw badInput(
            `The id is one of ${globalId.type}, not of ${String(__typename)}.`,
            'representations',
          );
        return findNode(globalId, {}, context.trackedServices);
      });
    }
  }
  return FederationResolver;
}
