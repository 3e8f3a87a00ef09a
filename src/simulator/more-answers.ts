import { DAY } from '../values/instant.js';
import type { Upstream } from './kinds.js';
import type { Item, SmallList } from './more-lists.js';
import { seedOf } from './random.js';
import type { PathKind } from './stats.js';
import {
  failureAnswer,
  json,
  offsetUtc,
  parseFilter,
  type SimulatedAnswer,
  type TimeWindow,
  wireInteger,
  wireJson,
} from './wire.js';

const SMALL_LISTS: Readonly<Record<string, PathKind>> = {
  '/vendor-cases': 'vendorCases.list',
  '/abuse_mailbox/not_analyzed': 'notAnalyzedMessages.list',
  '/auditlogs': 'portalAuditLogs.list',
  '/detection360/reports': 'detection360Reports.list',
};

/** The purpose of a request for one of the smaller lists, or for a vendor case; `null` for other paths. */
export function smallRoute(path: string): { readonly kind: PathKind; readonly id: string } | null {
  const kind = SMALL_LISTS[path];
  if (kind !== undefined) return { kind, id: '' };
  const [, message] = /^\/messages\/([^/]+)\/remediation_history$/.exec(path) ?? [];
  if (message !== undefined) return { kind: 'messages.remediation', id: message };
  const [, id] = /^\/vendor-cases\/([^/]+)$/.exec(path) ?? [];
  return id === undefined ? null : { kind: 'vendorCases.detail', id };
}

interface SmallRequest {
  readonly kind: PathKind;
  readonly id: string;
  readonly params: URLSearchParams;
}

/** The answer to such a request; `null` for others. */
export function smallAnswer(
  upstream: Upstream,
  { kind, id, params }: SmallRequest,
  at: number,
): SimulatedAnswer | null {
  if (kind === 'detection360Reports.list') return reportsAnswer(upstream, params, at);
  if (kind === 'notAnalyzedMessages.list') return notAnalyzedAnswer(upstream, params, at);
  if (kind === 'portalAuditLogs.list')
    return filteredAnswer(upstream.auditLogs, params, at, {
      ...{ key: 'timestamp', collection: 'auditLogs' },
      toRow: ({ body }) => body,
    });
  if (kind === 'vendorCases.list')
    return filteredAnswer(upstream.vendorCases, params, at, {
      ...{ key: 'lastModifiedTime', collection: 'vendorCases' },
      toRow: ({ body }) => ({ vendorCaseId: body.vendorCaseId }),
    });
  if (kind === 'messages.remediation') return json(200, JSON.stringify(remediationOf(id, at)));
  if (kind === 'vendorCases.detail') {
    const body = upstream.vendorCase(id, at);
    return body === null ? failureAnswer(404, 'Vendor case does not exist') : json(200, body);
  }
  return null;
}

/** A history that depends on the id only, in one of the two shapes of folders that accounts return. */
function remediationOf(id: string, at: number) {
  const seed = seedOf(id);
  const time = at - (seed % (20 * DAY));
  return {
    remediation_history: { 'Auto-Remediated': offsetUtc(time, seed % 1000) },
    folder_locations: seed % 2 === 0 ? ['Junk'] : [{ name: 'junkemail', display_name: 'Junk' }],
  };
}

interface FilteredList {
  readonly key: string;
  readonly collection: string;
  readonly toRow: (item: Item) => unknown;
}

/** A list with a filter and pages; without a filter its newest hundred rows. */
function filteredAnswer(
  list: SmallList,
  params: URLSearchParams,
  at: number,
  { key, collection, toRow }: FilteredList,
): SimulatedAnswer {
  const size = Number(params.get('pageSize') ?? 100);
  const number = Number(params.get('pageNumber') ?? 1);
  const filter = params.get('filter');
  const parsed = filter === null ? null : parseFilter('cases', filter);
  if (parsed?.kind === 'bad') return failureAnswer(404, parsed.message);
  if (parsed?.kind === 'window' && parsed.key !== key)
    return failureAnswer(404, `Filter key ${parsed.key} is not supported`);
  const isFiltered = parsed?.kind === 'window';
  const window = isFiltered ? parsed.window : { from: at - 90 * DAY, to: at, inclusive: true };
  const all = list.items(window, at, wireInteger).reverse();
  const end = isFiltered ? size * number : 100;
  const rows = all.slice(isFiltered ? end - size : 0, end).map(toRow);
  const next = isFiltered && all.length > end ? { nextPageNumber: number + 1 } : {};
  const tail = isFiltered ? { pageNumber: number, ...next } : {};
  return json(200, wireJson({ [collection]: rows, ...tail }));
}

/** `/detection360/reports`: an array, of the last 30 days unless asked otherwise. */
function reportsAnswer(upstream: Upstream, params: URLSearchParams, at: number): SimulatedAnswer {
  const type = params.get('inquiry_type');
  if (type !== 'MISSED_ATTACK' && type !== 'FALSE_POSITIVE')
    return failureAnswer(400, 'inquiry_type must be MISSED_ATTACK or FALSE_POSITIVE');
  const window = spanOf(params, at, 30 * DAY);
  if (window === null) return failureAnswer(400, 'start and end must be RFC 3339 timestamps');
  const items = upstream.reports(type).items(window, at, wireInteger);
  return json(200, wireJson(items.map(({ body }) => body)));
}

/** `/abuse_mailbox/not_analyzed`: of the last 90 days unless asked otherwise, and no more. */
function notAnalyzedAnswer(upstream: Upstream, params: URLSearchParams, at: number): SimulatedAnswer {
  const window = spanOf(params, at, 90 * DAY);
  if (window === null || window.to - window.from > 90 * DAY || window.to < window.from)
    return failureAnswer(400, 'start and end must be RFC 3339 timestamps of at most 90 days');
  const items = upstream.notAnalyzed.items(window, at, wireInteger);
  return json(200, wireJson({ results: items.map(({ body }) => body) }));
}

/** The window of `start` and `end`, both inclusive; `null` if they are no times. */
function spanOf(params: URLSearchParams, at: number, byDefault: number): TimeWindow | null {
  const to = params.has('end') ? Date.parse(params.get('end') ?? '') : at;
  const from = params.has('start') ? Date.parse(params.get('start') ?? '') : to - byDefault;
  return Number.isNaN(from) || Number.isNaN(to) ? null : { from, to, inclusive: true };
}
