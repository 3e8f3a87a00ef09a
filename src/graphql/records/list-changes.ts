import { ArgsType, Field, ID } from 'type-graphql';
import { wholeOnes } from '../../history/errors.js';
import type { ChangesQuery } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import { KIND_OF, type Kind, type ListedKind, type RecordKey } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { badInput } from '../base/errors.js';
import { DateTime } from '../base/scalars.js';
import {
  cursorWriter,
  ForwardArgs,
  fingerprint,
  Page,
  type PageServices,
  type ReadCursor,
  readCursor,
  toPageRequest,
} from '../lists/page.js';
import { assertCollected } from '../lists/view.js';
import { checkIntegrations, integrationNames, type RequestServices } from '../request/services.js';
import { RecordKind, Revision, RevisionConnection } from './revision.type.js';

const LIST = 'changes';

/** A page of what the history recorded between two instants, in the order it was recorded. */
export async function listChanges(args: ChangeArgs, services: RequestServices): Promise<RevisionConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(services, args.integrations);
  const kinds = args.kinds ?? Object.values(KIND_OF);
  const { since, until = null } = args;
  const terms = { since, until, kinds: fingerprint(kinds), integrations: fingerprint(integrations) };
  const span =
    cursor === null
      ? { ...(await spanOf(args, services)), after: null }
      : resume(readCursor(cursor, LIST, terms));
  const found = wholeOnes(await services.store.changes({ ...span, kinds, integrations, limit: limit + 1 }));
  if (found.length === 0 && cursor === null && until !== null) {
    const view = { seq: span.toSeq, asOf: until };
    await assertCollected(services, view, kinds, integrations ?? (await integrationNames(services)));
  }
  const page = found.slice(0, limit) as RevisionRecord<ListedKind>[];
  const write = cursorWriter({ list: LIST, terms, pin: [span.afterSeq, span.toSeq] });
  return new RevisionConnection(
    new Page({
      nodes: page.map((revision) => new Revision(revision)),
      cursorAt: (index) => write(placeOf(page[index])),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: (asking) => countChanges(asking, { ...span, kinds, integrations }),
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

function placeOf(revision: RevisionRecord | undefined) {
  if (!revision) return [];
  const { kind, integration, id } = revision.key;
  return [revision.seqFrom, kind, integration, id];
}

function resume({ pin: [afterSeq, toSeq], place: [seqFrom, kind, integration, id] }: ReadCursor) {
  if (typeof afterSeq !== 'number' || typeof toSeq !== 'number' || typeof seqFrom !== 'number') {
    throw badInput('This cursor belongs to another history. To start from the first page, omit the cursor.');
  }
  const key: RecordKey = { kind: String(kind) as Kind, integration: String(integration), id: String(id) };
  return { afterSeq, toSeq, after: { seqFrom, key } };
}

/** Counts by walking: the port has no count of changes, and the spans that people ask for are short. */
async function countChanges(
  { store }: PageServices,
  query: Omit<ChangesQuery, 'after' | 'limit'>,
): Promise<number> {
  const limit = 500;
  let count = 0;
  for (let after: ChangesQuery['after'] = null; ; ) {
    const found = await store.changes({ ...query, after, limit });
    count += found.length;
    const last = found.at(-1);
    if (!last || found.length < limit) return count;
    after = last;
  }
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
