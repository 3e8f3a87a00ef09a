import type { Window } from '../model/ledger.js';
import type { FilterKey } from '../model/stream.js';
import type { Resource } from '../resources/kind.js';
import { type Instant, shift, toMillis } from '../values/instant.js';

/** The list's path of each resource. Campaigns have two: the vendor's document names the first, some clients the second. */
export const LIST_PATHS: Record<Resource, readonly [string, ...string[]]> = {
  threats: ['/threats'],
  cases: ['/cases'],
  campaigns: ['/abusecampaigns', '/abuse-mailbox/campaigns'],
};

/** The key that holds a list's items. */
export const COLLECTION_KEYS: Record<Resource, string> = {
  threats: 'threats',
  cases: 'cases',
  campaigns: 'campaigns',
};

/** The field that holds an item's id, in lists and details. */
export const ID_FIELDS: Record<Resource, string> = {
  threats: 'threatId',
  cases: 'caseId',
  campaigns: 'campaignId',
};

export const PAGE_SIZE = 100;

/**
 * The `filter` parameter for a window. The API reads whole seconds only; a window that ends within one is
 * asked for up to the next, so that nothing of it is left out.
 */
export function filterOf(filterKey: FilterKey, window: Window): string {
  const to = wholeSecond(window.to) === window.to ? window.to : shift(wholeSecond(window.to), 1_000);
  return `${filterKey} gte ${seconds(window.from)} lte ${seconds(to)}`;
}

function wholeSecond(instant: Instant): Instant {
  return shift(instant, -(toMillis(instant) % 1_000));
}

function seconds(instant: Instant): string {
  return `${instant.slice(0, 19)}Z`;
}

/** Path and query of one page of a list. */
export function listTarget(path: string, filter: string, page: number): string {
  const query = new URLSearchParams({ filter, pageSize: String(PAGE_SIZE), pageNumber: String(page) });
  return `${path}?${query}`;
}

/** Path of one record, or of what hangs off it. */
export function detailTarget(path: string, id: string, part = ''): string {
  return `${path}/${encodeURIComponent(id)}${part}`;
}

/** Path and query of one page of a threat's messages. */
export function threatTarget(id: string, page: number): string {
  return `${detailTarget('/threats', id)}?pageSize=${PAGE_SIZE}&pageNumber=${page}`;
}

/** Path and query of the threat log's export. The format is asked for here and in the Accept header: either may count. */
export function threatLogTarget(filter: string): string {
  return `/threats_export/csv?${new URLSearchParams({ filter, format: 'csv' })}`;
}

/** Path and query of the customer's API tokens; 200 is the most that Abnormal gives at once. */
export const TOKENS_TARGET = '/soar/tokens?limit=200&sort_by=-created_at';

const CONTROL = /[\p{Cc}\p{Cs}]/u;

/** Whether text can be a record's id: it names one path segment, which `.` and `..` do not. */
export function isUsableId(text: string): boolean {
  return (
    text.length > 0 &&
    text.length <= 256 &&
    text.trim() === text &&
    !['.', '..', 'null', 'undefined'].includes(text) &&
    !CONTROL.test(text)
  );
}
