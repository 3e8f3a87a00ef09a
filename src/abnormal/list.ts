import type { Received } from '../resources/decode.js';
import type { Resource } from '../resources/kind.js';
import { idOf, isRecord, nameOf } from '../resources/scalars.js';
import { parseUpstreamTime } from '../values/instant.js';
import { intOrNull } from '../values/int.js';
import type { ListItem, ListPage } from './client.js';
import { failure } from './explain.js';
import { nextPageOf, saidPageOf } from './pages.js';
import { COLLECTION_KEYS, ID_FIELDS } from './paths.js';

const LONGEST_UNUSABLE = 2_000;

/**
 * Reads one page of a list. Throws `BAD_BODY` when it is not one: an answer without its collection key is no
 * empty list. Throws `PAGING` when it is not the page asked for, or leads back or past a page.
 */
export function decodeList(
  resource: Resource,
  filter: string,
  page: number,
  received: Received,
): Omit<ListPage, 'fetchedAt'> {
  const key = COLLECTION_KEYS[resource];
  const { json } = received;
  const items = isRecord(json) ? json[key] : undefined;
  if (!isRecord(json) || !Array.isArray(items)) {
    const found = isRecord(json) ? `${nameOf(items)} under "${key}"` : nameOf(json);
    const what = `Abnormal's list of ${resource} is not one: it holds ${found} instead of a list of ${key}.`;
    throw failure('BAD_BODY', what, { status: 200, body: received.evidence() });
  }
  const nextPage = checkedNextPage(resource, json, page, received);
  const read = items.map((item) => toItem(resource, item));
  return {
    items: read.filter((item): item is ListItem => typeof item !== 'string'),
    unusable: read.filter((item): item is string => typeof item === 'string'),
    page,
    nextPage,
    total: totalOf(json.total),
    filter,
  };
}

function checkedNextPage(
  resource: Resource,
  json: Record<string, unknown>,
  page: number,
  received: Received,
): number | null {
  const said = saidPageOf(json);
  const next = nextPageOf(json, page);
  if (next !== 'CONTRADICTORY' && (said === null || said === page)) return next;
  const what =
    `Page ${page} of Abnormal's list of ${resource} says that it is page ${JSON.stringify(json.pageNumber)} ` +
    `and that page ${JSON.stringify(json.nextPageNumber)} is next.`;
  throw failure('PAGING', what, { status: 200, body: received.evidence() });
}

/** The item, or its text when it has no id that could be asked for. */
function toItem(resource: Resource, item: unknown): ListItem | string {
  const id = isRecord(item) ? idOf(item[ID_FIELDS[resource]]) : null;
  if (id === null || !isRecord(item)) return JSON.stringify(item).slice(0, LONGEST_UNUSABLE);
  const modified = item.last_modified ?? item.lastModifiedTime;
  return { id, item, lastModifiedTime: typeof modified === 'string' ? parseUpstreamTime(modified) : null };
}

function totalOf(value: unknown): number | null {
  const total = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof total === 'number' && total >= 0 ? intOrNull(total) : null;
}
