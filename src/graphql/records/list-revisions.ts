import { wholeOnes } from '../../history/errors.js';
import type { Revision as RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/kind.js';
import { badInput } from '../base/errors.js';
import { cursorWriter, readCursor } from '../lists/cursor.js';
import { Page } from '../lists/page.js';
import { type ForwardArgs, toPageRequest } from '../lists/page-args.js';
import type { Means } from '../request/services.js';
import type { RecordNode } from './record.type.js';
import { Revision, RevisionConnection } from './revision.type.js';

const LIST = 'revisions';

/** A page of the versions of one record, newest first, up to the view that the record is read in. */
export async function revisionsOf(root: RecordNode, args: ForwardArgs, means: Means) {
  const { key } = root.revision;
  const { limit, cursor } = toPageRequest(args);
  const terms = {
    [key.kind]: `${key.integration} ${key.id}`,
    asOf: root.view.frozen ? root.view.asOf : null,
  };
  const [seq, before] =
    cursor === null ? [root.view.seq, root.view.seq + 1] : placeOf(readCursor(cursor, LIST, terms));
  // one more than the page: whether there is more, and what the last of the page came after
  const found = wholeOnes(await means.store.revisions(key, before, limit + 1));
  primePrevious(found, means);
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
  throw badInput('This cursor is of another history: to begin a new walk, leave the cursor out.');
}

/** Neighbours in the list need not be looked up when their changes are asked for. */
function primePrevious(newestFirst: readonly RevisionRecord<ListedKind>[], means: Means): void {
  newestFirst.slice(1).forEach((previous, index) => {
    const next = newestFirst[index];
    if (next) means.loaders.records.prime(previous, next.seqFrom - 1);
  });
}

/** The version before a version; `null` where it is the first. */
export function previousOf({ revision }: Revision, means: Means) {
  return means.loaders.records.load<ListedKind>(revision.key, revision.seqFrom - 1);
}
