import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { listQuarantine } from './list-quarantine.js';
import { QuarantineArgs } from './quarantine.args.js';
import { QuarantinedRecord, QuarantinedRecordConnection } from './quarantine.type.js';
import { Run } from './run.type.js';

@Resolver(() => QuarantinedRecord)
export class QuarantineResolver {
  @Guard('reader')
  @Query(() => QuarantinedRecordConnection, {
    nullable: true,
    description:
      'What is set aside now since it could not be had or understood, with what was received: by integration, kind and id.',
  })
  quarantine(
    @Args(() => QuarantineArgs) args: QuarantineArgs,
    @Ctx() context: GatewayContext,
  ): Promise<QuarantinedRecordConnection> {
    return listQuarantine(args, context.means);
  }

  @FieldResolver(() => Run, { nullable: true, description: 'The run that tried it last.' })
  async run(@Root() { entry }: QuarantinedRecord, @Ctx() { means }: GatewayContext): Promise<Run | null> {
    const run = await means.loaders.runs.load(entry.runId);
    return run && new Run(run);
  }
}
