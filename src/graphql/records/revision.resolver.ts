import { Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { badInput } from '../base/errors.js';
import { Personal, SyncResolver } from '../base/fields.js';
import { Run } from '../collection/run.type.js';
import { cursorWriter, ForwardArgs, Page, readCursor, toPageRequest } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { ChangeArgs, listChanges } from './list-changes.js';
import { RecordNode } from './record.type.js';
import { ChangeKind, differencesOf, FieldChange, Revision, RevisionConnection } from './revision.type.js';

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
    return revisionsOf(root, args, context.services);
  }
}

@Resolver(() => Revision)
export class RevisionResolver {
  @Guard('reader')
  @Query(() => RevisionConnection, {
    nullable: true,
    description:
      'Versions that were added, changed or deleted in a span of the gateway’s own time, oldest first. Reads the history only.',
  })
  changes(
    @Args(() => ChangeArgs) args: ChangeArgs,
    @Ctx() context: GatewayContext,
  ): Promise<RevisionConnection> {
    return listChanges(args, context.services);
  }

  @FieldResolver(() => ChangeKind, {
    nullable: true,
    description: 'How the version relates to the previous one.',
  })
  async change(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<ChangeKind> {
    if (root.revision.deleted) return 'DELETED';
    const previous = await previousOf(root, context.services);
    return previous && !previous.deleted ? 'CHANGED' : 'ADDED';
  }

  @FieldResolver(() => String, {
    nullable: true,
    description: 'Digest of the previous version; null if there is none or if the record was deleted.',
  })
  async digestBefore(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<string | null> {
    const previous = await previousOf(root, context.services);
    return previous && !previous.deleted ? previous.digest : null;
  }

  @FieldResolver(() => [FieldChange], {
    nullable: true,
    description: 'The fields that differ from the previous version; empty for added and deleted records.',
  })
  async fieldChanges(@Root() root: Revision, @Ctx() context: GatewayContext): Promise<FieldChange[]> {
    const previous = await previousOf(root, context.services);
    if (!previous || previous.deleted || root.revision.deleted) return [];
    return differencesOf(root.kind, previous.record, root.revision.record);
  }

  @Personal('received')
  @FieldResolver(() => String, {
    nullable: true,
    description:
      'What Abnormal sent, as canonical JSON (RFC 8785): the text of the digest. For a deletion, that of the previous version.',
  })
  received(@Root() { revision }: Revision, @Ctx() { services }: GatewayContext): Promise<string | null> {
    return services.store.received(revision.key, revision.seqFrom);
  }

  @FieldResolver(() => Run, { nullable: true, description: 'The run that first saw it.' })
  async run(@Root() { revision }: Revision, @Ctx() { services }: GatewayContext): Promise<Run | null> {
    const run = await services.loaders.runs.load(revision.runId);
    return run && new Run(run);
  }
}

const LIST = 'revisions';

/** A page of the versions of one record, newest first, up to the view that the record is read in. */
async function revisionsOf(root: RecordNode, args: ForwardArgs, services: RequestServices) {
  const { key } = root.revision;
  const { limit, cursor } = toPageRequest(args);
  const terms = {
    [key.kind]: `${key.integration} ${key.id}`,
    asOf: root.view.frozen ? root.view.asOf : null,
  };
  const [seq, before] =
    cursor === null ? [root.view.seq, root.view.seq + 1] : placeOf(readCursor(cursor, LIST, terms));
  // one more than the page: whether there is more, and what the last of the page came after
  const found = wholeOnes(await services.store.revisions(key, before, limit + 1));
  primePrevious(found, services);
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: LIST, terms, pin: [seq] });
  return new RevisionConnection(
    new Page({
      nodes: page.map((revision) => new Revision(revision)),
      cursorAt: (index) => write([page[index]?.seqFrom ?? 0]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ loaders }) => loaders.revisionCounts.load({ key, seq }),
    }),
  );
}

function placeOf({ pin: [seq], place: [before] }: ReturnType<typeof readCursor>): [number, number] {
  if (typeof seq === 'number' && typeof before === 'number') return [seq, before];
  throw badInput('This cursor belongs to another history. To start from the first page, omit the cursor.');
}

/** Neighbours in the list need not be looked up when their changes are asked for. */
function primePrevious(newestFirst: readonly RevisionRecord<ListedKind>[], services: RequestServices): void {
  newestFirst.slice(1).forEach((previous, index) => {
    const next = newestFirst[index];
    if (next) services.loaders.records.prime(previous, next.seqFrom - 1);
  });
}

/** The version before a version; `null` where it is the first. */
function previousOf({ revision }: Revision, services: RequestServices) {
  return services.loaders.records.load<ListedKind>(revision.key, revision.seqFrom - 1);
}
