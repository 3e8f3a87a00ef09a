import type { RecordKey } from '../../resources/registry.js';
import { badInput } from '../base/errors.js';
import { foreignCursor, ListWalk, type Page, type PageArgs, type ReadCursor } from './page.js';
import type { View } from './view.js';

/** A list that is part of a record and is read as a whole. */
export interface ArrayList<T> {
  /** The name in cursors, such as `Case.threats`. */
  readonly list: string;
  readonly owner: RecordKey;
  readonly view: View;
  /** The list in a view: the owner's, or the one that a cursor pins. */
  readonly read: (view: View) => T[] | Promise<T[]>;
  readonly idOf: (item: T) => string;
}

/** A page of it, with the view it was read in: that of the first page of the walk. */
export interface PageWithin<T> {
  readonly page: Page<T>;
  readonly view: View;
}

export async function arrayPage<T>(within: ArrayList<T>, args: PageArgs): Promise<PageWithin<T>> {
  const { owner, idOf } = within;
  const terms = {
    [owner.kind]: `${owner.integration} ${owner.id}`,
    asOf: within.view.frozen ? within.view.asOf : null,
  };
  const walk = new ListWalk(args, within.list, terms);
  const view = walk.cursor ? pinnedView(within.view, walk.cursor) : within.view;
  const list = await within.read(view);
  const page = walk.page(rowsFrom(list, walk, idOf), {
    toNode: (item) => item,
    placeOf: (item) => [idOf(item)],
    pin: [view.seq, view.asOf],
    count: async () => list.length,
  });
  return { page, view };
}

function pinnedView(view: View, { pin: [seq, asOf] }: ReadCursor): View {
  if (typeof seq !== 'number' || typeof asOf !== 'string') throw foreignCursor();
  return { ...view, seq, asOf };
}

/** What comes after the cursor in the direction of the walk. */
function rowsFrom<T>(list: readonly T[], { cursor, backward }: ListWalk, idOf: (item: T) => string): T[] {
  if (cursor === null) return backward ? list.toReversed() : list.slice();
  const [id] = cursor.place;
  if (typeof id !== 'string') throw foreignCursor();
  const place = list.findIndex((item) => idOf(item) === id);
  if (place === -1) throw badInput('The item of this cursor is no longer in the list. Omit the cursor.');
  return backward ? list.slice(0, place).reverse() : list.slice(place + 1);
}
