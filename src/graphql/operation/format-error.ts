import { randomUUID } from 'node:crypto';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import { type ExecutionResult, GraphQLError, type GraphQLFormattedError } from 'graphql';
import { HistoryError } from '../../history/errors.js';
import type { Log } from '../../log.js';
import type { Role } from '../../values/caller.js';
import type { ErrorCode } from '../base/errors.js';
import type { GatewayContext } from '../request/services.js';
import { RequestEnded } from './in-time.js';

/**
 * Makes what callers see of an error. Those meant for them pass as they are. Any other is a fault of the
 * gateway: it is logged under a reference, and the caller is given that and nothing else.
 */
export function createErrorFormatter(log: Log) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const cause = causeOf(error);
    if (cause instanceof HistoryError) {
      log.error({ err: cause }, 'the history cannot be read');
      return withMessage(formatted, 'HISTORY_UNAVAILABLE', historyMessage(cause, null));
    }
    // nobody reads this, and nothing is wrong
    if (cause instanceof RequestEnded) return withMessage(formatted, 'TIMEOUT', cause.message);
    const code = formatted.extensions?.code;
    if (code === ApolloServerErrorCode.GRAPHQL_PARSE_FAILED) return withoutText(formatted);
    if (code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR) return formatted;
    const reference = randomUUID();
    log.error({ err: cause, reference, path: formatted.path }, 'a query failed unexpectedly');
    return withMessage(
      formatted,
      'INTERNAL_SERVER_ERROR',
      `Something went wrong here (reference ${reference}).`,
    );
  };
}

/** What a caller is told of a history that cannot be read: admins all, operators which record is damaged. */
export function historyMessage({ code, message }: HistoryError, role: Role | null): string {
  if (role === 'admin' || (role === 'operator' && code === 'DAMAGED')) return message;
  return code === 'DAMAGED'
    ? 'A record is damaged in the history and cannot be read. Ask an operator of the gateway, who is told which.'
    : 'The history cannot be read now. The reason is in the log of the gateway.';
}

/**
 * The result with the errors of the history as the caller may see them, and with an error for each record that was
 * left out of a list because it is damaged.
 */
export function withHistoryErrors(
  result: ExecutionResult,
  { role, damaged }: Pick<GatewayContext, 'role' | 'damaged'>,
  log: Log,
): ExecutionResult {
  if (!result.errors && damaged.length === 0) return result;
  const left = damaged.map((error) => new GraphQLError(error.message, { originalError: error }));
  const errors = [...(result.errors ?? []), ...left].map((error) => {
    const cause = causeOf(error);
    if (!(cause instanceof HistoryError)) return error;
    log.error({ err: cause }, 'the history cannot be read');
    const { path, nodes } = error;
    const extensions = { code: 'HISTORY_UNAVAILABLE' satisfies ErrorCode };
    return new GraphQLError(historyMessage(cause, role), { path, nodes: nodes ?? null, extensions });
  });
  return { ...result, errors };
}

/** A text, or a long name, that stands where the grammar has none may be a token that was misplaced. */
function withoutText(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const message = formatted.message.replace(
    / found (BlockString|String|Name) "(.{16,}|[^"]*)"/s,
    ' found a $1',
  );
  return { ...formatted, message };
}

function withMessage(formatted: GraphQLFormattedError, code: ErrorCode, message: string) {
  return { ...formatted, message, extensions: { code } };
}

function causeOf(error: unknown): unknown {
  return error instanceof GraphQLError && error.originalError ? causeOf(error.originalError) : error;
}
