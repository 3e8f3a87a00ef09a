import { Arg, Args, Ctx, ID, Query, Resolver } from 'type-graphql';
import { DEFINITION_OF, ID_NAMES, type ListedKind } from '../../resources/registry.js';
import { type FilteredListArgs, listArgsOf, RecordArgs } from '../lists/connection.js';
import { listRecords, type RecordPage } from '../lists/list-records.js';
import { Guard } from '../operation/guard.js';
import { chooseIntegration, type GatewayContext } from '../request/services.js';
import { NODES, type NodeSpec } from './nodes.js';
import { readRecord } from './read-record.js';
import type { RecordNode } from './record.type.js';

/** The two root fields of a kind, `threat(threatId)` and `threats`, from its definition and its node. */
export function recordQueries<K extends ListedKind>(spec: NodeSpec<K, RecordNode<K>>) {
  const { kind, Node, Connection, filter, order } = spec;
  const { resource, texts } = DEFINITION_OF[kind];
  const noun = texts.record.replace(/^An? |\.$/g, '');
  const list = texts.list.replace(/^The list of |\.$/g, '');

  const RecordListArgs = listArgsOf(filter, order, resource, texts.order);

  @Resolver()
  class RecordQueries {
    @Guard('reader')
    @Query(() => Node, {
      name: kind,
      nullable: true,
      description: `One ${noun}; null if Abnormal does not know it or, with \`asOf\`, if it was not recorded.`,
    })
    async one(
      @Arg(ID_NAMES[kind], () => ID, { description: 'Abnormal’s id of the record.' }) id: string,
      @Args(() => RecordArgs) args: RecordArgs,
      @Ctx() { trackedServices: services }: GatewayContext,
    ): Promise<object | null> {
      const head = await services.loaders.current.head();
      const integration = await chooseIntegration(services, args.integration, head);
      const seen = await readRecord<K>(services, { integration, kind, id }, args, head);
      return seen && new Node(seen.revision, seen.view);
    }

    @Guard('reader')
    @Query(() => Connection, {
      name: resource,
      nullable: true,
      description: `${list.charAt(0).toUpperCase()}${list.slice(1)}, ${texts.order}.`,
    })
    async list(
      @Args(() => RecordListArgs) args: FilteredListArgs,
      @Ctx() context: GatewayContext,
    ): Promise<object> {
      const page = (await listRecords(context, spec, args)) as unknown as RecordPage<never>;
      return new Connection(...page);
    }
  }
  return RecordQueries;
}

export const RECORD_QUERIES = Object.values(NODES).map((spec) =>
  recordQueries(spec as NodeSpec<ListedKind, RecordNode>),
);
