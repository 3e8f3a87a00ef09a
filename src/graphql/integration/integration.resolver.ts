import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { Guard } from '../operation/guard.js';
import { chooseIntegration, type GatewayContext } from '../request/services.js';
import { Integration, UpstreamBudget } from './integration.type.js';
import { readIntegrations } from './read-integrations.js';

@Resolver(() => Integration)
export class IntegrationResolver {
  @Guard('reader')
  @Query(() => [Integration], {
    nullable: true,
    description:
      'The Abnormal accounts that the gateway reads or has read, with the states of their streams.',
  })
  integrations(@Ctx() context: GatewayContext): Promise<Integration[]> {
    return readIntegrations(context.services);
  }

  @Guard('reader')
  @Query(() => UpstreamBudget, {
    nullable: true,
    description: 'The current request budget of an integration; null if this process does not read it.',
  })
  async upstreamBudget(
    @Arg('integration', () => ID, {
      nullable: true,
      description: 'Name of the integration. Optional if there is only one.',
    })
    name: string | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<UpstreamBudget | null> {
    return services.budgets?.get(await chooseIntegration(services, name))?.snapshot() ?? null;
  }
}
