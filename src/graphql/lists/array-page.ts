import type { RecordKey } from '../../resources/registry.js';
import { badInput } from '../base/errors.js';
import { cursorWriter, Page, type PageArgs, type PageRequest, readCursor, toPageRequest } from './page.js';
import type { View } from './view.js';

/** A list that lies within a record and is held as a whole. */
export interface ArrayList<T> {
  /** Its name, for cursors: `Case.threats`. */
  readonly list: string;
  readonly owner: RecordKey;
  readonly view: View;
  /** The list as a view shows it: the owner's own view, or the one that a cursor pins. */
  readonly read: (view: View) => T[] | Promise<T[]>;
  readonly idOf: (item: T) => string;
}

/** A page of it, with the view it was read in. Like every walk, one through it stays in its first page's view. */
export interface PageWithin<T> {
  readonly page: Page<T>;
  readonly view: View;
}

/** Reads a page of a list within a record. */
export async function arrayPage<T>(within: ArrayList<T>, args: PageArgs): Promise<PageWithin<T>> {
  const request = toPageRequest(args);
  const { view, after } =
    request.cursor === null ? { ...within, after: null } : resume(within, request.cursor);
  return { view, page: cut(within, request, view, await within.read(view), after) };
}

function cursorTerms({ owner, view }: Pick<ArrayList<unknown>, 'owner' | 'view'>) {
  return { [owner.kind]: `${owner.integration} ${owner.id}`, asOf: view.frozen ? view.asOf : null };
}

function resume<T>(within: ArrayList<T>, cursor: string): { view: View; after: string } {
  const { pin, place } = readCursor(cursor, within.list, cursorTerms(within));
  const [seq, asOf] = pin;
  const [after] = place;
  if (typeof seq !== 'number' || typeof asOf !== 'string' || typeof after !== 'string') {
    throw badInput('This cursor belongs to another history. To start from the first page, omit the cursor.');
  }
  return { view: { ...within.view, seq, asOf }, after };
}

function cut<T>(
  within: ArrayList<T>,
  { limit, backward }: PageRequest,
  view: View,
  list: readonly T[],
  after: string | null,
): Page<T> {
  const place = after === null ? null : list.findIndex((item) => within.idOf(item) === after);
  if (place === -1) throw badInput('The item of this cursor is no longer in the list. Omit the cursor.');
  const end = backward ? (place ?? list.length) : Math.min((place ?? -1) + 1 + limit, list.length);
  const start = backward ? Math.max(end - limit, 0) : (place ?? -1) + 1;
  const nodes = list.slice(start, end);
  return new Page({
    nodes,
    cursorAt: (index) => {
      const write = cursorWriter({
        list: within.list,
        terms: cursorTerms(within),
        pin: [view.seq, view.asOf],
      });
      return write([within.idOf(nodes[index] as T)]);
    },
    hasNextPage: end < list.length,
    hasPreviousPage: start > 0,
    count: async () => list.length,
  });
}
