import { GraphQLError } from 'graphql';
import type { HistoryError } from '../../history/errors.js';
import type { Role } from '../../values/access.js';

/** Every `extensions.code` of a response, also of HTTP and of Apollo, with its meaning. */
export const ERROR_CODES = {
  UNAUTHENTICATED: 'The request has no valid credential; the message says what is wrong with it.',
  FORBIDDEN: 'The caller’s role is not sufficient; `extensions.role` is the role that is needed.',
  TOO_MANY_FAILURES:
    'Too many wrong credentials came from this address; the header `Retry-After` says when to retry.',
  AUTHENTICATION_UNAVAILABLE:
    'Whether the credential is valid cannot be determined now: the signing keys or the history cannot be read.',
  BAD_USER_INPUT:
    'An argument is wrong; the message says what is accepted, and `extensions.argumentPath` where it is.',
  LIMIT_EXCEEDED:
    'The operation is too large; `extensions` has the limit, the requested and the allowed value.',
  COST_EXCEEDED:
    'The operation may cost more than the caller’s role is allowed; `extensions` has `requested` and `limit`.',
  RATE_LIMITED: 'The caller sent too many requests; the header `Retry-After` says when to retry.',
  OPERATION_NOT_LISTED: 'Readers may run listed operations only, and this operation is not listed.',
  TIMEOUT: 'The request took too long and was cancelled.',
  NOT_COLLECTED:
    'Nothing was recorded at the requested instant, and `asOf` does not ask Abnormal. The message and `extensions.firstRecordedAt` name the first recording.',
  CURSOR_GONE:
    'The cursor points to a recording that this history does not contain: another history, or one restored from a backup. List the records again, then read the changes since the `asOf` of that list.',
  UPSTREAM_TOKEN_REJECTED: 'Abnormal rejects the token: it is invalid, expired or revoked.',
  UPSTREAM_NOT_LICENSED: 'The Abnormal account has no licence for this feature.',
  UPSTREAM_NOT_ENABLED: 'This add-on or API is not enabled for the Abnormal account.',
  UPSTREAM_FORBIDDEN:
    'Abnormal refuses requests from this address (IP allowlist), or the API is switched off.',
  UPSTREAM_BUDGET_EXHAUSTED: 'The request budget that all clients of the account share is used up for now.',
  UPSTREAM_OUT_OF_RETENTION: 'Abnormal no longer stores the requested time.',
  UPSTREAM_NOT_FOUND:
    'Abnormal does not know the record. It counts as deleted if a later run gets the same response.',
  UPSTREAM_BAD_DATA: 'Abnormal’s response cannot be parsed; it is quarantined.',
  UPSTREAM_UNAVAILABLE: 'Abnormal cannot be reached or responds with errors.',
  HISTORY_UNAVAILABLE: 'The history cannot be read now.',
  NOT_POSSIBLE: 'The current configuration does not allow this; the message says why, and what to change.',
  GRAPHQL_PARSE_FAILED: 'The query is not valid GraphQL.',
  GRAPHQL_VALIDATION_FAILED: 'The query does not match the schema.',
  OPERATION_RESOLUTION_FAILURE:
    'The request does not select one operation: set `operationName` to the name of one of them. Mutations need POST.',
  PERSISTED_QUERY_NOT_SUPPORTED:
    'Automatic persisted queries are not supported: send the query, or use an id of `PERSISTED_OPERATIONS`.',
  BAD_REQUEST: 'The HTTP request cannot be answered because of its format, body or headers.',
  NOT_FOUND: 'There is nothing at this path, or not for this method.',
  WRONG_HOST: 'The request names a host that is not this machine, and authentication is off.',
  SHUTTING_DOWN: 'The gateway is shutting down; the header `Retry-After` says when to retry.',
  INTERNAL_SERVER_ERROR: 'An internal error; the message contains the reference of the log entry.',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

export function queryError(
  code: ErrorCode,
  message: string,
  extensions: Readonly<Record<string, unknown>> = {},
): GraphQLError {
  return new GraphQLError(message, { extensions: { code, ...extensions } });
}

/** An invalid argument, by its name and the names of the input fields below it; the message says what is accepted. */
export function badInput(
  message: string,
  argument: string,
  ...within: readonly (string | number)[]
): GraphQLError {
  return queryError('BAD_USER_INPUT', message, { argumentPath: [argument, ...within] });
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

/** What a caller is told of a history that cannot be read: admins all, operators which record is damaged. */
export function historyMessage({ code, message }: HistoryError, role: Role | null): string {
  if (role === 'admin' || (role === 'operator' && code === 'DAMAGED')) return message;
  return code === 'DAMAGED'
    ? 'A record in the history is damaged and cannot be read. Ask an operator of the gateway; its log names the record.'
    : 'The history cannot be read now. The gateway’s log has the reason.';
}

export function originalError(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? originalError(error.originalError) : error;
}

/** Why a request’s signal fires: its answer is not needed any more. */
export class RequestEnded extends Error {
  override readonly name: string = 'RequestEnded';
}

/** The request has taken as long as it may. */
export class RequestTimeout extends RequestEnded {
  override readonly name = 'RequestTimeout';

  constructor(ms: number) {
    super(`The request exceeded the time limit of ${ms / 1000} s. Request less data at once.`);
  }
}
