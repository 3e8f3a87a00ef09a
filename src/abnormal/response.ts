import { type DriftSighting, driftText } from '../model/drift.js';
import type { IsUnknown, Shape } from '../resources/definition.js';
import {
  DEFINITION_OF,
  DEFINITION_OF_RESOURCE,
  isListed,
  type Kind,
  PARTS,
  type Resource,
} from '../resources/registry.js';
import { idOf, nameOf, type Received, type UnreadPart } from '../resources/wire.js';
import { canonicalJson, sha256 } from '../values/canonical-json.js';
import { intOrNull, isRecord } from '../values/filter.js';
import { parseUpstreamTime } from '../values/instant.js';
import type { ListItem, ListPage } from './client.js';
import { UpstreamError, upstreamFailure } from './errors.js';

const LONGEST_UNUSABLE = 2_000;

/** Throws `BAD_BODY` if it is no list (without its collection key it is not empty), `PAGING` if it leads back. */
export function decodeList(resource: Resource, filter: string, page: number, received: Received): PageRead {
  const { collectionKey: key, window } = DEFINITION_OF_RESOURCE[resource].upstream;
  const { json } = received;
  const items = key === null ? json : isRecord(json) ? json[key] : undefined;
  if (!Array.isArray(items)) {
    const found = key !== null && isRecord(json) ? `${nameOf(items)} under "${key}"` : nameOf(json);
    const what = `Abnormal's list of ${resource} is invalid: it has ${found} instead of a list of ${key ?? resource}.`;
    throw upstreamFailure('BAD_BODY', what, { status: 200, body: received.evidence() });
  }
  const envelope = isRecord(json) ? json : {};
  const nextPage = checkedNextPage(resource, envelope, page, received);
  const read = items.map((item) => toItem(resource, item));
  return {
    items: read.filter((item): item is ListItem => typeof item !== 'string'),
    unusable: read.filter((item): item is string => typeof item === 'string'),
    page,
    nextPage,
    total: window === 'START_END' ? items.length : totalOf(envelope.total),
    filter,
  };
}

type PageRead = Omit<ListPage, 'fetchedAt'>;

export function joinPages(a: PageRead, b: PageRead): PageRead {
  return {
    ...a,
    items: [...a.items, ...b.items],
    unusable: [...a.unusable, ...b.unusable],
    nextPage: a.nextPage ?? b.nextPage,
    total: a.total === null || b.total === null ? null : a.total + b.total,
  };
}

function checkedNextPage(
  resource: Resource,
  json: Record<string, unknown>,
  page: number,
  received: Received,
): number | null {
  const said = pageNumberOf(json);
  const next = nextPageOf(json, page);
  if (next !== 'CONTRADICTORY' && (said === null || said === page)) return next;
  const what =
    `Page ${page} of Abnormal's list of ${resource} declares itself as page ${JSON.stringify(json.pageNumber)} ` +
    `and page ${JSON.stringify(json.nextPageNumber)} as next.`;
  throw upstreamFailure('PAGING', what, { status: 200, body: received.evidence() });
}

function toItem(resource: Resource, item: unknown): ListItem | string {
  const { idField, itemTime } = DEFINITION_OF_RESOURCE[resource].upstream;
  const id = isRecord(item) ? (idField === null ? sha256(canonicalJson(item)) : idOf(item[idField])) : null;
  if (id === null || !isRecord(item)) return JSON.stringify(item).slice(0, LONGEST_UNUSABLE);
  const modified = item.last_modified ?? item.lastModifiedTime ?? (itemTime && item[itemTime]);
  return { id, item, lastModifiedTime: typeof modified === 'string' ? parseUpstreamTime(modified) : null };
}

function totalOf(value: unknown): number | null {
  const total = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof total === 'number' && total >= 0 ? intOrNull(total) : null;
}

function pageNumberOf(json: unknown): number | null {
  return isRecord(json) ? pageNumber(json.pageNumber) : null;
}

/** The next page; `null` on the last one. `CONTRADICTORY` if following it would repeat or skip pages. */
function nextPageOf(json: unknown, page: number): number | null | 'CONTRADICTORY' {
  const raw = isRecord(json) ? json.nextPageNumber : null;
  if (raw === undefined || raw === null || raw === '') return null;
  return pageNumber(raw) === page + 1 ? page + 1 : 'CONTRADICTORY';
}

function pageNumber(raw: unknown): number | null {
  const number = typeof raw === 'string' && /^\d{1,9}$/.test(raw) ? Number(raw) : raw;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : null;
}

/** A threat has at most 2,000 messages, and some accounts send 10 per page; a few pages more do no harm. */
const MOST_PAGES = 40;

/** So many pages without anything new show that the pages do not end. */
const MAX_STALE_PAGES = 2;

interface DetailPages<T> {
  readonly pages: readonly [T, ...T[]];
  readonly isComplete: boolean;
}

