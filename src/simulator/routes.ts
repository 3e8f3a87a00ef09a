import type { Resource } from '../resources/kind.js';
import type { PathKind } from './stats.js';

/** What a request asks for. */
export interface Route {
  readonly kind: PathKind;
  readonly resource: Resource | null;
  /** The record's id; empty for lists. */
  readonly id: string;
  readonly params: URLSearchParams;
}

const PREFIX = '/v1';
const CAMPAIGN_PATHS = ['/abusecampaigns', '/abuse-mailbox/campaigns'] as const;
export type CampaignsPath = (typeof CAMPAIGN_PATHS)[number] | 'none';

/** The path and query without `/v1`: what fault rules are matched against. */
export function withoutPrefix(url: string): string {
  return url.startsWith(`${PREFIX}/`) ? url.slice(PREFIX.length) : url;
}

/** Finds out what `url` asks for; a path that the simulator does not serve is `other`. */
export function routeOf(url: string, campaignsPath: CampaignsPath): Route {
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const params = new URLSearchParams(query < 0 ? '' : url.slice(query + 1));
  const other: Route = { kind: 'other', resource: null, id: '', params };
  if (!path.startsWith(`${PREFIX}/`)) return other;
  if (path === `${PREFIX}/soar/tokens`) return { ...other, kind: 'tokens' };
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
