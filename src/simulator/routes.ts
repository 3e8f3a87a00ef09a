import { DAY, type Instant, toMillis } from '../values/instant.js';
import type { Upstream } from './kinds.js';
import { smallAnswer, smallRoute } from './more-answers.js';
import type { Resource } from './options.js';
import type { PathKind } from './stats.js';
import type { DetailPage } from './threat-messages.js';
import { failureAnswer, json, parseFilter, type SimulatedAnswer } from './wire.js';

export interface Route {
  readonly kind: PathKind;
  readonly resource: Resource | null;
  /** Empty for lists. */
  readonly id: string;
  readonly params: URLSearchParams;
}

const PREFIX = '/v1';
const CAMPAIGN_PATHS = ['/abusecampaigns', '/abuse-mailbox/campaigns'] as const;
export type CampaignsPath = (typeof CAMPAIGN_PATHS)[number] | 'none';

export function withoutPrefix(url: string): string {
  return url.startsWith(`${PREFIX}/`) ? url.slice(PREFIX.length) : url;
}

export function routeOf(url: string, campaignsPath: CampaignsPath): Route {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const params = new URLSearchParams(query < 0 ? '' : url.slice(query + 1));
  const other: Route = { kind: 'other', resource: null, id: '', params };
  if (!path.startsWith(`${PREFIX}/`)) return other;
  if (path === `${PREFIX}/soar/tokens`) return { ...other, kind: 'tokens' };
  const small = smallRoute(path.slice(PREFIX.length));
  if (small !== null) return { ...other, kind: small.kind, id: decoded(small.id) };
  const rest = plainPath(path.slice(PREFIX.length), campaignsPath);
  if (rest === '/threats_export/csv') return { kind: 'threats.export', resource: 'threats', id: '', params };
  const [, resource = '', id, sub, ...more] = rest.split('/');
  if (!isResource(resource) || more.length > 0) return other;
  const kind = kindOf(resource, id, sub, params);
  return kind === null ? other : { kind, resource, id: decoded(id ?? ''), params };
}

function plainPath(path: string, campaignsPath: CampaignsPath): string {
  if (campaignsPath !== 'none' && (path === campaignsPath || path.startsWith(`${campaignsPath}/`))) {
    return `/campaigns${path.slice(campaignsPath.length)}`;
  }
  return path.startsWith('/campaigns') ? '' : path;
}

function isResource(text: string): text is Resource {
  return text === 'threats' || text === 'cases' || text === 'campaigns';
}

function kindOf(
  resource: Resource,
  id: string | undefined,
  sub: string | undefined,
  params: URLSearchParams,
): PathKind | null {
  if (id === undefined) return `${resource}.list`;
  if (id === '') return null;
  if (sub === undefined) {
    const isLater = resource === 'threats' && Number(params.get('pageNumber') ?? 1) > 1;
    return isLater ? 'threats.messagePage' : `${resource}.detail`;
  }
  if (resource === 'cases' && sub === 'analysis') return 'cases.analysis';
  if (resource === 'threats' && sub === 'attachments') return 'threats.attachments';
  return resource === 'threats' && sub === 'links' ? 'threats.links' : null;
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}

const DEFAULT_PAGE_SIZE = 100;

