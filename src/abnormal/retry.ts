import { cancelled, type UpstreamCode, type UpstreamError } from './errors.js';

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

const POLICY: Record<UpstreamCode, 'backoff' | 'pause' | 'never'> = {
  RATE_LIMITED: 'pause',
  SERVER_ERROR: 'backoff',
  UNREACHABLE: 'backoff',
  TIMEOUT: 'backoff',
  TOKEN_REJECTED: 'never',
  NOT_LICENSED: 'never',
  FORBIDDEN: 'never',
  NOT_FOUND: 'never',
  BAD_FILTER: 'never',
  NOT_ENABLED: 'never',
  OUT_OF_RETENTION: 'never',
  BAD_REQUEST: 'never',
  REDIRECTED: 'never',
  // except a truncated body; see `AttemptError`
  BAD_BODY: 'never',
  TOO_LARGE: 'never',
  PAGING: 'never',
  CANCELLED: 'never',
};

export class AttemptError extends Error {
  override readonly name = 'AttemptError';

  constructor(
    readonly error: UpstreamError,
    readonly retryAfter: string | null = null,
    /** The body ended early: a network fault. */
    readonly isTruncated = false,
  ) {
    super(error.message);
  }

  get policy(): 'backoff' | 'pause' | 'never' {
    return this.isTruncated ? 'backoff' : POLICY[this.error.code];
  }
}

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

/** Calls back once after `ms` milliseconds; the returned function cancels it. */
export type StartTimer = (callback: () => void, ms: number) => () => void;

// setTimeout fires at once for longer times
const LONGEST = 2 ** 31 - 1;

export const startTimeout: StartTimer = (callback, ms) => {
  const timer = setTimeout(callback, Math.min(ms, LONGEST));
  return () => clearTimeout(timer);
};

/** Waits `ms` milliseconds; throws `CANCELLED` when `signal` is aborted. */
export function sleepUntil(ms: number, startTimer: StartTimer, signal: AbortSignal): Promise<void> {
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
