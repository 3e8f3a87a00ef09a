import { Args, Ctx, FieldResolver, Query, Resolver, Root, Subscription } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { Personal, SyncResolver } from '../base/fields.js';
import { Run } from '../collection/run.type.js';
import { ForwardArgs, foreignCursor, ListWalk, type ReadCursor } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { changeOf, followChanges, listChanges, previousOf } from './list-changes.js';
import { RecordNode } from './record.type.js';
import {
  ChangeArgs,
  ChangeConnection,
  ChangeKind,
  differencesOf,
  FieldChange,
  type FieldDifference,
  FollowArgs,
  Revision,
  RevisionConnection,
} from './revision.type.js';

@Resolver(() => RecordNode)
export class RecordResolver {
  @SyncResolver
  @FieldResolver(() => RevisionConnection, {
    nullable: true,
    description:
      'All versions, newest first, up to the snapshot of the record: with `asOf`, none that were recorded later.',
  })
  revisions(
    @Root() root: RecordNode,
    @Args(() => ForwardArgs) args: ForwardArgs,
    @Ctx() context: GatewayContext,
  ) {
    return revisionsOf(root, args, context.trackedServices);
  }
}

@Resolver(() => Revision)
export class RevisionResolver {
  @Guard('reader')
  @Query(() => ChangeConnection, {
    nullable: true,
    description:
      'Versions that were added, changed or deleted, in the order of their recording. Reads the history only. To follow the changes, pass `tail { cursor }` of each page as `after` of the next request, or use the subscription of the same name.',
  })
  changes(
    @Args(() => ChangeArgs) args: ChangeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ChangeConnection> {
    return listChanges(args, context.services);
  }

  @Guard('reader')
  @Subscription(() => ChangeConnection, {
    name: 'changes',
    nullable: true,
    description:
      'The changes as they are recorded, page by page, in their order and each at least once: a client must accept repetitions, which have the same integration, kind, record id and `observedFrom`. After 30 seconds without a change, and at the end, a page without changes shows how far the feed is. It ends after about 15 minutes, when the gateway stops and when the credential becomes invalid: connect again with `tail { cursor }` of the last page as `after`.',
    subscribe: ({ args, context }) => followChanges(args as FollowArgs, context.services),
  })
  followedChanges(
    @Root() page: ChangeConnection,
    @Args(() => FollowArgs) _args: FollowArgs,
  ): ChangeConnection {
    return page;
  }

  @FieldResolver(() => ChangeKind, {
    nullable: true,
    description: 'How the version relates to the previous one.',
  })
  change(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<ChangeKind> {
    return changeOf(root.revision, context.trackedServices.loaders);
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Digest of the previous version; null if there is none or if the record was deleted.',
  })
  async digestBefore(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<string | null> {
    const previous = await previousOf(root.revision, context.trackedServices.loaders);
    return previous && !previous.deleted ? previous.digest : null;
  }

  @FieldResolver(() => [FieldChange], {
    nullable: true,
    description: 'The fields that differ from the previous version; empty for added and deleted records.',
  })
  async fieldChanges(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<FieldDifference[]> {
    const previous = await previousOf(root.revision, context.trackedServices.loaders);
    if (!previous || previous.deleted || root.revision.deleted) return [];
    return differencesOf(root.revision.key.kind, previous.record, root.revision.record);
  }

  @Personal('received')
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'What Abnormal sent, as canonical JSON (RFC 8785): the text of the digest. For a deletion, that of the previous version.',
  })
  received(@Root() { revision }: Revision, @Ctx() context: GatewayContext): Promise<string | null> {
    return context.trackedServices.store.received(revision.key, revision.seqFrom);
  }

  @FieldResolver(() => Run, { nullable: true, description: 'The run that first saw it.' })
  async run(@Root() { revision }: Revision, @Ctx() context: GatewayContext): Promise<Run | null> {
    const run = await context.trackedServices.loaders.runs.load(revision.runId);
    return run && new Run(run);
  }
}

/** Newest first, up to the view of the record. */
async function revisionsOf(
  { revision: { key }, view }: RecordNode,
  args: ForwardArgs,
  services: RequestServices,
) {
  const terms = {
    [key.kind]: `${key.integration} ${key.id}`,
    asOf: view.frozen ? view.asOf : null,
  };
  const walk = new ListWalk(args, 'revisions', terms);
  const [seq, before] = walk.cursor ? placeOf(walk.cursor) : [view.seq, view.seq + 1];
  const found = wholeOnes(await services.store.revisions(key, before, walk.limit + 1));
  primePrevious(found, services);
  return new RevisionConnection(
    walk.page(found, {
      toNode: (revision) => new Revision(revision),
      placeOf: ({ seqFrom }) => [seqFrom],
      pin: [seq],
      count: ({ loaders }) => loaders.revisionCounts.load({ key, seq }),
    }),
  );
}

function placeOf({ pin: [seq], place: [before] }: ReadCursor): [number, number] {
  if (typeof seq === 'number' && typeof before === 'number') return [seq, before];
  throw foreignCursor();
}

/** The changes of a version need the previous one, which is the next in the list. */
function primePrevious(newestFirst: readonly RevisionRecord<ListedKind>[], services: RequestServices): void {
  newestFirst.slice(1).forEach((previous, index) => {
    const next = newestFirst[index];
    if (next) services.loaders.records.prime(previous, next.seqFrom - 1);
  });
}
