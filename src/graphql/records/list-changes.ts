import { ArgsType, Field, ID } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import { type ChangesQuery, type HistoryStore, limitedPage, walkPages } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import { KIND_OF, type Kind, type ListedKind, type RecordKey } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime } from '../base/fields.js';
import { ForwardArgs, fingerprint, foreignCursor, ListWalk, type ReadCursor } from '../lists/page.js';
import { assertCollected } from '../lists/view.js';
import { checkIntegrations, integrationNames, type RequestServices } from '../request/services.js';
import { RecordKind, Revision, RevisionConnection } from './revision.type.js';

export async function listChanges(args: ChangeArgs, services: RequestServices): Promise<RevisionConnection> {
  const integrations = await checkIntegrations(services, args.integrations);
  const kinds = args.kinds ?? Object.values(KIND_OF);
  const { since, until = null } = args;
  const terms = { since, until, kinds: fingerprint(kinds), integrations: fingerprint(integrations) };
  const walk = new ListWalk(args, 'changes', terms);
  const span = walk.cursor ? resume(walk.cursor) : { ...(await spanOf(args, services)), after: null };
  const query = { ...span, kinds, integrations };
  const found = wholeOnes(await services.store.changes({ ...query, limit: walk.limit + 1 }));
  if (found.length === 0 && walk.cursor === null && until !== null) {
    const view = { seq: span.toSeq, asOf: until };
    await assertCollected(services, view, kinds, integrations ?? (await integrationNames(services)));
  }
  return new RevisionConnection(
    walk.page(found as RevisionRecord<ListedKind>[], {
      toNode: (revision) => new Revision(revision),
      placeOf: ({ seqFrom, key }) => [seqFrom, key.kind, key.integration, key.id],
      pin: [span.afterSeq, span.toSeq],
      count: ({ store }) => countChanges(store, query),
    }),
  );
}

async function spanOf({ since, until = null }: ChangeArgs, { store, loaders }: RequestServices) {
  if (until !== null && until < since)
    throw badInput(`until (${until}) must not be before since (${since}).`);
  const [from, to] = await Promise.all([
    store.pinAt(since),
    until === null ? loaders.current.head() : store.pinAt(until),
  ]);
  return { afterSeq: from.seq, toSeq: to.seq };
}

function resume({ pin: [afterSeq, toSeq], place: [seqFrom, kind, integration, id] }: ReadCursor) {
  if (typeof afterSeq !== 'number' || typeof toSeq !== 'number' || typeof seqFrom !== 'number') {
    throw foreignCursor();
  }
  const key: RecordKey = { kind: String(kind) as Kind, integration: String(integration), id: String(id) };
  return { afterSeq, toSeq, after: { seqFrom, key } };
}

/** Counts page by page: the port has no count of changes, and the spans that callers ask for are short. */
async function countChanges(
  store: HistoryStore,
  query: Omit<ChangesQuery, 'after' | 'limit'>,
): Promise<number> {
  const limit = 500;
  let count = 0;
  const read = async (after: ChangesQuery['after']) =>
    limitedPage(await store.changes({ ...query, after, limit }), limit);
  for await (const page of walkPages(read, (revision) => revision)) count += page.length;
  return count;
}

@ArgsType()
export class ChangeArgs extends ForwardArgs {
  @Field(() => DateTime, {
    description: 'Versions recorded after this instant of the gateway’s clock (UTC).',
  })
  since!: Instant;

  @Field(() => DateTime, {
    nullable: true,
    description:
      'Versions recorded up to and including this instant (UTC). Default: all. Before the first recording the answer is the error `NOT_COLLECTED`, which names that instant.',
  })
  until?: Instant | null;

  @Field(() => [RecordKind], {
    nullable: true,
    description: 'Only records of these kinds. Default: all.',
  })
  kinds?: ListedKind[] | null;

  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name. Default: all.' })
  integrations?: string[] | null;
}
