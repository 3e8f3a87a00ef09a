import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, failure, html, json, NOT_AUTHORIZED, TOO_MANY } from './answer.js';
import type { Fault } from './faults.js';
import type { Route } from './routes.js';

const PAGES = {
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Time-out',
};

/** The answer that a fault makes of a request; `proper` is what it would have been. */
export function faultyAnswer(
  fault: Fault,
  route: Route,
  headers: IncomingHttpHeaders,
  proper: () => Answer,
): Answer {
  switch (fault.kind) {
    case 'rateLimited':
      return failure(
        429,
        TOO_MANY,
        fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
      );
    case 'status':
      return {
        status: fault.status,
        headers: { 'content-type': fault.contentType ?? 'application/json' },
        body: fault.body ?? '',
      };
    case 'serverError':
      return html(fault.status ?? 500, PAGES[fault.status ?? 500]);
    case 'redirect':
      return { status: 302, headers: { location: fault.location }, body: '' };
    case 'echo':
      return json(500, JSON.stringify({ message: 'Unexpected request', request: headers }));
    case 'notFound':
      return failure(404, 'Not Found');
    case 'unauthorized':
      return failure(401, NOT_AUTHORIZED);
    case 'notLicensed':
      return failure(fault.status ?? 403, 'An Account Takeover license is required to use this endpoint');
    case 'forbidden':
      return failure(403, 'Access denied: the IP address is not on the allowlist');
    case 'wrongContent':
      return html(200, 'Please sign in');
    case 'missingKey':
      return json(200, '{"pageNumber":1}');
    default:
      return spoilt(fault, route, proper());
  }
}

/** A proper answer, gone wrong. */
function spoilt(fault: Fault, route: Route, answer: Answer): Answer {
  const { body } = answer;
  switch (fault.kind) {
    case 'emptyBody':
      return { ...answer, body: '' };
    case 'cutJson':
      return { ...answer, body: body.slice(0, Math.ceil(body.length / 2)) };
    case 'undecodable':
      return { ...answer, body: undecodable(route, body) };
    case 'nextPage':
      return { ...answer, body: withNextPage(body, fault.page) };
    case 'dropped':
      return { ...answer, body: withoutIds(route, body, fault.ids) };
    case 'huge':
      return { ...answer, body: body + ' '.repeat(Math.max(fault.bytes - Buffer.byteLength(body), 0)) };
    default:
      return answer;
  }
}

function undecodable(route: Route, body: string): string {
  if (route.id === '') return JSON.stringify({ [route.resource ?? 'rows']: 7, pageNumber: 1 });
  return route.resource === 'threats' && body.includes('"messages":[')
    ? JSON.stringify({ threatId: route.id, recipientCount: 1, messages: 7 })
    : '7';
}

/** The total stays as it was, and so do the rows of the other pages. */
function withoutIds({ resource }: Route, body: string, ids: readonly string[]): string {
  const page = JSON.parse(body);
  const key = resource ?? '';
  const items: Record<string, unknown>[] = page[key] ?? [];
  const kept = items.filter((item) => !ids.includes(String(item[`${key.slice(0, -1)}Id`])));
  return JSON.stringify({ ...page, [key]: kept });
}

function withNextPage(body: string, page: number): string {
  const without = body.replace(/,"nextPageNumber":(\d+|null)/, '');
  return `${without.slice(0, -1)},"nextPageNumber":${page}}`;
}
