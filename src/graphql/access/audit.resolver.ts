import { Args, Ctx, Query, Resolver } from 'type-graphql';
import { ForwardArgs } from '../lists/page-args.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { AuditConnection, AuditEntry } from './audit.type.js';
import { listAudit } from './list-audit.js';

@Resolver(() => AuditEntry)
export class AuditResolver {
  @Guard('admin')
  @Query(() => AuditConnection, {
    nullable: true,
    description: 'Who did what with integrations, keys, polls, reports and exports: newest first.',
  })
  auditTrail(
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: GatewayContext,
  ): Promise<AuditConnection> {
    return listAudit(args, context.means);
  }
}
