import type { IncomingHttpHeaders } from 'node:http';
import { type Instant, toMillis } from '../values/instant.js';
import { seedOf, unit } from './random.js';
import type { Route } from './routes.js';
import { failureAnswer, htmlAnswer, json, NOT_AUTHORIZED, type SimulatedAnswer, TOO_MANY } from './wire.js';

export type Fault =
  | { readonly kind: 'rateLimited'; readonly retryAfter?: string }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
    }
  /** With a proxy's HTML page. */
  | { readonly kind: 'serverError'; readonly status?: 500 | 502 | 503 | 504 }
  /** Never responds; the connection stays open. */
  | { readonly kind: 'hang' }
  /** Responds normally, `ms` of real time later. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Announces the full length and disconnects half-way. */
  | { readonly kind: 'truncated' }
  /** A complete response with half the JSON. */
  | { readonly kind: 'cutJson' }
  | { readonly kind: 'emptyBody' }
  /** 200 with an object without its collection. */
  | { readonly kind: 'missingKey' }
  | { readonly kind: 'wrongContent' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'redirect'; readonly location: string }
  /** 500 with a body that repeats the request's headers, including the token. */
  | { readonly kind: 'echo' }
  /** A number for `messages` of a threat's detail, or for the whole body of another detail. */
  | { readonly kind: 'undecodable' }
  | { readonly kind: 'notFound' }
  | { readonly kind: 'unauthorized' }
  /** 402, or 403 with a message about the licence. */
  | { readonly kind: 'notLicensed'; readonly status?: 402 | 403 }
  /** 403: the caller's address is not on the allowlist. */
  | { readonly kind: 'forbidden' }
  /** A list with always this `nextPageNumber`. */
  | { readonly kind: 'nextPage'; readonly page: number }
  /** A list or an export without these records, which are not counted. */
  | { readonly kind: 'unlisted'; readonly ids: readonly string[] }
  /** A list page without these records, which are counted. */
  | { readonly kind: 'dropped'; readonly ids: readonly string[] }
  /** A valid 200, padded with blanks to `bytes`. */
  | { readonly kind: 'huge'; readonly bytes: number };

export interface FaultRule {
  readonly fault: Fault;
  readonly match?: RegExp | ((path: string) => boolean);
  /** The numbers of matching requests, counted from 1. */
  readonly nth?: number | readonly number[];
  readonly times?: number;
  /** A share of them, drawn from the plan's seed in the order of requests. */
  readonly probability?: number;
  /** By the simulator's clock; `from` inclusive, `to` exclusive. */
  readonly from?: Instant;
  readonly until?: Instant;
}

/** The first matching rule decides. */
export interface FaultPlan {
  readonly seed?: number | string;
  readonly rules: readonly FaultRule[];
}

export class FaultEngine {
  readonly #seed: number;
  readonly #rules: readonly { readonly rule: FaultRule; matched: number; struck: number }[];

  constructor(plan: FaultPlan | null) {
    this.#seed = seedOf(plan?.seed ?? 0);
    this.#rules = (plan?.rules ?? []).map((rule) => ({ rule, matched: 0, struck: 0 }));
  }

  /** The fault of the next request for `path` at `now`; `null`: none. */
  next(path: string, now: number): Fault | null {
    let fault: Fault | null = null;
    // every rule counts every request that it matches, whichever rule applies
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

export function faultyAnswer(
  fault: Fault,
  route: Route,
  headers: IncomingHttpHeaders,
  proper: () => SimulatedAnswer,
): SimulatedAnswer {
  switch (fault.kind) {
    case 'rateLimited':
      return failureAnswer(
        429,
        TOO_MANY,
        fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
      );
    case 'status':
      return json(fault.status, fault.body ?? '');
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
      return damaged(fault, route, proper());
  }
}

function damaged(fault: Fault, route: Route, answer: SimulatedAnswer): SimulatedAnswer {
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

/** The total and the other pages stay unchanged. */
function withoutIds({ resource }: Route, body: string, ids: readonly string[]): string {
  const page = JSON.parse(body);
  const key = resource ?? '';
  const items: Record<string, unknown>[] = page[key] ?? [];
  const remaining = items.filter((item) => !ids.includes(String(item[`${key.slice(0, -1)}Id`])));
  return JSON.stringify({ ...page, [key]: remaining });
}

function withNextPage(body: string, page: number): string {
  const without = body.replace(/,"nextPageNumber":(\d+|null)/, '');
  return `${without.slice(0, -1)},"nextPageNumber":${page}}`;
}
