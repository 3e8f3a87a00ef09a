import {
  createSourceEventStream,
  type DocumentNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  parse,
  validate,
} from 'graphql';
import type { Log } from '../../log.js';
import { queryError } from '../base/errors.js';
import type { GatewayContext } from '../request/services.js';
import { analyseValid, roleErrors } from './analyse-operation.js';
import { createErrorFormatter, type GraphObserver, outcomeOf } from './apollo.js';
import type { Execution } from './execute.js';
import { type AskedOperation, createEventPipeline } from './pipeline.js';

interface SubscriptionOptions {
  readonly schema: GraphQLSchema;
  /** What readers see, if that is less. */
  readonly redactedSchema: GraphQLSchema | undefined;
  readonly log: Log;
  readonly observer?: GraphObserver | undefined;
  /** Whether callers may ask for the schema; true by default. */
  readonly introspection?: boolean;
}

export interface SubscriptionEvent {
  /** A cursor to continue after it; `null` if the subscription failed. */
  readonly id: string | null;
  readonly result: {
    readonly data?: unknown;
    readonly errors?: readonly GraphQLFormattedError[];
    readonly extensions?: object | undefined;
  };
}

/** Runs an admitted subscription. It does not throw: what is wrong is its last event. */
export type Subscribe = (
  asked: AskedOperation,
  context: GatewayContext,
) => AsyncGenerator<SubscriptionEvent, void>;

/** The value that a subscription's source yields: a page, with the place where it ends. */
interface SourceEvent {
  readonly tail: { readonly cursor: string };
}

/** Subscriptions, with the checks that the pipeline makes for queries; each event has its own context. */
export function createSubscriptions(options: SubscriptionOptions): Subscribe {
  const { schema, redactedSchema, log, observer, introspection = true } = options;
  const run = createEventPipeline(options);
  const format = createErrorFormatter(log);

  function toFormatted(error: GraphQLError): GraphQLFormattedError {
    const { http: _, ...extensions } = { http: null, code: 'INTERNAL_SERVER_ERROR', ...error.extensions };
    const { message, locations, path } = error.toJSON();
    return format({ message, extensions, ...(locations && { locations }), ...(path && { path }) }, error);
  }

  async function* events(asked: AskedOperation, context: GatewayContext): AsyncGenerator<SubscriptionEvent> {
    const execution = prepare(schema, asked, context, introspection);
    const source = await createSourceEventStream({
      schema: (context.role === 'reader' && redactedSchema) || schema,
      document: execution.document,
      operationName: execution.operationName,
      variableValues: execution.variables,
      contextValue: context,
    });
    if (!(Symbol.asyncIterator in source)) throw new RefusedSubscription(source.errors ?? []);
    for await (const event of source as AsyncIterable<SourceEvent>) {
      const { errors, ...result } = await run({
        ...execution,
        rootValue: event,
        context: context.renewed(),
      });
      yield {
        id: event.tail.cursor,
        result: { ...result, ...(errors && { errors: errors.map(toFormatted) }) },
      };
    }
  }

  return async function* subscribe(asked, context) {
    let ended = observer?.began();
    const note = ({ data, errors = [] }: SubscriptionEvent['result']) => {
      ended?.(
        outcomeOf(data as Record<string, unknown>, errors),
        errors.map(({ extensions }) => String(extensions?.code)),
      );
      ended = undefined;
    };
    try {
      for await (const event of events(asked, context)) {
        note(event.result);
        yield event;
      }
    } catch (error) {
      const causes = error instanceof RefusedSubscription ? error.causes : [asGraphQLError(error)];
      const result = { errors: causes.map(toFormatted) };
      note(result);
      yield { id: null, result };
    }
  };
}

class RefusedSubscription extends Error {
  constructor(readonly causes: readonly GraphQLError[]) {
    super('The subscription is refused.');
  }
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}

function prepare(
  schema: GraphQLSchema,
  { query, operationName, variables }: AskedOperation,
  context: GatewayContext,
  introspection: boolean,
): Execution {
  const document = parsed(query);
  const invalid = validate(schema, document).map(({ message, nodes }) => {
    const shown = introspection ? message : message.replace(/ ?Did you mean.+?\?$/, '');
    return new GraphQLError(shown, {
      nodes: nodes ?? null,
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });
  if (invalid.length > 0) throw new RefusedSubscription(invalid);
  const operation = getOperationAST(document, operationName);
  if (operation?.operation !== 'subscription')
    throw queryError(
      'BAD_USER_INPUT',
      'Only a subscription is answered with events. Send other operations with “Accept: application/json”.',
    );
  const analysed = context.admission?.operation ?? analyseValid(schema, document, operation);
  const refused = roleErrors(analysed, context.role);
  if (refused) throw new RefusedSubscription(refused);
  return { document, operation, analysed, source: '', operationName, variables, context };
}

function parsed(query: string): DocumentNode {
  try {
    return parse(query);
  } catch (error) {
    const { message } = error as GraphQLError;
    throw new GraphQLError(message, { extensions: { code: 'GRAPHQL_PARSE_FAILED' } });
  }
}
