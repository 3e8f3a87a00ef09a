import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import { NodeArgs } from '../lists/read-args.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { findNode, findNodes } from './find-node.js';
import { Node } from './node.type.js';

@Resolver(() => Node)
export class NodeResolver {
  @Guard('reader')
  @Query(() => Node, { nullable: true, description: 'The node with this id; null where there is none.' })
  node(
    @Arg('id', () => ID, { description: 'The `id` of a node.' }) id: string,
    @Args(() => NodeArgs) args: NodeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Node | null> {
    return findNode(id, args, context.means);
  }

  @Guard('reader')
  @Query(() => [Node], {
    nullable: 'itemsAndList',
    description: 'The nodes with these ids, in their order; null for each where there is none.',
  })
  nodes(
    @Arg('ids', () => [ID], { description: 'The `id`s of nodes: up to 100.' }) ids: string[],
    @Args(() => NodeArgs) args: NodeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Node | null>[] {
    return findNodes(ids, args, context.means);
  }
}
