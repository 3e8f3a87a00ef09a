import {
  GraphQLScalarType,
  type GraphQLSchema,
  isInterfaceType,
  printSchema,
  valueFromASTUntyped,
} from 'graphql';
import { Arg, Ctx, Query, Resolver } from 'type-graphql';
import { isRecord } from '../values/filter.js';
import { badInput } from './base/errors.js';
import { outputType, Value } from './base/fields.js';
import { parseGlobalId } from './base/global-id.js';
import { Guard } from './operation/guard.js';
import { findNode } from './records/node.resolver.js';
import { Node } from './records/record.type.js';
import type { GatewayContext } from './request/services.js';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.4", import: ["@key", "@shareable"])';

const Representation = new GraphQLScalarType<unknown, unknown>({
  name: '_Any',
  description: 'Names an entity of a federated graph: its `__typename` and the field `id`.',
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

/** The schema as a subgraph of Apollo Federation: every node is an entity, found by its `id`. */
export function subgraphSdl(schema: GraphQLSchema): string {
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
export function federationResolver(sdl: string) {
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
