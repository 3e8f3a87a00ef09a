import type { IncomingHttpHeaders } from 'node:http';
import { type Instant, toMillis } from '../values/instant.js';
import { seedOf, unit } from './random.js';
import type { Route } from './routes.js';
import { type Answer, failureAnswer, htmlAnswer, json, NOT_AUTHORIZED, TOO_MANY } from './wire.js';

/** What goes wrong with a request. */
export type Fault =
  | { readonly kind: 'rateLimited'; readonly retryAfter?: string }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly contentType?: string;
    }
  /** 500 or 502 with a proxy's HTML page. */
  | { readonly kind: 'serverError'; readonly status?: 500 | 502 | 503 | 504 }
  /** Never answers; the connection stays open. */
  | { readonly kind: 'hang' }
  /** Answers as it should, `ms` of real time later. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Declares the whole length and hangs up half-way. */
  | { readonly kind: 'truncated' }
  /** A whole answer whose JSON stops half-way. */
  | { readonly kind: 'cutJson' }
  | { readonly kind: 'emptyBody' }
  /** 200 with an envelope, but without its collection. */
  | { readonly kind: 'missingKey' }
  /** 200 with a page of HTML. */
  | { readonly kind: 'wrongContent' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'redirect'; readonly location: string }
  /** 500 with a body that repeats the request's headers, token and all. */
  | { readonly kind: 'echo' }
  /** A threat's detail with a number for `messages`; any other detail with a number for the whole body. */
  | { readonly kind: 'undecodable' }
  /** A detail that answers 404. */
  | { readonly kind: 'notFound' }
  | { readonly kind: 'unauthorized' }
  /** 402, or 403 naming the licence. */
  | { readonly kind: 'notLicensed'; readonly status?: 402 | 403 }
  /** 403: the caller's address is not on the allowlist. */
  | { readonly kind: 'forbidden' }
  /** A list whose `nextPageNumber` is always this. */
  | { readonly kind: 'nextPage'; readonly page: number }
  /** A list or an export that knows nothing of these records and does not count them. */
  | { readonly kind: 'unlisted'; readonly ids: readonly string[] }
  /** A page of a list without these records, though they are counted. */
  | { readonly kind: 'dropped'; readonly ids: readonly string[] }
  /** 200 with a valid answer padded to `bytes` by blanks. */
  | { readonly kind: 'huge'; readonly bytes: number };

/** When a fault strikes: every condition that is given must hold. */
export interface FaultRule {
  readonly fault: Fault;
  /** Matched against the path and the query, without `/v1`: `/threats/…?pageNumber=2`. */
  readonly match?: RegExp | ((path: string) => boolean);
  /** Only these of the requests that match, counted from 1. */
  readonly nth?: number | readonly number[];
  /** Only the first so many of the requests that match. */
  readonly times?: number;
  /** Only this share of them, drawn from the plan's seed in the order of the requests. */
  readonly probability?: number;
  /** Only at or after, and only before, by the simulator's clock. */
  readonly from?: Instant;
  readonly until?: Instant;
}

/** The first rule that strikes decides. */
export interface FaultPlan {
  readonly seed?: number | string;
  readonly rules: readonly FaultRule[];
}

/** Decides which requests go wrong. */
export class FaultEngine {
  readonly #seed: number;
  readonly #rules: readonly { readonly rule: FaultRule; matched: number; struck: number }[];

  constructor(plan: FaultPlan | null) {
    this.#seed = seedOf(plan?.seed ?? 0);
    this.#rules = (plan?.rules ?? []).map((rule) => ({ rule, matched: 0, struck: 0 }));
  }

  /** The fault of the next request, which asks for `path` at `now`; `null` for none. */
  next(path: string, now: number): Fault | null {
    let fault: Fault | null = null;
    // every rule counts every request that it matches, whichever rule strikes
    for (const [place, entry] of this.#rules.entries()) {
      if (!matches(entry.rule, path, now)) continue;
      entry.matched++;
      if (fault || !this.#strikes(entry.rule, place, entry.matched, entry.struck)) continue;
      entry.struck++;
      fault = entry.rule.fault;
    }
    return fault;
  }

  #strikes(rule: FaultRule, place: number, matched: number, struck: number): boolean {
    const { nth, times, probability } = rule;
    if (nth !== undefined && !(typeof nth === 'number' ? nth === matched : nth.includes(matched)))
      return false;
    if (times !== undefined && struck >= times) return false;
    return probability === undefined || unit(this.#seed, place, matched) < probability;
  }
}

function matches(rule: FaultRule, path: string, now: number): boolean {
  if (rule.from !== undefined && now < toMillis(rule.from)) return false;
  if (rule.until !== undefined && now >= toMillis(rule.until)) return false;
  const { match } = rule;
  if (match === undefined) return true;
  return typeof match === 'function' ? match(path) : path.search(match) >= 0;
}

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
      return failureAnswer(
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
      return htmlAnswer(fault.status ?? 500, PAGES[fault.status ?? 500]);
    case 'redirect':
      return { status: 302, headers: { location: fault.location }, body: '' };
    case 'echo':
      return json(500, JSON.stringify({ message: 'Unexpected request', request: headers }));
    case 'notFound':
      return failureAnswer(404, 'Not Found');
    case 'unauthorized':
      return failureAnswer(401, NOT_AUTHORIZED);
    case 'notLicensed':
      return failureAnswer(
        fault.status ?? 403,
        'An Account Takeover license is required to use this endpoint',
      );
    case 'forbidden':
      return failureAnswer(403, 'Access denied: the IP address is not on the allowlist');
    case 'wrongContent':
      return htmlAnswer(200, 'Please sign in');
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
