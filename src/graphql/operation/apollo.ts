import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { ApolloServer, type ApolloServerOptionsWithGateway, type ApolloServerPlugin } from '@apollo/server';
import { ApolloServerErrorCode } from '@apollo/server/errors';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import { ApolloServerPluginLandingPageLocalDefault } from '@apollo/server/plugin/landingPage/default';
import {
  type ExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  type ValidationRule,
} from 'graphql';
import { HistoryError } from '../../history/errors.js';
import type { Log } from '../../log.js';
import { type ErrorCode, historyMessage, originalError, RequestEnded } from '../base/errors.js';
import type { GatewayContext } from '../request/services.js';
import { analyseValid } from './analyse-operation.js';
import { type Execute, parsedQueries } from './execute.js';
import { createPipeline } from './pipeline.js';
import { QUESTIONS_DOCUMENT } from './questions.js';
import { ResponseCache } from './response-cache.js';

type GatewayInterface = ApolloServerOptionsWithGateway<GatewayContext>['gateway'];

interface ApolloOptions {
  /** Belongs to this server alone. */
  readonly schema: GraphQLSchema;
  /** The schema with masked fields, for readers; without it they see all fields. */
  readonly redactedSchema?: GraphQLSchema | undefined;
  readonly log: Log;
  /** Those that the server's callers look up too; its own if not given. */
  readonly responses?: ResponseCache;
  readonly observer?: GraphObserver | undefined;
  /** Whether callers may query the schema; default: true. */
  readonly introspection?: boolean;
  /** Whether a browser gets Apollo Sandbox; default: true. */
  readonly sandbox?: boolean;
}

/**
 * Parse, validation and coercion errors have the status 400, as in GraphQL over HTTP. Forms and image tags
 * cannot run a query. Nothing is reported to third parties, whatever the environment contains.
 */
export function createApollo(options: ApolloOptions): ApolloServer<GatewayContext> {
  const { schema, redactedSchema, log, observer, introspection = true, sandbox = true } = options;
  const { responses = new ResponseCache() } = options;
  return new ApolloServer<GatewayContext>({
    gateway: executedBy(schema, createPipeline({ schema, redactedSchema, log, responses })),
    stringifyResult: (result) => responses.stringify(result as ExecutionResult),
    introspection,
    // if the schema is hidden, its names are not suggested either
    hideSchemaDetailsFromClientErrors: !introspection,
    csrfPrevention: true,
    // a text from an earlier request would run without admission
    persistedQueries: false,
    validationRules: [noSubscriptions],
    documentStore: parsedQueries(),
    nodeEnv: 'production',
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: toApolloLogger(log),
    formatError: createErrorFormatter(log),
    plugins: [
      neverCached,
      ...(observer ? [observeRequests(observer)] : []),
      // the library's own policy would wrap every resolver
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      sandbox
        ? ApolloServerPluginLandingPageLocalDefault({
            ...{ embed: true, footer: false, document: QUESTIONS_DOCUMENT },
          })
        : ApolloServerPluginLandingPageDisabled(),
    ],
  });
}

/** Of a response of about a megabyte. */
const LARGE_COST = 1_000;

/** Apollo lets a gateway execute operations; this one uses the schema itself. */
function executedBy(schema: GraphQLSchema, run: Execute): GatewayInterface {
  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => {};
    },
    load: async () => ({
      executor: async ({ document, source, request, context: given }) => {
        const context = given as GatewayContext;
        // the requested name: Apollo's is null if no operation has it
        const operationName = request.operationName ?? null;
        const operation = getOperationAST(document, operationName) ?? null;
        const { admission } = context;
        const isAdmitted = admission?.query === source && admission.operationName === operationName;
        const analysed = isAdmitted
          ? admission.operation
          : operation && analyseValid(schema, document, operation);
        const variables = request.variables ?? {};
        const asked = { document, operation, analysed, source, operationName, variables, context };
        const result = await run(asked);
        // other requests need not wait while it becomes text
        if ((context.facts.cost ?? 0) > LARGE_COST) await setImmediate();
        return result;
      },
    }),
    stop: async () => {},
  };
}

