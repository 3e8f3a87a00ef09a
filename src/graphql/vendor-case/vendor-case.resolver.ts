import { Args, Ctx, FieldResolver, ID, Resolver, Root } from 'type-graphql';
import { SyncResolver } from '../base/fields.js';
import { PageArgs } from '../lists/page.js';
import type { GatewayContext } from '../request/services.js';
import { missingThreatIds, namedThreats, namingRecords } from '../threat/threat.resolver.js';
import { Threat, threatList } from '../threat/threat.type.js';
import { VendorCase, vendorCaseList } from './vendor-case.type.js';

@Resolver(() => VendorCase)
export class VendorCaseResolver {
  @SyncResolver
  @FieldResolver(() => threatList.Connection, {
    nullable: true,
    description:
      'The stored threats that the timeline names, in its order and in the same view as the vendor case. A threat that was deleted later has `deletedAt`.',
  })
  threats(@Root() root: VendorCase, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return namedThreats('VendorCase.threats', root, args, context.trackedServices);
  }

  @FieldResolver(() => [ID], {
    nullable: true,
    description:
      'The threats of the timeline that are not stored: not collected yet, out of retention, or deleted before the collection.',
  })
  missingThreatIds(@Root() root: VendorCase, @Ctx() context: GatewayContext): Promise<string[]> {
    return missingThreatIds(root, context.trackedServices);
  }
}

@Resolver(() => Threat)
export class ThreatVendorCasesResolver {
  @SyncResolver
  @FieldResolver(() => vendorCaseList.Connection, {
    nullable: true,
    description:
      'The vendor cases whose timeline names the threat, ordered by id, in the same view. Derived by the gateway; Abnormal has no such lookup.',
  })
  vendorCases(@Root() root: Threat, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return namingRecords('Threat.vendorCases', vendorCaseList, root, args, context.trackedServices);
  }
}
