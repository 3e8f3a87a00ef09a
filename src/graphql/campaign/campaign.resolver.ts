import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { RecordArgs } from '../lists/list-args.js';
import { listRecords } from '../lists/list-records.js';
import { Guard } from '../operation/guard.js';
import { NODES } from '../records/nodes.js';
import { readNode } from '../records/read-record.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Threat } from '../threat/threat.type.js';
import { Campaign, CampaignConnection, CampaignListArgs } from './campaign.type.js';

@Resolver(() => Campaign)
export class CampaignResolver {
  @Guard('reader')
  @Query(() => Campaign, {
    nullable: true,
    description: 'One campaign; null if Abnormal does not know it or, with `asOf`, if it was not recorded.',
  })
  campaign(
    @Arg('campaignId', () => ID, { description: 'Abnormal’s id of the record.' }) campaignId: string,
    @Args(() => RecordArgs) args: RecordArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Campaign | null> {
    return readNode(context.services, NODES.campaign, campaignId, args);
  }

  @Guard('reader')
  @Query(() => CampaignConnection, { nullable: true, description: 'Campaigns, last reported first.' })
  async campaigns(
    @Args(() => CampaignListArgs) args: CampaignListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CampaignConnection> {
    return new CampaignConnection(...(await listRecords(context, NODES.campaign, args)));
  }

  @FieldResolver(() => Threat, {
    nullable: true,
    description:
      'The threat that contains the reported message, in the same view; null if no stored threat contains it. Derived by the gateway from the message’s id; Abnormal does not return it.',
  })
  threat(@Root() root: Campaign, @Ctx() context: GatewayContext): Promise<Threat | null> {
    return threatOfCampaign(root, context.services);
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
