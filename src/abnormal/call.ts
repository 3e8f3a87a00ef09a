import { linkSignals, type StartTimer } from '../async/waiting.js';
import type { Log } from '../log.js';
import type { Resource } from '../resources/registry.js';
import { DecodeError } from '../resources/wire.js';
import { ASKING, inSpan, type Span } from '../tracing.js';
import type { Budget } from './budget.js';
import type { CallMeter, CallOptions, RequestOutcome, UpstreamObserver } from './client.js';
import { AttemptError, cancelled, type UpstreamCode, type UpstreamError, upstreamFailure } from './errors.js';
import { JsonError, parseJson } from './lossless-json.js';
import type { BodyKind, Request, UpstreamResponse } from './request.js';

export interface Endpoint {
  readonly resource: Resource;
  readonly role: EndpointRole;
  readonly target: string;
  /** For messages, such as `the threat 1234`. */
  readonly what: string;
  readonly body?: BodyKind;
  readonly counts: 'listCalls' | 'detailCalls' | 'messagePageCalls' | null;
}

export interface JsonAnswer {
  readonly json: unknown;
  /** The body for messages and the quarantine: at most 64 KiB, without the token. */
  readonly evidence: () => string;
  /** Sent at (ms), or Abnormal's own Date if earlier: a clock that is ahead must not cover the future. */
  readonly sentAt: number;
}

export type Call = (endpoint: Endpoint, options: CallOptions) => Promise<JsonAnswer>;

interface CallParts {
  readonly request: Request;
  readonly budget: Budget;
  readonly retry: RetrySettings;
  readonly clock: () => number;
  readonly startTimer: StartTimer;
  readonly log: Log;
  readonly observer: UpstreamObserver;
  readonly closing: AbortSignal;
}

export function createCall(parts: CallParts): Call {
  return async (endpoint, options) => {
    if (options.meter && endpoint.counts) options.meter[endpoint.counts] += 1;
    const { signal, unlink } = linkSignals(options.signal, parts.closing);
    try {
      for (let attempt = 1; ; attempt += 1) {
        const answer = await tryOnce(parts, endpoint, options, signal, attempt);
        if (!(answer instanceof AttemptError)) return answer;
        const isLast = attempt >= (options.tries ?? parts.retry.tries);
        await beforeNext(parts, endpoint, answer, { attempt, isLast }, signal);
      }
    } finally {
      unlink();
    }
  };
}

async function tryOnce(
  parts: CallParts,
  endpoint: Endpoint,
  options: CallOptions,
  signal: AbortSignal,
  attempt: number,
): Promise<JsonAnswer | AttemptError> {
  const { resource } = endpoint;
  const askedAt = parts.clock();
  const place = await parts.budget.acquire(resource, options.priority, signal);
  const sentAt = parts.clock();
  parts.observer.waited(options.priority, Math.max(0, sentAt - askedAt));
  const ended = (outcome: RequestOutcome) => parts.observer.ended(resource, outcome, attempt);
  if (options.meter) options.meter.calls += 1;
  if (options.meter && attempt > 1) options.meter.retries += 1;
  const get = async (span: Span | null) => {
    const response = await parts.request.get(
      endpoint.target,
      endpoint.body ?? 'json',
      signal,
      place.answered,
    );
    span?.setAttribute('http.response.status_code', response.status);
    return response;
  };
  const attributes = { resource, role: endpoint.role, priority: options.priority, attempt };
  try {
    const answer = await inSpan(`GET ${resource}`, { attributes, kind: ASKING }, get);
    parts.log.debug(
      { target: endpoint.target, status: answer.status, ms: parts.clock() - sentAt },
      'upstream',
    );
    const json = read(answer, endpoint, notAfter(answer.date, sentAt));
    ended('OK');
    return json;
  } catch (error) {
    ended(error instanceof AttemptError ? outcomeOf(error.error) : 'UNDECODABLE');
    if (error instanceof AttemptError) return error;
    throw error;
  } finally {
    place.release();
  }
}

function outcomeOf({ code, status }: UpstreamError): RequestOutcome {
  return status === 404 || status === 410 ? 'NOT_FOUND' : code;
}

/** A Date header has full seconds, so the response may be up to a second later. */
function notAfter(date: number | null, sentAt: number): number {
  return date === null ? sentAt : Math.min(sentAt, date + 999);
}

function read(answer: UpstreamResponse, { role, what, body }: Endpoint, sentAt: number): JsonAnswer {
  const refused = classify(answer, role, what);
  if (refused) throw new AttemptError(refused, answer.retryAfter);
  const { evidence } = answer;
  try {
    if (answer.text === null) throw new JsonError('UNSOUND', 'the body is not UTF-8');
    const json = body === 'csv' ? answer.text : parseJson(answer.text);
    return { json, evidence, sentAt };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const happened = `Abnormal's response to ${what} cannot be parsed: ${error.message}.`;
    // an unsound detail is bad data of one record; an unsound list is not a list
    if (error.fault === 'UNSOUND' && role === 'detail') throw new DecodeError(happened, evidence());
    const facts = { status: answer.status, body: evidence() };
    throw new AttemptError(upstreamFailure('BAD_BODY', happened, facts), null, error.fault === 'TRUNCATED');
  }
}

