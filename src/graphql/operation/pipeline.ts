import {
  type DocumentNode,
  type ExecutionResult,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
  parse,
} from 'graphql';
import { HistoryError } from '../../history/errors.js';
import type { Log } from '../../log.js';
import { ANSWERING, inSpan } from '../../tracing.js';
import type { CostLimits, QueryLimits, Role } from '../../values/access.js';
import { BoundedCache, jsonBytes } from '../../values/bounded-cache.js';
import { type ErrorCode, historyMessage, originalError, queryError, RequestTimeout } from '../base/errors.js';
import { isUnchanged } from '../lists/view.js';
import type { GatewayContext } from '../request/services.js';
import { type Admission, type AnalysedOperation, analyseOperation, roleErrors } from './analyse-operation.js';
import { CALL_PRICE, countFields, givenCost, requestedCost } from './cost-estimate.js';
import { createExecute, type Execute, type Execution, parsedBytes } from './execute.js';
import { type LimitError, limitExceeded, scan, scanVariables } from './query-document.js';
import type { ResponseCache } from './response-cache.js';

/*
 * What happens to an operation, in this order:
 *
 * 1. `OperationLimiter.admit`, before the server receives the request: the size of the text, of the operation and of
 *    the variables, then the cost. It parses and analyses a text once; the request carries the result.
 * 2. `createStoredResponse`: if the response cache has the response, it is sent, and the server does not receive the
 *    request.
 * 3. The server parses and validates a new text itself.
 * 4. `createPipeline`: the span of a trace, the time limit, the roles that the operation needs, the response cache; then, if it has to be
 *    run, errors of the history and the cost in the answer, and execution on the schema of the caller's role.
 */

interface EventPipelineOptions {
  readonly schema: GraphQLSchema;
  /** What readers see, if that is less. */
  readonly redactedSchema: GraphQLSchema | undefined;
  readonly log: Log;
}

interface PipelineOptions extends EventPipelineOptions {
  readonly responses: ResponseCache;
}

/** Runs an operation that the server found valid. The innermost step is the last. */
export function createPipeline({ responses, ...options }: PipelineOptions): Execute {
  return withSpan(withTimeout(withGuard(withCache(createEventPipeline(options), responses), options.log)));
}

/** Runs a subscription for one event: the last steps of the pipeline. */
export function createEventPipeline({ schema, redactedSchema, log }: EventPipelineOptions): Execute {
  const execute = byRole(createExecute(schema), redactedSchema && createExecute(redactedSchema));
  return async (execution) =>
    withHistoryErrors(withCost(await execute(execution), execution), execution.context, log);
}

export interface AskedOperation {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

type AdmissionResult =
  | { readonly admitted: Admission }
  | { readonly refused: LimitError }
  /** It cannot be parsed, or names no operation: the server says why. */
  | { readonly unclear: true };

/** What is known of a text: why it is refused, or its operations as far as they were asked for. */
type AnalysedText = Rejected | Operations;
type Rejected = Exclude<AdmissionResult, { readonly admitted: Admission }>;

interface Operations {
  readonly document: DocumentNode;
  readonly byName: Map<string | null, AnalysedOperation | Rejected>;
}

/** What one priced field of an operation takes, measured: about 1 KB. */
const FIELD_BYTES = 1_000;

/**
 * Decides whether an operation may run, before the server receives it: by its size, then by what it may cost. What is
 * found out of a text is kept, so that one that is sent again is neither parsed nor analysed again.
 */
export class OperationLimiter {
  readonly #known = new BoundedCache<AnalysedText>('analysedQueries', bytesOf);

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly limits: QueryLimits,
    private readonly costs: CostLimits,
  ) {}

  admit(asked: AskedOperation, role: Role): AdmissionResult {
    const known = this.#knownOf(asked.query);
    if (!('document' in known)) return known;
    const refused = scanVariables(asked.variables, this.limits);
    if (refused) return { refused };
    const operation = this.#operation(known, asked);
    return 'fields' in operation ? this.#admitAtCost(operation, asked, role) : operation;
  }

