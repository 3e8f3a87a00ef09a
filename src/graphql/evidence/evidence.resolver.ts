import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { CONTROL_IDS } from '../../controls/control.js';
import { ForwardArgs } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { Control } from './control.type.js';
import { ControlResult, controlOf, Evidence } from './evidence.type.js';
import { ControlExceptionConnection, listExceptions, listPopulation } from './exceptions.js';
import { PopulationMemberConnection } from './population.type.js';
import { EvidenceArgs, PopulationArgs, readEvidence, requestThresholds } from './read-evidence.js';

@Resolver(() => ControlResult)
export class EvidenceResolver {
  @Guard('reader')
  @Query(() => [Control], {
    nullable: true,
    description:
      'The controls that the gateway knows, with their rules and the thresholds that it judges by.',
  })
  controls(@Ctx() { services }: GatewayContext): Control[] {
    return CONTROL_IDS.map((id) => controlOf(id, requestThresholds(services)));
  }

  @Guard('reader')
  @Query(() => Evidence, {
    nullable: true,
    description:
      'What the controls say of a period: verdicts with the populations behind them, exceptions by name, and what was not covered. From the history alone; a long period takes a while.',
  })
  evidence(@Args(() => EvidenceArgs) args: EvidenceArgs, @Ctx() context: GatewayContext): Promise<Evidence> {
    return readEvidence(context.services, args);
  }

  @Guard('reader')
  @Query(() => PopulationMemberConnection, {
    nullable: true,
    description:
      'The population of a control: exactly the members that `evidence` counts, in the order in which it finds them, those that Abnormal no longer returns included. From the history alone; reads all of the period.',
  })
  population(
    @Args(() => PopulationArgs) args: PopulationArgs,
    @Ctx() context: GatewayContext,
  ): Promise<PopulationMemberConnection> {
    return listPopulation(context.services, args);
  }

  @FieldResolver(() => ControlExceptionConnection, {
    nullable: true,
    description: 'What counts against it, each with its reason. All of it can be walked, however much it is.',
  })
  exceptions(
    @Root() result: ControlResult,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ControlExceptionConnection> {
    return listExceptions(result, args, context);
  }
}
