import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { Guard } from '../access/guard.js';
import type { GatewayContext } from '../context.js';
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