  #admitAtCost(
    operation: AnalysedOperation,
    { query, operationName, variables }: AskedOperation,
    role: Role,
  ): AdmissionResult {
    const requested = requestedCost(operation.fields, variables);
    const limit = this.costs[role];
    if (requested <= limit)
      return { admitted: { query, operationName, variables, operation, requested, limit } };
    const message = `The operation may cost ${requested}; the role ${role} is allowed ${limit}. Request smaller pages (first), fewer nested lists, or fewer fields that need requests to Abnormal.`;
    return { refused: { code: 'COST_EXCEEDED', message, details: { requested, limit } } };
  }

  #knownOf(query: string): AnalysedText {
    const before = this.#known.get(query);
    if (before) return before;
    const known = this.#read(query);
    this.#known.set(query, known);
    return known;
  }

  #read(query: string): AnalysedText {
    const refused = scan(query, this.limits);
    if (refused) return { refused };
    const document = parsed(query);
    if (!document) return { unclear: true };
    const { length } = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
    const { fragments } = this.limits;
    if (length > fragments) return { refused: limitExceeded('fragments', length, fragments) };
    return { document, byName: new Map() };
  }

  #operation(known: Operations, { query, operationName }: AskedOperation): AnalysedOperation | Rejected {
    const { document, byName } = known;
    const before = byName.get(operationName);
    if (before) return before;
    const operation = getOperationAST(document, operationName);
    if (!operation) return { unclear: true };
    const analysed = analyseOperation(this.schema, document, operation, this.limits);
    const found = 'fields' in analysed ? analysed : { refused: analysed };
    byName.set(operationName, found);
    // it takes more now
    this.#known.set(query, known);
    return found;
  }
}

function parsed(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch {
    // the server, which parses it too, says what is wrong
    return null;
  }
}

function bytesOf(known: AnalysedText, query: string): number {
  if (!('document' in known)) return 'refused' in known ? jsonBytes(known) : 0;
  const operations = [...known.byName.values()].map((found) =>
    'fields' in found ? FIELD_BYTES * (1 + countFields(found.fields)) : FIELD_BYTES,
  );
  return parsedBytes(query) + operations.reduce((sum, bytes) => sum + bytes, 0);
}

function withSpan(run: Execute): Execute {
  return (execution) => {
    const { operation, context } = execution;
    return inSpanOf(context, operation?.operation, operation?.name?.value ?? null, async () =>
      run(execution),
    );
  };
}

function inSpanOf(
  { facts, role }: GatewayContext,
  type: string = 'unknown',
  operationName: string | null,
  run: () => Promise<ExecutionResult>,
): Promise<ExecutionResult> {
  facts.operation = operationName;
  const name = operationName === null ? type : `${type} ${operationName}`;
  const attributes = { 'graphql.operation.type': type, 'graphql.operation.name': operationName ?? '' };
  return inSpan(name, { attributes, kind: ANSWERING }, async (span) => {
    const result = await run();
    span?.setAttributes({ cache: facts.cache ?? 'NONE', cost: facts.cost ?? 0 });
    span?.setAttributes({ role, errors: result.errors?.length ?? 0 });
    return result;
  });
}

/** `run`, but answered with an error as soon as the request has taken too long. */
function withTimeout(run: Execute): Execute {
  return (execution) => {
    const { signal } = execution.context;
    const answer = run(execution);
    if (!signal || !(answer instanceof Promise)) return answer;
    return orTimeout(answer, signal, ({ message }) => ({
      data: null,
      errors: [queryError('TIMEOUT', message)],
    }));
  };
}

/** `answer`, or what `timedOut` makes of the reason, as soon as the request has taken too long. */
function orTimeout<T>(
  answer: Promise<T>,
  signal: AbortSignal,
  timedOut: (reason: RequestTimeout) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // a caller that has gone away needs no answer: the one on its way will do
      if (signal.reason instanceof RequestTimeout) resolve(timedOut(signal.reason));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}