/**
 * An empty page is the last one, and two pages without a new id end the detail as incomplete. Unlike a list,
 * a detail with contradictory pages is kept: according to the vendor the page number may be ignored, so that
 * the first page repeats.
 */
export async function followPages<T extends { readonly json: unknown }>(
  fetchPage: (page: number) => Promise<T>,
  idsOf: (json: unknown) => readonly string[] | null,
): Promise<DetailPages<T>> {
  const first = await fetchPage(1);
  const pages: [T, ...T[]] = [first];
  const known = new Set(idsOf(first.json) ?? []);
  let stale = 0;
  let next = nextPageOf(first.json, 1);
  while (typeof next === 'number') {
    if (next > MOST_PAGES) return { pages, isComplete: false };
    const page = await unlessGone(fetchPage(next));
    if (page === null) return { pages, isComplete: false };
    const said = pageNumberOf(page.json);
    if (said !== null && said !== next) return { pages, isComplete: false };
    const listed = idsOf(page.json);
    const ids = listed ?? [];
    stale = ids.every((id) => known.has(id)) ? stale + 1 : 0;
    for (const id of ids) known.add(id);
    pages.push(page);
    next = nextPageOf(page.json, next);
    if (listed?.length === 0) return { pages, isComplete: next !== 'CONTRADICTORY' };
    if (typeof next === 'number' && stale >= MAX_STALE_PAGES) return { pages, isComplete: false };
  }
  return { pages, isComplete: next === null };
}

/** The ids of a page's messages; a message without an id is identified by its content. */
export function messageIdsOf(json: unknown): readonly string[] | null {
  const messages = isRecord(json) ? json.messages : null;
  if (!Array.isArray(messages)) return null;
  return messages.map((message: unknown) => {
    const id = isRecord(message) ? (message.abxMessageIdStr ?? message.abxMessageId) : null;
    return typeof id === 'string' || typeof id === 'number' ? String(id) : JSON.stringify(message);
  });
}

/** A missing further page does not mean that the record is missing. */
async function unlessGone<T>(page: Promise<T>): Promise<T | null> {
  try {
    return await page;
  } catch (error) {
    if (error instanceof UpstreamError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

const LONGEST_PATH = 200;
const LONGEST_VALUE = 100;

function shapesOf(kind: Kind) {
  return (isListed(kind) ? DEFINITION_OF[kind] : PARTS[kind].part).shapes;
}

/** What of a detail does not read, as drift: each place of a list stands for the list. */
export function unreadableDrift(kind: Kind, unread: readonly UnreadPart[]): DriftSighting[] {
  const found = new Map<string, DriftSighting>();
  const item = shapesOf(kind).find(({ at }) => at === 'item');
  for (const { path, flaw } of unread) {
    const named = item && path.startsWith('item.') ? `${item.name}.${path.slice(5)}` : `${kind}.${path}`;
    const place = named.replace(/\.\d+(?=\.|$)|\[.*\]/g, '[]');
    const sighting = {
      ...{ kind: 'UNREADABLE' as const, path: shortened(place, LONGEST_PATH) },
      value: shortened(flaw, LONGEST_VALUE),
    };
    found.set(driftText(sighting), sighting);
  }
  return [...found.values()];
}

/** Unknown fields and unknown words of open lists, each once. Does not look below unknown fields. */
export function findDrift(kind: Kind, payload: unknown): DriftSighting[] {
  const search = new Search();
  for (const { name, shape, at } of shapesOf(kind)) {
    const received = at !== null && isRecord(payload) ? payload[at] : payload;
    search.look(received, shape, name);
  }
  return [...search.found.values()];
}

class Search {
  readonly found = new Map<string, DriftSighting>();

  look(value: unknown, shape: Shape, path: string): void {
    if (Array.isArray(value)) {
      for (const item of value) if (isRecord(item)) this.#lookInto(item, shape, `${path}[]`);
    } else if (isRecord(value)) this.#lookInto(value, shape, path);
  }

  #lookInto(value: Record<string, unknown>, shape: Shape, path: string): void {
    for (const name of Object.keys(value)) {
      const known = shape.get(name);
      if (known === null) continue;
      if (known === undefined) this.#add({ kind: 'FIELD', path: `${path}.${name}`, value: null });
      else if (typeof known === 'function') this.#lookAt(value[name], known, `${path}.${name}`);
      else this.look(value[name], known, `${path}.${name}`);
    }
  }

  #lookAt(word: unknown, isUnknown: IsUnknown, path: string): void {
    if (typeof word === 'string' && isUnknown(word)) this.#add({ kind: 'VALUE', path, value: word });
  }

  #add({ kind, path, value }: DriftSighting): void {
    const sighting = {
      ...{ kind, path: shortened(path, LONGEST_PATH) },
      value: value === null ? null : shortened(value, LONGEST_VALUE),
    };
    this.found.set(driftText(sighting), sighting);
  }
}

function shortened(text: string, longest: number): string {
  const short = text.length > longest ? `${text.slice(0, longest - 1)}…` : text;
  return short.toWellFormed();
}
