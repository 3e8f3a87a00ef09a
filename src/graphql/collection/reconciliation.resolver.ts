import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { listReconciliations } from './list-reconciliations.js';
import { Reconciliation, ReconciliationConnection } from './reconciliation.type.js';
import { RunListArgs } from './run.args.js';

@Resolver(() => Reconciliation)
export class ReconciliationResolver {
  @Guard('reader')
  @Query(() => ReconciliationConnection, {
    nullable: true,
    description:
      'How what is held compares with what Abnormal has, window by window: newest first. Compared daily (`RECONCILE_EVERY`), and by the command `reconcile`.',
  })
  reconciliations(
    @Args(() => RunListArgs) args: RunListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ReconciliationConnection> {
    return listReconciliations(args, context.means);
  }
}
