import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Threat } from '../threat/threat.type.js';
import { Campaign } from './campaign.type.js';

@Resolver(() => Campaign)
export class CampaignResolver {
  @FieldResolver(() => Threat, {
    nullable: true,
    description:
      'The threat that contains the reported message, in the same view; null if no stored threat contains it. Derived by the gateway from the message’s id; Abnormal does not return it.',
  })
  threat(@Root() root: Campaign, @Ctx() context: GatewayContext): Promise<Threat | null> {
    return threatOfCampaign(root, context.trackedServices);
  }
}

/** The stored threat that has a campaign's message; if several have it, the first by id. */
async function threatOfCampaign(root: Campaign, services: RequestServices): Promise<Threat | null> {
  const { messageId } = root.record;
  if (messageId === null) return null;
  const [revision] = await services.loaders.referrers.load({
    ...{ kind: 'threat', field: 'messageId', value: messageId },
    ...{ integration: root.revision.key.integration, seq: root.view.seq },
  });
  return revision ? new Threat(revision, root.view) : null;
}
