import { GraphQLError } from 'graphql';

/** Every `extensions.code` of the gateway, with its meaning. Apollo adds its own. */
export const ERROR_CODES = {
  UNAUTHENTICATED:
    'No credential that is valid came with the request; the message says what is wrong with it.',
  FORBIDDEN: 'The caller’s role does not go as far; `extensions.role` is the one that does.',
  TOO_MANY_FAILURES:
    'Too many wrong credentials came from this address; the header `Retry-After` says when to try again.',
  AUTHENTICATION_UNAVAILABLE:
    'Whether the credential is valid cannot be told now: its signing keys or the history cannot be read.',
  BAD_USER_INPUT: 'An argument is wrong; the message says what is right.',
  LIMIT_EXCEEDED:
    'The operation is too large; `extensions` has the limit, what was asked and what is allowed.',
  COST_EXCEEDED:
    'The operation may cost more than the caller’s role is allowed; `extensions` has `requested` and `limit`.',
  RATE_LIMITED: 'Too many requests by this caller; the header `Retry-After` says when to come again.',
  OPERATION_NOT_LISTED: 'Readers may run listed operations only, and this is none of them.',
  TIMEOUT: 'It took longer than a request may take; what it waited for was cancelled.',
  NOT_COLLECTED:
    'Nothing was recorded by the instant asked for, and `asOf` does not ask Abnormal. The message and `extensions.firstRecordedAt` name the first recording.',
  UPSTREAM_TOKEN_REJECTED: 'Abnormal refuses the token: it is invalid, expired or revoked.',
  UPSTREAM_NOT_LICENSED: 'The Abnormal account lacks the licence for this feature.',
  UPSTREAM_NOT_ENABLED: 'The Abnormal account does not have this add-on or API enabled.',
  UPSTREAM_FORBIDDEN: 'Abnormal refuses this address (its IP allowlist), or the API is off.',
  UPSTREAM_BUDGET_EXHAUSTED: 'The request budget shared by all of the account’s clients is used up for now.',
  UPSTREAM_OUT_OF_RETENTION: 'Older than what Abnormal keeps.',
  UPSTREAM_NOT_FOUND:
    'Abnormal no longer knows the record. It counts as deleted once a later run is told the same.',
  UPSTREAM_BAD_DATA: 'Abnormal’s answer cannot be understood; it is kept in quarantine.',
  UPSTREAM_UNAVAILABLE: 'Abnormal cannot be reached, or answers with errors.',
  HISTORY_UNAVAILABLE: 'The history cannot be read now.',
  NOT_POSSIBLE: 'The gateway cannot do this as it stands; the message says why, and what to change.',
  INTERNAL_SERVER_ERROR: 'A fault of the gateway; the message holds the reference of the log entry.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error whose message is meant for the caller. */
export function queryError(
  code: ErrorCode,
  message: string,
  extensions: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...extensions } });
}

/** An invalid argument; the message says what is accepted. */
export function badInput(message: string): GraphQLError {
  return queryError('BAD_USER_INPUT', message);
}

const BY_UPSTREAM_CODE: Readonly<Record<string, ErrorCode>> = {
  TOKEN_REJECTED: 'UPSTREAM_TOKEN_REJECTED',
  NOT_LICENSED: 'UPSTREAM_NOT_LICENSED',
  NOT_ENABLED: 'UPSTREAM_NOT_ENABLED',
  FORBIDDEN: 'UPSTREAM_FORBIDDEN',
  RATE_LIMITED: 'UPSTREAM_BUDGET_EXHAUSTED',
  OUT_OF_RETENTION: 'UPSTREAM_OUT_OF_RETENTION',
  NOT_FOUND: 'UPSTREAM_NOT_FOUND',
  UNDECODABLE: 'UPSTREAM_BAD_DATA',
  BAD_BODY: 'UPSTREAM_BAD_DATA',
  TOO_LARGE: 'UPSTREAM_BAD_DATA',
  PAGING: 'UPSTREAM_BAD_DATA',
};

export function upstreamErrorCode(code: string): ErrorCode {
  return BY_UPSTREAM_CODE[code] ?? 'UPSTREAM_UNAVAILABLE';
}
