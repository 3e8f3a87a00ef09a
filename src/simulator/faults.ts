import type { Instant } from '../values/instant.js';

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
