import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { Direct } from '../base/direct.js';
import { CaseConnection } from '../case/case.type.js';
import { listRecords } from '../lists/list-records.js';
import { PageArgs } from '../lists/page-args.js';
import { RecordArgs } from '../lists/read-args.js';
import { Guard } from '../operation/guard.js';
import { readNode } from '../records/read-node.js';
import { readOnDemand } from '../records/read-on-demand.js';
import { THREATS } from '../records/records.js';
import { Revision } from '../records/revision.type.js';
import type { GatewayContext } from '../request/services.js';
import { Message, MessageConnection } from './message.type.js';
import { MessageListArgs, ThreatListArgs } from './threat.args.js';
import { Threat, ThreatConnection } from './threat.type.js';
import { casesOfThreat, messagesOfThreat } from './threat-lists.js';
import { AttachmentList, LinkList } from './threat-parts.type.js';

@Resolver(() => Threat)
export class ThreatResolver {
  @Guard('reader')
  @Query(() => Threat, {
    nullable: true,
    description: 'One threat; null where Abnormal does not know it (or, with `asOf`, it was not recorded).',
  })
  threat(
    @Arg('threatId', () => ID, { description: 'Abnormal’s own id.' }) threatId: string,
    @Args(() => RecordArgs) args: RecordArgs,
    @Ctx() context: GatewayContext,
  ): Promise<Threat | null> {
    return readNode(context.means, THREATS, threatId, args);
  }

  @Guard('reader')
  @Query(() => ThreatConnection, { nullable: true, description: 'Threats, last received first.' })
  async threats(
    @Args(() => ThreatListArgs) args: ThreatListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ThreatConnection> {
    return new ThreatConnection(...(await listRecords(context, THREATS, args)));
  }

  @Direct
  @FieldResolver(() => MessageConnection, {
    nullable: true,
    description:
      'The messages held, newest first, ties by id. `allMessagesHeld` says whether these are all. With `recorded: ALL` every message ever recorded of it.',
  })
  messages(
    @Root() root: Threat,
    @Args(() => MessageListArgs) args: MessageListArgs,
    @Ctx() context: GatewayContext,
  ) {
    return messagesOfThreat(root, args, context);
  }

  @Direct
  @FieldResolver(() => CaseConnection, {
    nullable: true,
    description:
      'The cases that name it, by id, in the same view. Abnormal has no such look-up: it is the gateway’s.',
  })
  cases(@Root() root: Threat, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return casesOfThreat(root, args, context);
  }

  @FieldResolver(() => AttachmentList, {
    nullable: true,
    description:
      'Its attachments, read from Abnormal on demand and recorded. With `asOf`, as recorded by then.',
  })
  async attachments(@Root() root: Threat, @Ctx() context: GatewayContext): Promise<AttachmentList | null> {
    const seen = await readOnDemand(context.means, 'threatAttachments', root);
    return seen && new AttachmentList(seen);
  }

  @FieldResolver(() => LinkList, {
    nullable: true,
    description: 'Its links, read from Abnormal on demand and recorded. With `asOf`, as recorded by then.',
  })
  async links(@Root() root: Threat, @Ctx() context: GatewayContext): Promise<LinkList | null> {
    const seen = await readOnDemand(context.means, 'threatLinks', root);
    return seen && new LinkList(seen);
  }
}

@Resolver(() => Message)
export class MessageResolver {
  @Direct
  @FieldResolver(() => Revision, {
    description: 'The version of its threat that it is from: the newest, up to this view, that has it.',
  })
  version(@Root() message: Message) {
    return new Revision(message.from);
  }
}
