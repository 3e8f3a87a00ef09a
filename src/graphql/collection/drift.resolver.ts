import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { driftOf } from '../../model/drift.js';
import { Guard } from '../operation/guard.js';
import { checkIntegrations } from '../request/choose-integrations.js';
import type { GatewayContext, Means } from '../request/services.js';
import { SchemaDrift } from './drift.type.js';

@Resolver(() => SchemaDrift)
export class DriftResolver {
  @Guard('reader')
  @Query(() => [SchemaDrift], {
    nullable: true,
    description:
      'What Abnormal sends that this version of the gateway does not know, by integration; those of which everything is known are left out.',
  })
  schemaDrift(
    @Arg('integrations', () => [ID], {
      nullable: true,
      description: 'Only these integrations, by name; all when not given.',
    })
    integrations: string[] | null,
    @Ctx() { means }: GatewayContext,
  ): Promise<SchemaDrift[]> {
    return readDrift(integrations, means);
  }
}

async function readDrift(wanted: readonly string[] | null, means: Means): Promise<SchemaDrift[]> {
  const integrations = await checkIntegrations(means, wanted);
  const documents = await means.store.documents('drift');
  return documents
    .filter(({ id }) => integrations?.includes(id) ?? true)
    .map(({ id, body }) => new SchemaDrift(id, driftOf(body)));
}
