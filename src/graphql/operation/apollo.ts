import { ApolloServer, type ApolloServerOptionsWithGateway, type ApolloServerPlugin } from '@apollo/server';
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
  type GraphQLSchema,
  getOperationAST,
  type ValidationRule,
} from 'graphql';
import type { Log } from '../../log.js';
import type { GatewayContext } from '../request/services.js';
import { Access } from './access.js';
import { createExecute, type Execute } from './executor.js';
import { createErrorFormatter, withHistoryErrors } from './format-error.js';
import { inTime } from './in-time.js';
import { type GraphObserver, observeRequests } from './observe-requests.js';
import { parsedQueries } from './parsed-queries.js';
import { priced } from './priced.js';
import { Answers } from './response-cache.js';

type GatewayInterface = ApolloServerOptionsWithGateway<GatewayContext>['gateway'];

export interface ApolloOptions {
  /** One that no other server has. */
  readonly schema: GraphQLSchema;
  /** The same schema with fields masked, for readers; they see what everybody sees unless it is given. */
  readonly redactedSchema?: GraphQLSchema | undefined;
  readonly log: Log;
  readonly observer?: GraphObserver | undefined;
  /** Whether callers may ask for the schema; yes, unless said otherwise. */
  readonly introspection?: boolean;
  /** Whether a browser is shown Apollo Sandbox; yes, unless said otherwise. */
  readonly sandbox?: boolean;
}

/**
 * The GraphQL server. Parse, validation and coercion errors are answered with 400, as GraphQL over HTTP asks;
 * a form or an image tag cannot make it run a query; a browser's GET shows Apollo Sandbox. Nothing is
 * reported to anywhere, whatever the environment says.
 */
export function createApollo(options: ApolloOptions): ApolloServer<GatewayContext> {
  const { schema, redactedSchema, log, observer, introspection = true, sandbox = true } = options;
  const answers = new Answers();
  const execute = byRole(createExecute(schema), redactedSchema && createExecute(redactedSchema));
  return new ApolloServer<GatewayContext>({
    gateway: executedBy(
      schema,
      inTime(guarding(new Access(schema), log, answering(tellingDamage(priced(execute), log), answers))),
    ),
    stringifyResult: (result) => answers.stringify(result as ExecutionResult),
    introspection,
    // where the schema is not told, its names are not suggested either
    hideSchemaDetailsFromClientErrors: !introspection,
    csrfPrevention: true,
    // a text that came some other time would be run without having been measured
    persistedQueries: false,
    validationRules: [knownOperationTypes],
    documentStore: parsedQueries(),
    nodeEnv: 'production',
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: toApolloLogger(log),
    formatError: createErrorFormatter(log),
    plugins: [
      neverCached,
      ...(observer ? [observeRequests(observer)] : []),
      // the library's own policy wraps every resolver to find out what `neverCached` says in one line
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      sandbox
        ? ApolloServerPluginLandingPageLocalDefault({ embed: true, footer: false })
        : ApolloServerPluginLandingPageDisabled(),
    ],
  });
}

/** Runs what readers ask on the schema that is theirs. Answers are kept by role, so none is given to another. */
function byRole(run: Execute, forReaders: Execute | undefined): Execute {
  if (!forReaders) return run;
  return (execution) => (execution.context.role === 'reader' ? forReaders(execution) : run(execution));
}

/** `run`, but not for callers whose role does not go as far. */
function guarding(access: Access, log: Log, run: Execute): Execute {
  return (execution) => {
    const { document, operationName, context } = execution;
    const errors = access.refusal(document, operationName, context.role);
    if (!errors) return run(execution);
    const { kind, id, role } = context.caller;
    const asked = errors.map(({ message }) => message);
    log.warn({ caller: { kind, id, role }, asked }, 'a caller asked for what its role may not');
    return { errors };
  };
}

/** `run`, with what the caller may know of a history that cannot be read. */
function tellingDamage(run: Execute, log: Log): Execute {
  return async (execution) => withHistoryErrors(await run(execution), execution.context, log);
}

/** `run`, but for questions whose answer still stands; what changes something is done each time it is asked for. */
function answering(run: Execute, answers: Answers): Execute {
  return async (execution) => {
    const { document, queryHash, operationName, variables, context } = execution;
    if (getOperationAST(document, operationName)?.operation !== 'query') return run(execution);
    const key = answers.keyOf(context.role, queryHash, operationName, variables);
    const known = await answers.find(key, context.meansOfNotedRead);
    if (known) return known;
    const result = await run(execution);
    answers.keep(key, result, context.reads);
    return result;
  };
}

/** Apollo leaves the execution to a gateway where it is given one; this one is the schema itself. */
function executedBy(schema: GraphQLSchema, run: Execute): GatewayInterface {
  return {
    onSchemaLoadOrUpdate(callback) {
      callback({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => {};
    },
    load: async () => ({
      executor: async ({ document, queryHash, request, context }) =>
        run({
          queryHash,
          // the name as asked for: Apollo's own is null also where no operation has it
          ...{ document, operationName: request.operationName ?? null, variables: request.variables ?? {} },
          context: context as GatewayContext,
        }),
    }),
    stop: async () => {},
  };
}

/** graphql-js 16 lets an operation of a type that the schema does not have through, and fails when it runs it. */
const knownOperationTypes: ValidationRule = (context) => ({
  OperationDefinition(node) {
    if (context.getSchema().getRootType(node.operation)) return;
    const message = `There is no ${node.operation} in this graph: send a query or a mutation.`;
    context.reportError(new GraphQLError(message, { nodes: node }));
  },
});

/** Answers are about attacks on the organisation and change with each poll: nobody between may keep them. */
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
