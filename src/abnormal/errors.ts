/**
 * What went wrong with a request to Abnormal, by cause. The table in the design's section 8 says what each
 * leads to.
 */
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

/** A request to Abnormal that failed for good, after its retries. The message is for a person and holds no token. */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  /** The HTTP status, where there was an answer. */
  readonly status: number | null;
  /** The body as received, at most 64 KiB of it, with the token blotted out. */
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

/** An answer that arrived whole but does not read as what it should be: bad data, not an HTTP failure. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';

  constructor(
    message: string,
    /** The body as received, at most 64 KiB of it. */
    readonly body: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
