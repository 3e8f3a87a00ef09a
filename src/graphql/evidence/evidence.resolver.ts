import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { CONTROL_IDS } from '../../policy/policy.js';
import { ForwardArgs } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { Control } from './control.type.js';
import { ControlResult, controlOf, Evidence, PopulationMemberConnection } from './evidence.type.js';
import { ControlExceptionConnection, listExceptions, listPopulation } from './exceptions.js';
import { Posture, PostureArgs, readPosture } from './posture.type.js';
import { EvidenceArgs, PopulationArgs, readEvidence } from './read-evidence.js';

@Resolver(() => ControlResult)
export class EvidenceResolver {
  @Guard('reader')
  @Query(() => [Control], {
    nullable: true,
    description: 'The controls with their rules and the thresholds that this gateway uses.',
  })
  controls(@Ctx() { services }: GatewayContext): Control[] {
    return CONTROL_IDS.map((id) => controlOf(id, services.rules));
  }

  @Guard('reader')
  @Query(() => Evidence, {
    nullable: true,
    description:
      'Evaluates controls over a period: verdicts with their populations, exceptions by name, and gaps. Reads the history only; a long period takes some time.',
  })
  evidence(@Args(() => EvidenceArgs) args: EvidenceArgs, @Ctx() context: GatewayContext): Promise<Evidence> {
    return readEvidence(context.services, args);
  }

  @Guard('reader')
  @Query(() => Posture, {
    nullable: true,
    description:
      'The current state of each control for the last 24 hours, 7, 30 and 90 days: since when, how it moves, what would change it, and until when it is valid. Reads the history only.',
  })
  posture(@Args(() => PostureArgs) args: PostureArgs, @Ctx() context: GatewayContext): Promise<Posture> {
    return readPosture(context.services, args);
  }

  @Guard('reader')
  @Query(() => PopulationMemberConnection, {
    nullable: true,
    description:
      'The population of a control: exactly the members that `evidence` counts, in the order in which it finds them, including those that Abnormal no longer returns. Reads the history only, over the whole period.',
  })
  population(
    @Args(() => PopulationArgs) args: PopulationArgs,
    @Ctx() context: GatewayContext,
  ): Promise<PopulationMemberConnection> {
    return listPopulation(context.services, args);
  }

  @FieldResolver(() => ControlExceptionConnection, {
    nullable: true,
    description: 'The exceptions, each with its reason, as pages of any number.',
  })
  exceptions(
    @Root() result: ControlResult,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ControlExceptionConnection> {
    return listExceptions(result, args, context);
  }
}
