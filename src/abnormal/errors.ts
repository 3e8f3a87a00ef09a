import { DecodeError } from '../resources/wire.js';

/** What a failure means, and what to do. */
const ADVICE = {
  TOKEN_REJECTED:
    'The token is mistyped, has expired, was revoked or replaced, or belongs to another region. Create one in the Abnormal portal ' +
    '(Settings → Integrations → Abnormal REST API) and store it in the gateway; collection then continues automatically.',
  NOT_LICENSED:
    'This account has no licence for the feature (cases need Account Takeover Protection). Other resources are not affected; ' +
    'after it is licensed, collection begins automatically.',
  FORBIDDEN:
    'Either the IP address of this gateway is not on the allowlist, or the REST API is not enabled for the ' +
    'account. Both are set in the Abnormal portal under Settings → Integrations → Abnormal REST API.',
  NOT_FOUND: 'The record was deleted, is older than the retention time, or never existed.',
  BAD_FILTER:
    'The list works without a filter, so Abnormal no longer accepts this filter key or its format. ' +
    'Check for a newer version of the gateway.',
  NOT_ENABLED:
    'There is no such endpoint for this account: the add-on is not enabled (campaigns need the AI Security Mailbox, formerly ' +
    'Abuse Mailbox), or the base URL is wrong. Other resources are not affected; after it is enabled, collection begins automatically.',
  OUT_OF_RETENTION: "The requested time is older than Abnormal's retention. It can no longer be collected.",
  BAD_REQUEST: 'Abnormal does not accept the request. Check for a newer version of the gateway.',
  RATE_LIMITED:
    'Other clients of this account share its limit of about 300 requests a minute. Lower UPSTREAM_RPM or ' +
    'UPSTREAM_CONCURRENCY, or reduce the requests of other clients. The gateway retries automatically.',
  SERVER_ERROR: "The problem is on Abnormal's side and usually temporary. The gateway retries automatically.",
  UNREACHABLE:
    'The cause may be the network, a proxy or firewall, DNS or the base URL; or Abnormal is down. ' +
    'The gateway retries automatically.',
  TIMEOUT:
    'Abnormal or the network is slow or does not respond. If this happens often, raise UPSTREAM_TIMEOUT. The gateway retries automatically.',
  REDIRECTED:
    'The gateway does not follow redirects, so that the token is sent to the configured host only. Check the base URL: ' +
    'its region, https, and the path /v1.',
  BAD_BODY:
    'A proxy or a login page may have responded instead of Abnormal, or the API has changed. ' +
    'The body is kept; no data were taken from it.',
  TOO_LARGE: 'The response was cut off to protect the gateway; no data were taken from it.',
  PAGING: 'Following it would repeat or skip records; no data were taken from it.',
  CANCELLED: 'The caller closed the connection, the time limit was reached, or the gateway is shutting down.',
};

export type UpstreamCode = keyof typeof ADVICE;

interface FailureFacts extends ErrorOptions {
  readonly status?: number | null;
  readonly body?: string | null;
}

/** A request that failed after its retries. The message is for people and does not contain the token. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly status: number | null;
  /** As received, at most 64 KiB, without the token. */
  readonly body: string | null;

  constructor(
    readonly code: UpstreamCode,
    message: string,
    facts: FailureFacts = {},
  ) {
    super(message, facts);
    this.status = facts.status ?? null;
    this.body = facts.body ?? null;
  }
}

/** Creates an error whose message says what happened, the likely causes and what to do. */
export function upstreamFailure(code: UpstreamCode, what: string, facts: FailureFacts = {}): UpstreamError {
  return new UpstreamError(code, `${what} ${ADVICE[code]}`, facts);
}

export function cancelled(cause?: unknown): UpstreamError {
  return upstreamFailure('CANCELLED', 'The request to Abnormal was cancelled.', { cause });
}

/** Converts any error of a client: a bug in decoding one response is bad data. */
export function toUpstreamError(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  if (error instanceof DecodeError) {
    return new UpstreamError('BAD_BODY', error.message, { cause: error, body: error.body });
  }
  return new UpstreamError('BAD_BODY', `cannot be read: ${errorMessage(error)}`, { cause: error });
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

const RETRIED: Partial<Record<UpstreamCode, 'backoff' | 'pause'>> = {
  RATE_LIMITED: 'pause',
  SERVER_ERROR: 'backoff',
  UNREACHABLE: 'backoff',
  TIMEOUT: 'backoff',
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
    return this.isTruncated ? 'backoff' : (RETRIED[this.error.code] ?? 'never');
  }
}
