import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { listRuns } from './list-runs.js';
import { RunListArgs } from './run.args.js';
import { Run, RunConnection } from './run.type.js';

@Resolver(() => Run)
export class RunResolver {
  @Guard('reader')
  @Query(() => RunConnection, {
    nullable: true,
    description: 'What was read of Abnormal, when, and what it cost and brought: newest first.',
  })
  runs(@Args(() => RunListArgs) args: RunListArgs, @Ctx() context: GatewayContext): Promise<RunConnection> {
    return listRuns(args, context.means);
  }
}
