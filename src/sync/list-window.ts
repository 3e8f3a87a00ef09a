import type { ListItem, ListPage } from '../abnormal/client.js';
import { UpstreamError } from '../abnormal/errors.js';
import type { Instant } from '../model/instant.js';
import type { Window } from '../model/ledger.js';
import type { Stream } from '../model/stream.js';
import { callOptions, type Reading } from './pass.js';

/** What the pages of a window listed. */
export interface Listing {
  readonly items: ReadonlyMap<string, ListItem>;
  readonly filter: string;
  /** When the first of its pages was asked for, by Abnormal's own clock where that says earlier. */
  readonly fetchedAt: Instant;
  readonly pages: number;
  readonly declared: number | null;
  /** Rows without an id that could be used. */
  readonly unusable: number;
  /** Why there may be more than was listed, for a person; `null` when there is no reason to think so. */
  readonly doubt: string | null;
}

/** How often pages are read anew before a window counts as not to be pinned down. */
const MAX_WALKS = 5;
const MAX_PAGES = 10_000;

/** The first page of a window. */
export function listFirstPage(reading: Reading, stream: Stream, window: Window): Promise<ListPage> {
  return listPage(reading, stream, window, 1);
}

/** Whether the window holds more than this one page, or may: a full page that says nothing of more is no proof. */
export function isOverflowing(page: ListPage, pageSize: number): boolean {
  if (page.nextPage !== null) return true;
  const rows = rowsOf(page);
  return rows >= pageSize && page.total !== rows;
}

/**
 * Reads a window's pages to their end. They are cut by offset from rows that may move meanwhile, so that one
 * can slip between two pages, unseen even where the number of rows stays the same: what takes more than one page
 * is read again until two readings agree. What any of them listed counts.
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
  const pages = [first ?? (await listPage(reading, stream, window, 1))];
  for (let last = pages[0]; last && last.nextPage !== null; last = pages.at(-1)) {
    if (last.nextPage <= last.page || pages.length >= MAX_PAGES) {
      throw new UpstreamError(
        'PAGING',
        `page ${last.page} of the list names page ${last.nextPage} as its next`,
      );
    }
    pages.push(await listPage(reading, stream, window, last.nextPage));
  }
  return {
    pages,
    ids: new Set(pages.flatMap((page) => page.items.map((item) => item.id))),
    rows: pages.reduce((sum, page) => sum + rowsOf(page), 0),
    declared: pages.at(-1)?.total ?? null,
  };
}

function doubtOf({ pages, declared, rows, ids }: Walk, previous: Walk | null): string | null {
  if (declared !== null && rows < declared) return `declares ${declared} rows, lists ${rows}`;
  if (pages.length === 1 || (previous && isSameSet(previous.ids, ids))) return null;
  return 'its rows moved between pages at every reading';
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
