import { Args, Ctx, FieldResolver, ID, Resolver, Root } from 'type-graphql';
import { SyncResolver } from '../base/fields.js';
import { PageArgs } from '../lists/page.js';
import { readOnDemand } from '../records/read-record.js';
import type { GatewayContext } from '../request/services.js';
import { missingThreatIds, namedThreats } from '../threat/threat.resolver.js';
import { threatList } from '../threat/threat.type.js';
import { Case, CaseTimeline } from './case.type.js';

@Resolver(() => Case)
export class CaseResolver {
  @SyncResolver
  @FieldResolver(() => threatList.Connection, {
    nullable: true,
    description:
      'The stored threats that the case names, in Abnormal’s order and in the same view as the case. A threat that was deleted later has `deletedAt`.',
  })
  threats(@Root() root: Case, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return namedThreats('Case.threats', root, args, context.trackedServices);
  }

  @FieldResolver(() => [ID], {
    nullable: true,
    description:
      'The entries of `threatIds` that are not stored: not collected yet, out of retention, or deleted before the collection.',
  })
  missingThreatIds(@Root() root: Case, @Ctx() context: GatewayContext): Promise<string[]> {
    return missingThreatIds(root, context.trackedServices);
  }

  @FieldResolver(() => CaseTimeline, {
    nullable: true,
    description:
      'Why Abnormal opened the case, and what happened. Read from Abnormal on demand and recorded; with `asOf`, as recorded at that instant. Null if it cannot be read.',
  })
  async timeline(@Root() root: Case, @Ctx() context: GatewayContext): Promise<CaseTimeline | null> {
    const seen = await readOnDemand(context.trackedServices, 'caseAnalysis', root);
    return seen && new CaseTimeline(seen);
  }
}
