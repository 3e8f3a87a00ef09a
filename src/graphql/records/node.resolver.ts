import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { ListedKind } from '../../resources/registry.js';
import { badInput } from '../base/errors.js';
import { type GlobalId, kindOfType, parseGlobalId } from '../base/global-id.js';
import { Run } from '../collection/run.type.js';
import { readIntegrations } from '../integration/integration.resolver.js';
import { NodeArgs } from '../lists/connection.js';
import { LARGEST_PAGE } from '../lists/page.js';
import type { ReadArgs } from '../lists/view.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { findMessage } from '../threat/threat.resolver.js';
import { toRecordNode } from './nodes.js';
import { readRecord } from './read-record.js';
import { Node, RecordNode } from './record.type.js';

@Resolver(() => Node)
export class NodeResolver {
  @Guard('reader')
  @Query(() => Node, {
    nullable: true,
    description:
      'The node with this id; null if there is none. A record is as fresh as `DEFAULT_MAX_AGE` requires; `record` reads one at an instant or fresh.',
  })
  async node(
    @Arg('id', () => ID, { description: 'The `id` of a node.' }) id: string,
    @Ctx() context: GatewayContext,
  ): Promise<Node | null> {
    return findNode(parseGlobalId(id), {}, context.trackedServices);
  }

  @Guard('reader')
  @Query(() => [Node], {
    nullable: 'itemsAndList',
    description: 'The nodes with these ids, in the same order; null for an id without a node.',
  })
  nodes(
    @Arg('ids', () => [ID], { description: 'The `id`s of nodes: up to 100.' }) ids: string[],
    @Ctx() context: GatewayContext,
  ): Promise<Node | null>[] {
    return findNodes(ids, context.trackedServices);
  }

  @Guard('reader')
  @Query(() => RecordNode, {
    nullable: true,
    description: 'The record with this id, at an instant or fresh; null if there is none.',
  })
  record(
    @Arg('id', () => ID, { description: 'The `id` of a record.' }) id: string,
    @Args(() => NodeArgs) args: NodeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<RecordNode | null> {
    const { type, integration, id: ofRecord } = parseGlobalId(id);
    const kind = kindOfType(type);
    if (!kind) throw badInput(`This is the id of the type ${type}, which is no record. Use node(id).`, 'id');
    return findRecord(kind, integration, ofRecord, args, context.trackedServices);
  }
}

/** One promise for each id, so that a node that cannot be read fails alone. */
function findNodes(ids: readonly string[], services: RequestServices): Promise<Node | null>[] {
  if (ids.length > LARGEST_PAGE) {
    throw badInput(`Up to ${LARGEST_PAGE} ids are allowed; there are ${ids.length}.`, 'ids');
  }
  return ids.map(parseGlobalId).map((id) => findNode(id, {}, services));
}

export async function findNode(
  { type, integration, id }: GlobalId,
  args: ReadArgs,
  services: RequestServices,
) {
  const kind = kindOfType(type);
  if (kind) return findRecord(kind, integration, id, args, services);
  if (type === 'Run') {
    services.reads.noteHead((await services.loaders.current.head()).seq);
    const run = await services.loaders.runs.load(id);
    return run && run.integration === integration ? new Run(run) : null;
  }
  if (type === 'Message') return findMessage(integration, id, services);
  services.reads.markUncacheable();
  const integrations = await readIntegrations(services);
  return integrations.find(({ name }) => name === id) ?? null;
}

async function findRecord(
  kind: ListedKind,
  integration: string,
  id: string,
  args: ReadArgs,
  services: RequestServices,
): Promise<RecordNode | null> {
  const seen = await readRecord(services, { integration, kind, id }, args);
  return seen && toRecordNode(seen.revision, seen.view);
}
