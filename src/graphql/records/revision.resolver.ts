import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { Direct } from '../base/direct.js';
import { Run } from '../collection/run.type.js';
import { ForwardArgs } from '../lists/page-args.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext } from '../request/services.js';
import { ChangeArgs } from './change.args.js';
import { listChanges } from './list-changes.js';
import { previousOf, revisionsOf } from './list-revisions.js';
import { RecordNode } from './record.type.js';
import { differencesOf } from './record-differences.js';
import { ChangeKind, FieldChange, Revision, RevisionConnection } from './revision.type.js';

@Resolver(() => RecordNode)
export class RecordResolver {
  @Direct
  @FieldResolver(() => RevisionConnection, {
    nullable: true,
    description:
      'Its versions, newest first, up to the view it is read in: with `asOf` none that came later.',
  })
  revisions(
    @Root() root: RecordNode,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: GatewayContext,
  ) {
    return revisionsOf(root, args, context.means);
  }
}

@Resolver(() => Revision)
export class RevisionResolver {
  @Guard('reader')
  @Query(() => RevisionConnection, {
    nullable: true,
    description:
      'What appeared, changed or went in a span of the gateway’s own time, oldest first. From the history alone.',
  })
  changes(
    @Args(() => ChangeArgs) args: ChangeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<RevisionConnection> {
    return listChanges(args, context.means);
  }

  @FieldResolver(() => ChangeKind, { nullable: true, description: 'What it is to the version before it.' })
  async change(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<ChangeKind> {
    if (root.revision.deleted) return 'DELETED';
    const previous = await previousOf(root, context.means);
    return previous && !previous.deleted ? 'CHANGED' : 'ADDED';
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'The digest of the version before it; null where there was none or the record was gone.',
  })
  async digestBefore(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<string | null> {
    const previous = await previousOf(root, context.means);
    return previous && !previous.deleted ? previous.digest : null;
  }

  @FieldResolver(() => [FieldChange], {
    nullable: true,
    description:
      'Field by field what differs from the version before it; empty for what was added or deleted.',
  })
  async fieldChanges(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<FieldChange[]> {
    const previous = await previousOf(root, context.means);
    if (!previous || previous.deleted || root.revision.deleted) return [];
    return differencesOf(root.kind, previous.record, root.revision.record);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description:
      'What Abnormal sent, as canonical JSON (RFC 8785): the text that the digest is of. A tombstone has that of the version before.',
  })
  received(@Root() { revision }: Revision, @Ctx() { means }: GatewayContext): Promise<string | null> {
    return means.store.received(revision.key, revision.seqFrom);
  }

  @FieldResolver(() => Run, { nullable: true, description: 'The run that first saw it.' })
  async run(@Root() { revision }: Revision, @Ctx() { means }: GatewayContext): Promise<Run | null> {
    const run = await means.loaders.runs.load(revision.runId);
    return run && new Run(run);
  }
}