/** Responds to an authorised request with the tenant's state at `at`. */
export function respond(
  upstream: Upstream,
  route: Route,
  at: number,
  retentionDays: number | null,
): SimulatedAnswer {
  const { kind, resource, id, params } = route;
  const small = smallAnswer(upstream, route, at);
  if (small !== null) return small;
  if (resource === null) return failureAnswer(404, 'Not Found');
  const page = pageOf(params);
  if (page === null) return failureAnswer(400, 'pageSize and pageNumber must be integers of at least 1');
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

function pageOf(params: URLSearchParams): DetailPage | null {
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

function found(resource: Resource, body: string | null): SimulatedAnswer {
  return body === null ? failureAnswer(404, NO_SUCH[resource]) : json(200, body);
}

function listAnswer(
  upstream: Upstream,
  resource: Resource,
  filter: string | null,
  page: DetailPage,
  at: number,
  retentionDays: number | null,
): SimulatedAnswer {
  const parsed = filter === null ? null : parseFilter(resource, filter);
  if (parsed?.kind === 'bad') return failureAnswer(404, parsed.message);
  if (parsed?.kind !== 'window') return json(200, topBody(upstream, resource, at));
  const { key, window } = parsed;
  if (retentionDays !== null && window.from < at - retentionDays * DAY) {
    return failureAnswer(
      400,
      `The requested time range is outside the data retention period of ${retentionDays} days`,
    );
  }
  const rows = upstream.list(resource, key, window, at);
  if (rows === null) return failureAnswer(404, `Filter key ${key} is not supported`);
  return json(200, pageBody(upstream, resource, rows, page, at));
}

function pageBody(
  upstream: Upstream,
  resource: Resource,
  rows: readonly number[],
  page: DetailPage,
  at: number,
): string {
  const end = page.size * page.number;
  const items = rows.slice(end - page.size, end);
  const next = rows.length > end ? page.number + 1 : upstream.saysNull(rows[0] ?? 0) ? null : undefined;
  const tail = { pageNumber: page.number, nextPageNumber: next, total: totalOf(resource, rows.length) };
  return envelope(upstream, resource, items, at, tail);
}

/** Without a filter the list ends at its hundredth row, without a sign of it. */
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

export interface SimulatedToken {
  readonly id: string;
  readonly name: string;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  /** Otherwise valid until its expiry by the clock. */
  readonly isRevoked?: boolean;
  /** Default: `soar_v1_read_threats`. */
  readonly permissions?: readonly string[];
}

/** `/soar/tokens`: the valid tokens, or all if requested, up to the limit. */
export function tokensAnswer(
  tokens: readonly SimulatedToken[],
  params: URLSearchParams,
  now: number,
): SimulatedAnswer {
  const limit = Number(params.get('limit') ?? 50);
  const offset = Number(params.get('offset') ?? 0);
  if (!Number.isInteger(limit) || limit < 1 || limit > 200 || !Number.isInteger(offset) || offset < 0) {
    return failureAnswer(400, 'limit must be 1 to 200, and offset at least 0');
  }
  const isAll = params.get('show_all') === 'true';
  const shown = tokens
    .filter((token) => toMillis(token.createdAt) <= now)
    .map((token) => ({ token, status: statusOf(token, now) }))
    .filter(({ status }) => isAll || status === 'active')
    .sort(orderOf(params.get('sort_by') ?? '-created_at'));
  const data = shown.slice(offset, offset + limit).map(({ token, status }) => described(token, status));
  const pagination = { limit, offset, total: shown.length };
  return json(200, JSON.stringify({ status: 'success', status_code: 200, data, pagination }));
}

function statusOf({ expiresAt, isRevoked = false }: SimulatedToken, now: number): string {
  if (isRevoked) return 'revoked';
  return toMillis(expiresAt) <= now ? 'expired' : 'active';
}

function orderOf(sortBy: string) {
  const key = sortBy.endsWith('expires_at') ? 'expiresAt' : 'createdAt';
  const sign = sortBy.startsWith('-') ? -1 : 1;
  return (a: { token: SimulatedToken }, b: { token: SimulatedToken }) =>
    sign * (toMillis(a.token[key]) - toMillis(b.token[key]));
}

function described({ id, name, createdAt, expiresAt, permissions }: SimulatedToken, status: string) {
  return {
    ...{ token_id: id, name, version: 'v2', status },
    created_at: createdAt,
    expires_at: expiresAt.replace('.000Z', 'Z'),
    permissions: permissions ?? ['soar_v1_read_threats'],
  };
}
