import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { CoverageArgs } from './coverage.args.js';
import { CoverageReport } from './coverage.type.js';
import { readCoverage } from './read-coverage.js';

@Resolver(() => CoverageReport)
export class CoverageResolver {
  @Guard('reader')
  @Query(() => CoverageReport, {
    nullable: true,
    description:
      'Whether all there is of a resource in a window of its own time was collected, and if not, what not and why.',
  })
  coverage(
    @Args(() => CoverageArgs) args: CoverageArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CoverageReport> {
    return readCoverage(context.means, args);
  }
}
