import type { Resource } from '../resources/kind.js';
import { DAY } from '../values/instant.js';
import { type Answer, failure, json } from './answer.js';
import { parseFilter } from './filter.js';
import type { Route } from './routes.js';
import type { Upstream } from './upstream.js';

const DEFAULT_PAGE_SIZE = 100;

/** Answers an authorised request as the tenant stands at `at`. */
export function respond(upstream: Upstream, route: Route, at: number, retentionDays: number | null): Answer {
  const { kind, resource, id, params } = route;
  if (resource === null) return failure(404, 'Not Found');
  const page = pageOf(params);
  if (page === null) return failure(400, 'pageSize and pageNumber must be integers of at least 1');
  switch (kind) {
    case 'threats.list':
    case 'cases.list':
    case 'campaigns.list':
      return listAnswer(upstream, resource, params.get('filter'), page, at, retentionDays);
    case 'cases.analysis':
      return found(resource, upstream.analysis(id, at));
    case 'threats.attachments':
      return found(resource, upstream.attachments(id, at));
    case 'threats.links':
      return found(resource, upstream.links(id, at));
    default:
      return found(resource, upstream.detail(resource, id, at, page));
  }
}

interface PageAsked {
  readonly size: number;
  readonly number: number;
}

function pageOf(params: URLSearchParams): PageAsked | null {
  const size = Number(params.get('pageSize') ?? DEFAULT_PAGE_SIZE);
  const number = Number(params.get('pageNumber') ?? 1);
  const isNatural = (value: number) => Number.isInteger(value) && value >= 1;
  return isNatural(size) && isNatural(number) ? { size, number } : null;
}

const NO_SUCH: Record<Resource, string> = {
  threats: 'Threat does not exist',
  cases: 'Abnormal Case does not exist',
  campaigns: 'Abuse Campaign does not exist',
};

function found(resource: Resource, body: string | null): Answer {
  return body === null ? failure(404, NO_SUCH[resource]) : json(200, body);
}

function listAnswer(
  upstream: Upstream,
  resource: Resource,
  filter: string | null,
  page: PageAsked,
  at: number,
  retentionDays: number | null,
): Answer {
  const parsed = filter === null ? null : parseFilter(resource, filter);
  if (parsed?.kind === 'bad') return failure(404, parsed.message);
  if (parsed?.kind !== 'window') return json(200, topBody(upstream, resource, at));
  const { key, window } = parsed;
  if (retentionDays !== null && window.from < at - retentionDays * DAY) {
    return failure(
      400,
      `The requested time range is outside the data retention period of ${retentionDays} days`,
    );
  }
  const rows = upstream.list(resource, key, window, at);
  if (rows === null) return failure(404, `Filter key ${key} is not supported`);
  return json(200, pageBody(upstream, resource, rows, page, at));
}

function pageBody(
  upstream: Upstream,
  resource: Resource,
  rows: readonly number[],
  page: PageAsked,
  at: number,
): string {
  const end = page.size * page.number;
  const items = rows.slice(end - page.size, end);
  const next = rows.length > end ? page.number + 1 : upstream.saysNull(rows[0] ?? 0) ? null : undefined;
  const tail = { pageNumber: page.number, nextPageNumber: next, total: totalOf(resource, rows.length) };
  return envelope(upstream, resource, items, at, tail);
}

/** Without a filter the list stops at its hundredth row, and nothing in it says so. */
function topBody(upstream: Upstream, resource: Resource, at: number): string {
  const rows = upstream.top(resource, at);
  return envelope(upstream, resource, rows, at, { total: totalOf(resource, rows.length) });
}

function totalOf(resource: Resource, count: number): number | undefined {
  return resource === 'campaigns' ? undefined : count;
}

function envelope(
  upstream: Upstream,
  resource: Resource,
  items: readonly number[],
  at: number,
  tail: object,
): string {
  const rows = items.map((index) => upstream.row(resource, index, at)).join(',');
  const rest = JSON.stringify(tail).slice(1);
  return `{"${resource}":[${rows}]${rest === '}' ? '' : ','}${rest}`;
}
