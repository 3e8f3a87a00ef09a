import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { Direct } from '../base/direct.js';
import { listRecords } from '../lists/list-records.js';
import { PageArgs } from '../lists/page-args.js';
import { RecordArgs } from '../lists/read-args.js';
import { Guard } from '../operation/guard.js';
import { readNode } from '../records/read-node.js';
import { readOnDemand } from '../records/read-on-demand.js';
import { CASES } from '../records/records.js';
import type { GatewayContext } from '../request/services.js';
import { ThreatConnection } from '../threat/threat.type.js';
import { CaseListArgs } from './case.args.js';
import { Case, CaseConnection } from './case.type.js';
import { missingThreatIds, threatsOfCase } from './case-threats.js';
import { CaseTimeline } from './timeline.type.js';

@Resolver(() => Case)
export class CaseResolver {
  @Guard('reader')
  @Query(() => Case, {
    nullable: true,
    description:
      'One account-takeover case; null where Abnormal does not know it (or, with `asOf`, it was not recorded).',
  })
  case(
    @Arg('caseId', () => ID, { description: 'Abnormal’s own id.' }) caseId: string,
    @Args(() => RecordArgs) args: RecordArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Case | null> {
    return readNode(context.means, CASES, caseId, args);
  }

  @Guard('reader')
  @Query(() => CaseConnection, { nullable: true, description: 'Account-takeover cases, last changed first.' })
  async cases(
    @Args(() => CaseListArgs) args: CaseListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CaseConnection> {
    return new CaseConnection(...(await listRecords(context, CASES, args)));
  }

  @Direct
  @FieldResolver(() => ThreatConnection, {
    nullable: true,
    description:
      'The threats that it names and that are held, in Abnormal’s order, in the same view as the case; one that Abnormal deleted since has `deletedAt`.',
  })
  threats(@Root() root: Case, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return threatsOfCase(root, args, context);
  }

  @FieldResolver(() => [ID], {
    nullable: true,
    description:
      'Those of `threatIds` that are not held: not collected yet, out of retention, or deleted before.',
  })
  missingThreatIds(@Root() root: Case, @Ctx() context: GatewayContext): Promise<string[]> {
    return missingThreatIds(root, context.means);
  }

  @FieldResolver(() => CaseTimeline, {
    nullable: true,
    description:
      'Why Abnormal opened it and what happened, read from Abnormal on demand and recorded. With `asOf`, as recorded by then.',
  })
  async timeline(@Root() root: Case, @Ctx() context: GatewayContext): Promise<CaseTimeline | null> {
    const seen = await readOnDemand(context.means, 'caseAnalysis', root);
    return seen && new CaseTimeline(seen);
  }
}
