import { DecodeError } from '../resources/wire.js';

export type UpstreamCode =
  | 'TOKEN_REJECTED'
  | 'NOT_LICENSED'
  | 'FORBIDDEN'
  | 'NOT_FOUND'
  | 'BAD_FILTER'
  | 'NOT_ENABLED'
  | 'OUT_OF_RETENTION'
  | 'BAD_REQUEST'
  | 'RATE_LIMITED'
  | 'SERVER_ERROR'
  | 'UNREACHABLE'
  | 'TIMEOUT'
  | 'REDIRECTED'
  | 'BAD_BODY'
  | 'TOO_LARGE'
  | 'PAGING'
  | 'CANCELLED';

/** A request that failed after its retries. The message is for people and does not contain the token. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly status: number | null;
  /** As received, at most 64 KiB, without the token. */
  readonly body: string | null;

  constructor(
    readonly code: UpstreamCode,
    message: string,
    options: ErrorOptions & { status?: number | null; body?: string | null } = {},
  ) {
    super(message, options);
    this.status = options.status ?? null;
    this.body = options.body ?? null;
  }
}

const ADVICE: Record<UpstreamCode, string> = {
  TOKEN_REJECTED:
    'The token is mistyped, has expired, was revoked or replaced, or belongs to another region. Create one in the Abnormal portal ' +
    '(Settings → Integrations → Abnormal REST API) and give it to the gateway; collection resumes by itself.',
  NOT_LICENSED:
    'This account has no licence for the feature (cases need Account Takeover Protection). The other resources go on; ' +
    'once it is licensed, collection begins by itself.',
  FORBIDDEN:
    'Either the address this gateway calls from is not on the IP allowlist, or the REST API is not enabled for the ' +
    'account. Both are set in the Abnormal portal under Settings → Integrations → Abnormal REST API.',
  NOT_FOUND: 'It was deleted, is past the retention time, or never existed.',
  BAD_FILTER:
    'The list itself answers without a filter, so Abnormal no longer accepts this filter key or its format. ' +
    'Check for a newer version of the gateway.',
  NOT_ENABLED:
    'No such endpoint for this account: the add-on is not enabled (campaigns need the AI Security Mailbox, formerly ' +
    'Abuse Mailbox), or the base URL is wrong. The other resources go on; once it is enabled, collection begins by itself.',
  OUT_OF_RETENTION: 'What is asked for is older than Abnormal keeps. It cannot be collected any more.',
  BAD_REQUEST: 'Abnormal does not accept the request. Check for a newer version of the gateway.',
  RATE_LIMITED:
    'Other clients of this account share its allowance of about 300 requests a minute. Lower UPSTREAM_RPM or ' +
    'UPSTREAM_CONCURRENCY, or give the other clients less; the work is done on a later try.',
  SERVER_ERROR: 'The fault is on the side of Abnormal and usually passes; the work is done on a later try.',
  UNREACHABLE:
    'The network, a proxy or firewall, the name server or the base URL may be at fault; or Abnormal is down. ' +
    'The work is done on a later try.',
  TIMEOUT:
    'Abnormal or the network is slow or hangs. If it happens often, raise UPSTREAM_TIMEOUT; the work is done on a later try.',
  REDIRECTED:
    'The gateway does not follow redirects, so that the token goes to the configured host only. Check the base URL: ' +
    'its region, https, and the path /v1.',
  BAD_BODY:
    'Something between, such as a proxy or a login page, may have answered instead of Abnormal, or the API has changed. ' +
    'The body is kept; nothing was taken from it.',
  TOO_LARGE: 'It was cut off to protect the gateway; nothing was taken from it.',
  PAGING: 'Following it would repeat or skip records; nothing was taken from it.',
  CANCELLED: 'The caller went away, its time was up, or the gateway is shutting down.',
};

interface FailureFacts {
  readonly status?: number | null;
  readonly body?: string | null;
  readonly cause?: unknown;
}

/** Creates an error whose message says what happened, the likely causes and what to do. */
export function upstreamFailure(code: UpstreamCode, what: string, facts: FailureFacts = {}): UpstreamError {
  const { cause, ...rest } = facts;
  return new UpstreamError(code, `${what} ${ADVICE[code]}`, cause === undefined ? rest : { ...rest, cause });
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
