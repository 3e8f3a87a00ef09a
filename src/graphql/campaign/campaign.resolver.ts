import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { listRecords } from '../lists/list-records.js';
import { RecordArgs } from '../lists/read-args.js';
import { Guard } from '../operation/guard.js';
import { readNode } from '../records/read-node.js';
import { CAMPAIGNS } from '../records/records.js';
import type { GatewayContext } from '../request/services.js';
import { Threat } from '../threat/threat.type.js';
import { CampaignListArgs } from './campaign.args.js';
import { Campaign, CampaignConnection } from './campaign.type.js';
import { threatOfCampaign } from './campaign-threat.js';

@Resolver(() => Campaign)
export class CampaignResolver {
  @Guard('reader')
  @Query(() => Campaign, {
    nullable: true,
    description: 'One campaign; null where Abnormal does not know it (or, with `asOf`, it was not recorded).',
  })
  campaign(
    @Arg('campaignId', () => ID, { description: 'Abnormal’s own id.' }) campaignId: string,
    @Args(() => RecordArgs) args: RecordArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Campaign | null> {
    return readNode(context.means, CAMPAIGNS, campaignId, args);
  }

  @Guard('reader')
  @Query(() => CampaignConnection, { nullable: true, description: 'Campaigns, last reported first.' })
  async campaigns(
    @Args(() => CampaignListArgs) args: CampaignListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CampaignConnection> {
    return new CampaignConnection(...(await listRecords(context, CAMPAIGNS, args)));
  }

  @FieldResolver(() => Threat, {
    nullable: true,
    description:
      'The threat that the reported message belongs to, in the same view; null where no held threat has that message. Abnormal does not say this: it is found by the message’s id.',
  })
  threat(@Root() root: Campaign, @Ctx() context: GatewayContext): Promise<Threat | null> {
    return threatOfCampaign(root, context.means);
  }
}
