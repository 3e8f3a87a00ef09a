import { DEFINITION_OF_RESOURCE, type FilterKey, type Resource } from '../resources/registry.js';
import { type Instant, shift, toMillis, type Window } from '../values/instant.js';
import type { Call, Endpoint, JsonAnswer } from './call.js';
import type { CallOptions } from './client.js';
import { type UpstreamCode, UpstreamError, upstreamFailure } from './errors.js';

interface ListQuery {
  readonly filter: string;
  readonly page: number;
  readonly query: Readonly<Record<string, string>>;
  /** The parameters without which the path does not answer. */
  readonly variant: Readonly<Record<string, string>>;
}

export interface PathFinder {
  /** Throws `BAD_FILTER` or `NOT_ENABLED` for a 404. */
  list(resource: Resource, asked: ListQuery, options: CallOptions): Promise<JsonAnswer>;
  /** Throws `NOT_FOUND` if the record is gone, `NOT_ENABLED` if its resource does not exist. */
  detail(resource: Resource, id: string, what: string, options: CallOptions): Promise<JsonAnswer>;
}

/**
 * Abnormal answers 404 to an unaccepted filter, an unknown path and a deleted record. The list without a
 * filter always succeeds if the path exists, which separates these cases.
 */
export function createPathFinder(call: Call): PathFinder {
  const proven = new Map<Resource, string>();
  const ordered = (resource: Resource) => {
    const first = proven.get(resource);
    const paths = listPathsOf(resource);
    return first === undefined ? paths : [first, ...paths.filter((path) => path !== first)];
  };

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

  async function exists(
    resource: Resource,
    options: CallOptions,
    variant: ListQuery['variant'] = {},
  ): Promise<boolean> {
    const probe = listAt(resource, variant, `the list of ${resource}`);
    const answer = await firstOf(ordered(resource), probe, options);
    if (answer instanceof UpstreamError) proven.delete(resource);
    return !(answer instanceof UpstreamError);
  }

  return {
    async list(resource, { filter, page, query, variant }, options) {
      const what = `the list of ${resource} (${filter}, page ${page})`;
      const endpointAt = listAt(resource, { ...query, ...variant }, what);
      const answer = await firstOf(ordered(resource), endpointAt, options);
      if (!(answer instanceof UpstreamError)) return answer;
      if (page > 1) throw pageGone(resource, page, answer);
      throw (await exists(resource, options, variant)) ? answer : notEnabled(resource, answer);
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
      // with several unproven paths, a missing add-on must not look like a missing record
      const isCertain = paths.length === 1 || (await exists(resource, options));
      throw isCertain ? answer : notEnabled(resource, answer);
    },
  };
}

function listAt(resource: Resource, query: Readonly<Record<string, string>>, what: string) {
  return (path: string): Endpoint => ({
    ...{ resource, role: 'list', target: targetOf(path, query), what, counts: 'listCalls' },
  });
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

/** The first page succeeded with the same filter, so neither filter nor path is wrong. */
function pageGone(resource: Resource, page: number, refusal: UpstreamError): UpstreamError {
  const what = `Abnormal responded with 404 to page ${page} of the list of ${resource}, which the previous page had announced.`;
  return upstreamFailure('PAGING', what, { status: refusal.status, body: refusal.body });
}

function notEnabled(resource: Resource, refusal: UpstreamError): UpstreamError {
  const tried = listPathsOf(resource).join(' and ');
  const what = `Abnormal has no list of ${resource} for this account: ${tried} returned 404, with and without a filter.`;
  return upstreamFailure('NOT_ENABLED', what, { status: refusal.status, body: refusal.body });
}

function listPathsOf(resource: Resource): readonly string[] {
  return DEFINITION_OF_RESOURCE[resource].upstream.listPaths;
}

const PAGE_SIZE = 100;

/** The `filter` parameter for a window. The API accepts full seconds only, so the end is rounded up. */
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

/** What to ask for one page of a window: a query for each variant of the list. */
export function listQueries(
  resource: Resource,
  filterKey: FilterKey,
  window: Window,
  page: number,
): readonly [ListQuery, ...ListQuery[]] {
  const { window: form, variants = [{}] } = DEFINITION_OF_RESOURCE[resource].upstream;
  const filter = upstreamFilter(filterKey, window);
  const [, , start = '', , end = ''] = filter.split(' ');
  const query =
    form === 'START_END' ? { start, end } : { filter, pageSize: String(PAGE_SIZE), pageNumber: String(page) };
  const [first, ...others] = variants;
  const asked = (variant: ListQuery['variant']) => ({ filter, page, query, variant });
  return [asked(first), ...others.map(asked)];
}

function targetOf(path: string, query: Readonly<Record<string, string>>): string {
  const text = new URLSearchParams(query).toString();
  return text === '' ? path : `${path}?${text}`;
}

export function detailTarget(path: string, id: string, part = ''): string {
  return `${path}/${encodeURIComponent(id)}${part}`;
}

export function detailPageTarget(path: string, id: string, page: number): string {
  return `${detailTarget(path, id)}?pageSize=${PAGE_SIZE}&pageNumber=${page}`;
}

/** The format is requested here and in the Accept header, because either may count. */
export function threatLogTarget(filter: string): string {
  return `/threats_export/csv?${new URLSearchParams({ filter, format: 'csv' })}`;
}

export const TOKENS_TARGET = '/soar/tokens?limit=200&sort_by=-created_at';