/** The result with what it cost in its `extensions`, if it was admitted at a cost. */
function withCost(result: ExecutionResult, { context }: Execution): ExecutionResult {
  const { admission, trackedServices } = context;
  // if the operation did not run, it cost nothing
  if (!admission || result.data === undefined) return result;
  const { requested, limit, operation } = admission;
  const actual = givenCost(operation.fields, result.data) + trackedServices.liveReads * CALL_PRICE;
  context.facts.cost = actual;
  return Object.assign(result, { extensions: { cost: { requested, actual, limit } } });
}

/** Runs operations of readers on their own schema. Responses are stored by role, so no role gets that of another. */
function byRole(run: Execute, forReaders: Execute | undefined): Execute {
  if (!forReaders) return run;
  return (execution) => (execution.context.role === 'reader' ? forReaders(execution) : run(execution));
}

/** `run`, but only for callers whose role may have all that is asked for. */
function withGuard(run: Execute, log: Log): Execute {
  return (execution) => {
    const { analysed, context } = execution;
    const errors = analysed && roleErrors(analysed, context.role);
    if (!errors) return run(execution);
    const { kind, id, role } = context.caller;
    const asked = errors.map(({ message }) => message);
    log.warn(
      { caller: { kind, id, role }, asked },
      'a caller requested something that its role does not allow',
    );
    return { errors };
  };
}

/** `run`, except for queries whose stored response is still right. Mutations always run. */
function withCache(run: Execute, responses: ResponseCache): Execute {
  return async (execution) => {
    const { operation, source, operationName, variables, context } = execution;
    if (operation?.operation !== 'query') return run(execution);
    const key = context.responseKey ?? responses.keyOf(context.role, source, operationName, variables);
    // a request that was looked up before the server received it has no stored response
    const known = context.responseKey === null ? await findUnchanged(responses, key, context) : null;
    context.facts.cache = known ? 'HIT' : 'MISS';
    if (known) return { data: known };
    const result = await run(execution);
    await responses.keep(key, result, context.reads);
    return result;
  };
}

function findUnchanged(responses: ResponseCache, key: string, context: GatewayContext) {
  return responses.find(key, (noted) => isUnchanged(context.trackedServices, noted));
}

/** The JSON to send again for an admitted operation; `null` if it must be run. */
export type StoredResponse = (admission: Admission, context: GatewayContext) => Promise<string | null>;

/**
 * Finds stored responses before the server receives the request: its own steps take as long as all others together, and
 * the same request has passed them before.
 */
export function createStoredResponse(responses: ResponseCache): StoredResponse {
  return async ({ query, operationName, variables, operation }, context) => {
    if (operation.type !== 'query') return null;
    context.responseKey = responses.keyOf(context.role, query, operationName, variables);
    const finding = findUnchanged(responses, context.responseKey, context);
    // the server then says that it took too long
    const data = await (context.signal ? orTimeout(finding, context.signal, () => null) : finding);
    if (data === null) return null;
    context.facts.cache = 'HIT';
    await inSpanOf(context, operation.type, operation.name, async () => ({ data }));
    return responses.stringify({ data });
  };
}

/**
 * The result with the errors of the history as the caller may see them, and with an error for each record that was
 * left out of a list because it is damaged.
 */
function withHistoryErrors(
  result: ExecutionResult,
  { role, damaged }: Pick<GatewayContext, 'role' | 'damaged'>,
  log: Log,
): ExecutionResult {
  if (!result.errors && damaged.length === 0) return result;
  const left = damaged.map((error) => new GraphQLError(error.message, { originalError: error }));
  const errors = [...(result.errors ?? []), ...left].map((error) => {
    const cause = originalError(error);
    if (!(cause instanceof HistoryError)) return error;
    log.error({ err: cause }, 'the history cannot be read');
    const { path, nodes } = error;
    const extensions = { code: 'HISTORY_UNAVAILABLE' satisfies ErrorCode };
    return new GraphQLError(historyMessage(cause, role), { path, nodes: nodes ?? null, extensions });
  });
  return { ...result, errors };
}
