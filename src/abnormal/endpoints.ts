import { DEFINITION_OF_RESOURCE, type FilterKey, type Resource } from '../resources/registry.js';
import { type Instant, shift, toMillis } from '../values/instant.js';
import type { Window } from '../values/window.js';
import type { Call, Endpoint, JsonAnswer } from './call.js';
import type { CallOptions } from './client.js';
import { type UpstreamCode, UpstreamError, upstreamFailure } from './errors.js';

/** Sends list and detail requests to the path that a resource has on this account. */
export interface PathFinder {
  /** One page of a list. Throws `BAD_FILTER` or `NOT_ENABLED` where Abnormal answers 404. */
  list(resource: Resource, filter: string, page: number, options: CallOptions): Promise<JsonAnswer>;
  /** The detail of a record. Throws `NOT_FOUND` when it is gone, `NOT_ENABLED` when its whole resource is. */
  detail(resource: Resource, id: string, what: string, options: CallOptions): Promise<JsonAnswer>;
}

/**
 * Abnormal answers 404 to a filter that it does not like, to a path that it does not have and to a record that
 * is gone. The list without a filter is always in order, so it tells a path that is there from one that is not.
 * What is found is remembered.
 */
export function createPathFinder(call: Call): PathFinder {
  const proven = new Map<Resource, string>();
  const ordered = (resource: Resource) => {
    const first = proven.get(resource);
    const paths = listPathsOf(resource);
    return first === undefined ? paths : [first, ...paths.filter((path) => path !== first)];
  };

  /** The first answer that is no 404, or the first 404. */
  async function firstOf(
    paths: readonly string[],
    endpointAt: (path: string, index: number) => Endpoint,
    options: CallOptions,
  ): Promise<JsonAnswer | UpstreamError> {
    const refusals: UpstreamError[] = [];
    for (const [index, path] of paths.entries()) {
      const endpoint = endpointAt(path, index);
      const answer = await unlessMissing(call(endpoint, options));
      if (!(answer instanceof UpstreamError)) {
        proven.set(endpoint.resource, path);
        return answer;
      }
      refusals.push(answer);
    }
    const [first] = refusals;
    if (!first) throw new TypeError('a resource has at least one path');
    return first;
  }

  /** Whether the resource has any path at all. */
  async function exists(resource: Resource, options: CallOptions): Promise<boolean> {
    const what = `the list of ${resource}`;
    const probe = (path: string): Endpoint => ({
      resource,
      role: 'list',
      target: path,
      what,
      counts: 'listCalls',
    });
    const answer = await firstOf(ordered(resource), probe, options);
    if (answer instanceof UpstreamError) proven.delete(resource);
    return !(answer instanceof UpstreamError);
  }

  return {
    async list(resource, filter, page, options) {
      const what = `the list of ${resource} (${filter}, page ${page})`;
      const endpointAt = (path: string): Endpoint => {
        return { resource, role: 'list', target: listTarget(path, filter, page), what, counts: 'listCalls' };
      };
      const answer = await firstOf(ordered(resource), endpointAt, options);
      if (!(answer instanceof UpstreamError)) return answer;
      if (page > 1) throw pageGone(resource, page, answer);
      throw (await exists(resource, options)) ? answer : notEnabled(resource, answer);
    },

    async detail(resource, id, what, options) {
      const known = proven.get(resource);
      const paths = known === undefined ? listPathsOf(resource) : [known];
      const endpointAt = (path: string, index: number): Endpoint => {
        const counts = index === 0 ? 'detailCalls' : null;
        return { resource, role: 'detail', target: detailTarget(path, id), what, counts };
      };
      const answer = await firstOf(paths, endpointAt, options);
      if (!(answer instanceof UpstreamError)) return answer;
      // with several paths to choose from and none proven, a missing add-on must not pass for a missing record
      const isCertain = paths.length === 1 || (await exists(resource, options));
      throw isCertain ? answer : notEnabled(resource, answer);
    },
  };
}

const MISSING: readonly UpstreamCode[] = ['BAD_FILTER', 'NOT_FOUND'];

async function unlessMissing(answer: Promise<JsonAnswer>): Promise<JsonAnswer | UpstreamError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof UpstreamError && MISSING.includes(error.code)) return error;
    throw error;
  }
}

/** The first page was there under the same filter, so neither filter nor path is at fault. */
function pageGone(resource: Resource, page: number, refusal: UpstreamError): UpstreamError {
  const what = `Abnormal answered 404 to page ${page} of the list of ${resource}, which the page before had announced.`;
  return upstreamFailure('PAGING', what, { status: refusal.status, body: refusal.body });
}

function notEnabled(resource: Resource, refusal: UpstreamError): UpstreamError {
  const tried = listPathsOf(resource).join(' and ');
  const what = `Abnormal has no list of ${resource} for this account: ${tried} answered 404, with and without a filter.`;
  return upstreamFailure('NOT_ENABLED', what, { status: refusal.status, body: refusal.body });
}

function listPathsOf(resource: Resource): readonly string[] {
  return DEFINITION_OF_RESOURCE[resource].upstream.listPaths;
}

const PAGE_SIZE = 100;

/**
 * The `filter` parameter for a window. The API reads whole seconds only; a window that ends within one is
 * asked for up to the next, so that nothing of it is left out.
 */
export function upstreamFilter(filterKey: FilterKey, window: Window): string {
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
function listTarget(path: string, filter: string, page: number): string {
  const query = new URLSearchParams({ filter, pageSize: String(PAGE_SIZE), pageNumber: String(page) });
  return `${path}?${query}`;
}

/** Path of one record, or of what hangs off it. */
export function detailTarget(path: string, id: string, part = ''): string {
  return `${path}/${encodeURIComponent(id)}${part}`;
}

/** Path and query of one page of a detail. */
export function detailPageTarget(path: string, id: string, page: number): string {
  return `${detailTarget(path, id)}?pageSize=${PAGE_SIZE}&pageNumber=${page}`;
}

/** Path and query of the threat log's export. The format is asked for here and in the Accept header: either may count. */
export function threatLogTarget(filter: string): string {
  return `/threats_export/csv?${new URLSearchParams({ filter, format: 'csv' })}`;
}

/** Path and query of the customer's API tokens; 200 is the most that Abnormal gives at once. */
export const TOKENS_TARGET = '/soar/tokens?limit=200&sort_by=-created_at';