/** Subscriptions have a route of their own. */
const noSubscriptions: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (node.operation !== 'subscription') return;
    const message = 'Subscriptions are answered with server-sent events: send “Accept: text/event-stream”.';
    context.reportError(new GraphQLError(message, { nodes: node }));
  },
});

/** Responses are about attacks and change with each poll: no proxy may store them. */
const neverCached: ApolloServerPlugin = {
  async requestDidStart({ response }) {
    response.http.headers.set('cache-control', 'no-store');
  },
};

function toApolloLogger(log: Log) {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (message?: unknown) =>
    log[level](String(message));
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/**
 * Errors for the caller are not changed. All others are faults of the gateway: the caller gets only the
 * reference of the log entry.
 */
export function createErrorFormatter(log: Log) {
  return (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const cause = originalError(error);
    if (cause instanceof HistoryError) {
      log.error({ err: cause }, 'the history cannot be read');
      return withMessage(formatted, 'HISTORY_UNAVAILABLE', historyMessage(cause, null));
    }
    // the caller has disconnected, so nothing is wrong
    if (cause instanceof RequestEnded) return withMessage(formatted, 'TIMEOUT', cause.message);
    const code = formatted.extensions?.code;
    if (NODE_ARGUMENT.test(formatted.message)) {
      return {
        ...formatted,
        message: `${formatted.message} To read a record at an instant or fresh, use record(id, asOf, maxAge, staleIfError).`,
      };
    }
    if (code === ApolloServerErrorCode.GRAPHQL_PARSE_FAILED) return withoutText(formatted);
    if (code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR) return formatted;
    const reference = randomUUID();
    log.error({ err: cause, reference, path: formatted.path }, 'a query failed unexpectedly');
    return withMessage(formatted, 'INTERNAL_SERVER_ERROR', `Internal error (reference ${reference}).`);
  };
}

/** Arguments that `node` and `nodes` had until Relay's compiler was supported, which requires that they have none. */
const NODE_ARGUMENT = /^Unknown argument "(asOf|maxAge|staleIfError)" on field "Query[.]nodes?"/;

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

/**
 * `PARTIAL`: data, with errors for some fields. `REFUSED`: an error of the request. `FAILED`: of Abnormal,
 * the history or the gateway.
 */
type GraphOutcome = 'OK' | 'PARTIAL' | 'REFUSED' | 'FAILED';

/** Must not throw. */
export interface GraphObserver {
  /** Call the returned function with the outcome and the codes of the errors. */
  began(): (outcome: GraphOutcome, codes: readonly string[]) => void;
}

function observeRequests(observer: GraphObserver): ApolloServerPlugin<GatewayContext> {
  return {
    async requestDidStart() {
      const ended = observer.began();
      return {
        async willSendResponse({ response }) {
          if (response.body.kind !== 'single') return;
          const { data, errors = [] } = response.body.singleResult;
          ended(outcomeOf(data, errors), errors.map(codeOf));
        },
      };
    },
  };
}

export function outcomeOf(
  data: Readonly<Record<string, unknown>> | null | undefined,
  errors: readonly GraphQLFormattedError[],
): GraphOutcome {
  if (errors.length === 0) return 'OK';
  if (data && Object.values(data).some((value) => value !== null)) return 'PARTIAL';
  return errors.some((error) => isOurs(codeOf(error))) ? 'FAILED' : 'REFUSED';
}

function codeOf({ extensions }: GraphQLFormattedError): string {
  return typeof extensions?.code === 'string' ? extensions.code : 'NONE';
}

function isOurs(code: string): boolean {
  return code.startsWith('UPSTREAM_') || code === 'HISTORY_UNAVAILABLE' || code === 'INTERNAL_SERVER_ERROR';
}
