import type { ListItem, ListPage } from '../../abnormal/client.js';
import { UpstreamError } from '../../abnormal/errors.js';
import type { Stream } from '../../model/stream.js';
import type { Instant, Window } from '../../values/instant.js';
import { callOptions, type Reading } from '../context.js';

export interface Listing {
  readonly items: ReadonlyMap<string, ListItem>;
  readonly filter: string;
  /** When the first page was requested, or earlier by Abnormal's own clock. */
  readonly fetchedAt: Instant;
  readonly pages: number;
  readonly declared: number | null;
  readonly unusable: number;
  /** Why rows may be missing; `null` if there is no doubt. */
  readonly doubt: string | null;
}

/** Pages are read so often before the window counts as unstable. */
const MAX_WALKS = 5;
/** Windows are narrowed to minutes before they are paged; no real one has so many pages. */
const MAX_PAGES = 500;
/** So many pages in a row without a new id mean that the list does not end. */
const MAX_STALE_PAGES = 2;

export function listFirstPage(reading: Reading, stream: Stream, window: Window): Promise<ListPage> {
  return listPage(reading, stream, window, 1);
}

/**
 * A full page without a total proves nothing. A page that is not full but names a next page is followed, not
 * narrowed: some servers always name one.
 */
export function isOverflowing(page: ListPage, pageSize: number): boolean {
  const rows = rowsOf(page);
  return rows >= pageSize && (page.nextPage !== null || page.total !== rows);
}

/**
 * Reads all pages. Rows may move between pages unseen, so more than one page is read until two readings
 * agree. The result is the union.
 */
export async function listAllPages(
  reading: Reading,
  stream: Stream,
  window: Window,
  first: ListPage,
): Promise<Listing> {
  const items = new Map<string, ListItem>();
  let pages = 0;
  let previous: Walk | null = null;
  for (let walks = 1; ; walks += 1) {
    const walk = await walkPages(reading, stream, window, walks === 1 ? first : null);
    pages += walk.pages.length;
    for (const page of walk.pages) for (const item of page.items) items.set(item.id, item);
    const doubt = doubtOf(walk, previous);
    if (doubt === null || walks === MAX_WALKS) {
      const unusable = walk.pages.reduce((sum, page) => sum + page.unusable.length, 0);
      const { filter, fetchedAt } = first;
      return { items, filter, fetchedAt, pages, declared: walk.declared, unusable, doubt };
    }
    previous = walk;
  }
}

interface Walk {
  readonly pages: readonly ListPage[];
  readonly ids: ReadonlySet<string>;
  readonly rows: number;
  readonly declared: number | null;
}

async function walkPages(
  reading: Reading,
  stream: Stream,
  window: Window,
  first: ListPage | null,
): Promise<Walk> {
  const pages: ListPage[] = [];
  const ids = new Set<string>();
  let rows = 0;
  let stale = 0;
  let declared: number | null = null;
  for (let page = first ?? (await listPage(reading, stream, window, 1)); ; ) {
    pages.push(page);
    const known = ids.size;
    for (const { id } of page.items) ids.add(id);
    rows += rowsOf(page);
    declared = page.total ?? declared;
    const { nextPage } = page;
    // an empty page is the end, whatever next page it names
    if (nextPage === null || rowsOf(page) === 0) return { pages, ids, rows, declared };
    stale = ids.size > known || page.unusable.length > 0 ? 0 : stale + 1;
    const endless = endlessness(page, nextPage, { pages: pages.length, stale, ids: ids.size, declared });
    if (endless !== null) throw new UpstreamError('PAGING', endless);
    page = await listPage(reading, stream, window, nextPage);
  }
}

interface SoFar {
  readonly pages: number;
  readonly stale: number;
  readonly ids: number;
  readonly declared: number | null;
}

function endlessness(
  page: ListPage,
  nextPage: number,
  { pages, stale, ids, declared }: SoFar,
): string | null {
  const names = `page ${page.page} of the list names page ${nextPage} as its next`;
  if (nextPage <= page.page) return names;
  if (stale >= MAX_STALE_PAGES) return `${names}, though the last ${stale} pages brought no new id`;
  // rows may be added during the reading, but a page more than declared means another list
  if (declared !== null && ids > declared + rowsOf(page))
    return `${names}, though it declares ${declared} rows and has listed ${ids}`;
  return pages >= MAX_PAGES ? `${names}, after ${pages} pages` : null;
}

function doubtOf({ pages, declared, rows, ids }: Walk, previous: Walk | null): string | null {
  if (declared !== null && rows < declared) return `declares ${declared} rows, lists ${rows}`;
  // rows cannot move between pages if one page has all of them
  const filled = pages.filter((page) => rowsOf(page) > 0);
  if (filled.length <= 1 || (previous && isSameSet(previous.ids, ids))) return null;
  return 'its rows moved between pages in every attempt';
}

function isSameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((id) => b.has(id));
}

function rowsOf(page: ListPage): number {
  return page.items.length + page.unusable.length;
}

function listPage(reading: Reading, stream: Stream, window: Window, page: number): Promise<ListPage> {
  return reading.account.client.list(stream.resource, stream.filterKey, window, page, callOptions(reading));
}