async function beforeNext(
  parts: CallParts,
  endpoint: Endpoint,
  failed: AttemptError,
  { attempt, isLast }: { readonly attempt: number; readonly isLast: boolean },
  signal: AbortSignal,
): Promise<void> {
  const { retry, budget, log } = parts;
  const { error, policy } = failed;
  const asked = parseRetryAfter(failed.retryAfter, parts.clock());
  const waitMs = policy === 'pause' ? pauseFor(asked, retry) : backoffFor(attempt, asked, retry);
  // even if this call gives up: the others must wait
  if (policy === 'pause') budget.pause(waitMs);
  if (policy === 'never' || isLast) throw error;
  const { target } = endpoint;
  // the final failure is reported by the caller; the count of retries shows the others
  log.debug(
    { target, code: error.code, status: error.status, attempt, waitMs: Math.round(waitMs) },
    'upstream retry',
  );
  // after a pause the budget's own queue delays the call
  if (policy === 'backoff') await sleepUntil(waitMs, parts.startTimer, signal);
}

/** What was asked for, as far as it decides what an answer means. */
type EndpointRole = 'list' | 'detail';

const LICENCE = /licen[cs]e|licensing|subscription|not subscribed/i;
const RETENTION = /retention/i;

/** What an answer other than 200 means; `null` for a 200. `what` names the request for a person. */
function classify(answer: UpstreamResponse, role: EndpointRole, what: string): UpstreamError | null {
  if (answer.status === 200) return null;
  const body = answer.evidence();
  const code = codeOf(answer.status, body, role);
  const message = errorText(body);
  const happened = `Abnormal responded with ${answer.status} to ${what}${message === null ? '' : `, with the message: ${quote(message)}`}.`;
  return upstreamFailure(code, happened, { status: answer.status, body });
}

const CODES: Readonly<Record<number, UpstreamCode>> = {
  401: 'TOKEN_REJECTED',
  402: 'NOT_LICENSED',
  408: 'TIMEOUT',
  429: 'RATE_LIMITED',
};

function codeOf(status: number, body: string, role: EndpointRole): UpstreamCode {
  if (status === 400 || status === 422) return RETENTION.test(body) ? 'OUT_OF_RETENTION' : 'BAD_REQUEST';
  if (status === 403) return LICENCE.test(body) ? 'NOT_LICENSED' : 'FORBIDDEN';
  // of a list this is provisional: a probe tells a bad filter from a missing endpoint
  if (status === 404 || status === 410) return role === 'detail' ? 'NOT_FOUND' : 'BAD_FILTER';
  return CODES[status] ?? codeOfClass(status);
}

function codeOfClass(status: number): UpstreamCode {
  if (status >= 500) return 'SERVER_ERROR';
  if (status >= 400) return 'BAD_REQUEST';
  // a 2xx other than 200 has no data, a 3xx without a target is none that could be followed
  return status >= 300 ? 'REDIRECTED' : 'BAD_BODY';
}

function quote(text: string): string {
  return `"${text.replace(/[."]+$/, '')}"`;
}

const LONGEST = 300;

/** What an error body says, for a person: `message`, `error` or `detail` of JSON, the title of HTML, else its text. */
function errorText(body: string): string | null {
  const text = (fromJson(body) ?? fromHtml(body) ?? body).replace(/\s+/g, ' ').trim();
  if (text === '') return null;
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function fromJson(body: string): string | null {
  try {
    return messageIn(JSON.parse(body));
  } catch {
    return null;
  }
}

function messageIn(value: unknown, depth = 0): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || depth > 3) return null;
  const { message, error, detail } = value as Record<string, unknown>;
  return messageIn(message, depth + 1) ?? messageIn(error, depth + 1) ?? messageIn(detail, depth + 1);
}

function fromHtml(body: string): string | null {
  if (!/^\s*<(!doctype|html|head|body|\?xml)/i.test(body)) return null;
  const title = /<(title|h1)[^>]*>([^<]{1,300})/i.exec(body)?.[2];
  return title ? `an HTML page titled "${title.trim()}"` : 'an HTML page';
}

export interface RetrySettings {
  readonly tries: number;
  /** The upper limit of the first back-off; doubles with each attempt. */
  readonly baseMs: number;
  readonly capMs: number;
  /** How long a 429 without Retry-After stops the account. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
  readonly random: () => number;
}

export const DEFAULT_RETRY: RetrySettings = {
  tries: 5,
  baseMs: 500,
  capMs: 30_000,
  pauseMs: 60_000,
  maxPauseMs: 10 * 60_000,
  random: Math.random,
};

/** Milliseconds of a Retry-After header in both forms; `null` if invalid. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  const text = header?.trim() ?? '';
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1_000;
  // Date.parse accepts much that is not an HTTP date, such as a year
  if (!/^[A-Za-z]{3,9},? .*\d{2}:\d{2}:\d{2}/.test(text)) return null;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

/** The requested time and up to a tenth more, so that clients do not return at the same time. */
export function pauseFor(retryAfterMs: number | null, settings: RetrySettings): number {
  const asked = Math.max(settings.baseMs, retryAfterMs ?? settings.pauseMs);
  return Math.min(asked, settings.maxPauseMs) * (1 + settings.random() / 10);
}

/** The wait before the next attempt: full jitter, at least the requested time. `attempt` counts from 1. */
export function backoffFor(attempt: number, retryAfterMs: number | null, settings: RetrySettings): number {
  const ceiling = Math.min(settings.capMs, settings.baseMs * 2 ** (attempt - 1));
  const asked = Math.min(retryAfterMs ?? 0, settings.maxPauseMs);
  return Math.max(asked, settings.random() * ceiling);
}

/** Waits `ms` milliseconds; throws `CANCELLED` when `signal` is aborted. */
function sleepUntil(ms: number, startTimer: StartTimer, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled(signal.reason));
    const onAbort = () => {
      stop();
      reject(cancelled(signal.reason));
    };
    const stop = startTimer(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

export function newMeter(): CallMeter {
  return { calls: 0, listCalls: 0, detailCalls: 0, messagePageCalls: 0, retries: 0 };
}
