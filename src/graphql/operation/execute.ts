import type { ApolloServerOptionsWithGateway, BaseContext } from '@apollo/server';
import {
  type ASTNode,
  BREAK,
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  GraphQLScalarType,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { BoundedCache, textBytes } from '../../values/bounded-cache.js';
import type { GatewayContext } from '../request/services.js';
import { type AnalysedOperation, MOST_COMPILED } from './analyse-operation.js';

/** A valid query. */
export interface Execution {
  readonly document: DocumentNode;
  /** `null` if the document has no operation of that name. */
  readonly operation: OperationDefinitionNode | null;
  /** `null` with `operation`. */
  readonly analysed: AnalysedOperation | null;
  readonly source: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: GatewayContext;
  /** The event, if a subscription is run for one. */
  readonly rootValue?: unknown;
}

export type Execute = (execution: Execution) => Promise<ExecutionResult> | ExecutionResult;

/** Without `run` the operation is interpreted. */
interface Known {
  readonly run: CompiledQuery['query'] | null;
  readonly size: number;
}

/** The code of a field, measured: 2.6 KB, and up to 6.5 KB after it has run. */
const FIELD_BYTES = 6_500;

class Plans {
  readonly seenOnce = new WeakSet<OperationDefinitionNode>();
  readonly known = new BoundedCache<Known, OperationDefinitionNode>(
    'compiledQueries',
    // an operation references its document
    ({ run, size }, { loc }) => parsedBytes(loc?.source.body ?? '') + (run ? FIELD_BYTES * size : 0),
  );
}

/**
 * Interprets an operation the first time and compiles it the second time, which makes a page about thirty
 * times cheaper. It is compiled only if the result is the same.
 */
export function createExecute(schema: GraphQLSchema): Execute {
  const plans = new Plans();
  return (execution) => {
    const run = compiledFor(plans, schema, execution);
    const variables = run && coercedFor(schema, execution);
    if (!run || !variables) return interpret(schema, execution);
    const result = run(undefined, execution.context, variables);
    return result instanceof Promise ? result.then(withErrors) : withErrors(result);
  };
}

function interpret(schema: GraphQLSchema, execution: Execution) {
  const { document, operationName, variables, context, rootValue } = execution;
  const result = execute({
    schema,
    document,
    operationName,
    rootValue,
    variableValues: variables,
    contextValue: context,
  });
  const finish = (done: ExecutionResult) => withFewErrors(withInputErrors(done, document, variables));
  return result instanceof Promise ? result.then(finish) : finish(result);
}

/**
 * graphql-js gives no code to an argument that variables make invalid. Such an error is located at the value
 * in the text; errors of fields are located at the field.
 */
function withInputErrors(
  result: ExecutionResult,
  document: DocumentNode,
  variables: Execution['variables'],
): ExecutionResult {
  if (!result.errors?.some(isInputError)) return result;
  const errors = result.errors.map((error) =>
    isInputError(error) ? toInputError(error, document, variables) : error,
  );
  return { ...result, errors };
}

function isInputError({ nodes, extensions }: GraphQLError): boolean {
  const kind = nodes?.[0]?.kind;
  return extensions.code === undefined && kind !== undefined && VALUE_KINDS.has(kind);
}

const VALUE_KINDS: ReadonlySet<string> = new Set([
  ...[Kind.VARIABLE, Kind.OBJECT, Kind.LIST, Kind.NULL, Kind.ENUM, Kind.VARIABLE_DEFINITION],
  ...[Kind.INT, Kind.FLOAT, Kind.STRING, Kind.BOOLEAN],
]);

function toInputError(
  error: GraphQLError,
  document: DocumentNode,
  variables: Execution['variables'],
): GraphQLError {
  const { nodes, source, positions, path } = error;
  const [node] = nodes ?? [];
  const without = new Set<string>();
  for (const each of nodes ?? []) {
    visit(each, {
      Variable({ name: { value } }) {
        if (variables[value] === null || variables[value] === undefined) without.add(`$${value}`);
      },
    });
  }
  const argumentPath = node && argumentPathOf(document, node, error.message);
  const place = {
    nodes: nodes ?? null,
    source: source ?? null,
    positions: positions ?? null,
    path: path ?? null,
  };
  // the server itself gives a code to the errors of variables
  if (node?.kind === Kind.VARIABLE_DEFINITION)
    return new GraphQLError(error.message, { ...place, extensions: { argumentPath } });
  const names = [...without].join(', ');
  const message = names ? `${error.message} Pass a value other than null for ${names}.` : error.message;
  return new GraphQLError(message, { ...place, extensions: { code: 'BAD_USER_INPUT', argumentPath } });
}

/** The argument and the input fields that lead to a value; of a variable, the first place where it is used. */
function argumentPathOf(document: DocumentNode, wanted: ASTNode, message: string): string[] {
  let found: string[] = [];
  visit(document, {
    enter(node, _key, parent, _path, ancestors) {
      const isUse =
        wanted.kind === Kind.VARIABLE_DEFINITION &&
        node.kind === Kind.VARIABLE &&
        node.name.value === wanted.variable.name.value;
      if (node !== wanted && !isUse) return undefined;
      const above = [...ancestors, ...(parent ? [parent] : [])].flatMap((each) =>
        'kind' in each ? [each] : [],
      );
      const names = above.flatMap((each) =>
        each.kind === Kind.ARGUMENT || each.kind === Kind.OBJECT_FIELD ? [each.name.value] : [],
      );
      if (names.length === 0) return undefined;
      found = names;
      return BREAK;
    },
  });
  // the place within the value of a variable is only in the text
  const [, within = ''] = / at "\w+[.]([^"]+)"/.exec(message) ?? [];
  return [...found, ...within.split(/[.[\]]+/).filter((name) => name !== '')];
}

/** graphql-js stops after so many errors and says so in the last one. */
const MOST_VARIABLE_ERRORS = 10;

function withFewErrors(result: ExecutionResult): ExecutionResult {
  if (result.data !== undefined || !result.errors) return result;
  return { ...result, errors: result.errors.slice(0, MOST_VARIABLE_ERRORS) };
}

/** `null` the first time: most operations are not sent a second time. */
function compiledFor(
  { seenOnce, known }: Plans,
  schema: GraphQLSchema,
  { document, operation, analysed }: Execution,
): Known['run'] {
  if (!operation || !analysed) return null;
  const before = known.get(operation);
  if (before) return before.run;
  if (!REPEATED.has(document) && !seenOnce.has(operation)) {
    seenOnce.add(operation);
    return null;
  }
  const { size } = analysed.compiler;
  const run = size <= MOST_COMPILED ? compile(schema, document, operation) : null;
  known.set(operation, { run, size });
  // an operation that is too large to be stored must not be compiled each time
  if (!known.has(operation)) known.set(operation, { run: null, size });
  return run;
}

/**
 * The variables for the compiled query; `null` if graphql-js must run it, because a variable is wrong, or one
 * that the compiler needs is missing or null.
 */
function coercedFor(
  schema: GraphQLSchema,
  { operation, analysed, variables }: Execution,
): Record<string, unknown> | null {
  const { variableDefinitions = [] } = operation ?? {};
  if (variableDefinitions.length === 0) return {};
  const { coerced } = getVariableValues(schema, variableDefinitions, variables, { maxErrors: 1 });
  if (!coerced || !analysed) return null;
  const { needed, required } = analysed.compiler;
  for (const name of needed) if (!Object.hasOwn(coerced, name)) return null;
  for (const name of required) if (coerced[name] === null || coerced[name] === undefined) return null;
  return coerced;
}

/**
 * Converts the compiler's errors into those of graphql-js. If several errors cause one null, the first is
 * reported, as in the specification.
 */
function withErrors(result: ExecutionResult): ExecutionResult {
  const { data, errors } = result;
  if (!errors?.length) return result;
  const first = new Map<string, GraphQLError>();
  for (const error of errors) {
    const place = JSON.stringify(nullPath(data, error.path ?? []));
    if (!first.has(place)) first.set(place, error);
  }
  return { ...result, errors: [...first.values()].map(toGraphQLError) };
}

/** The path up to the first null. */
function nullPath(data: unknown, path: readonly (string | number)[]): readonly (string | number)[] {
  let value = data;
  for (const [depth, key] of path.entries()) {
    if (value === null || value === undefined) return path.slice(0, depth);
    value = (value as Record<string | number, unknown>)[key];
  }
  return path;
}

function toGraphQLError({ message, path, locations, originalError, extensions }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { path, originalError: originalError ?? null, extensions });
  Object.defineProperty(error, 'locations', { value: locations, enumerable: true });
  return error;
}

/** `null` if the query must be interpreted; `size` rules that out early. */
function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Known['run'] {
  if (operation.operation !== 'query') return null;
  const compiled = compileQuery(withCoerced(schema), withCoercedVariables(document, operation));
  return isCompiledQuery(compiled) ? compiled.query : null;
}

// The compiler would expand input types, and ours are recursive. So each variable has a scalar type that
// accepts everything, and its value is coerced by graphql-js before.

const COERCED = new GraphQLScalarType({ name: 'Coerced' });

function withCoerced(schema: GraphQLSchema): GraphQLSchema {
  const getType = (name: string) => (name === COERCED.name ? COERCED : schema.getType(name));
  return Object.create(schema, { getType: { value: getType } }) as GraphQLSchema;
}

function withCoercedVariables(document: DocumentNode, operation: OperationDefinitionNode): DocumentNode {
  const type = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } } as const;
  const variableDefinitions = operation.variableDefinitions?.map(({ kind, variable }) => ({
    kind,
    variable,
    type,
  }));
  const fragments = document.definitions.filter(({ kind }) => kind === Kind.FRAGMENT_DEFINITION);
  return {
    ...document,
    definitions: [{ ...operation, variableDefinitions: variableDefinitions ?? [] }, ...fragments],
  };
}

type DocumentStore = NonNullable<ApolloServerOptionsWithGateway<BaseContext>['documentStore']>;

/** Those of texts that came before. */
const REPEATED = new WeakSet<DocumentNode>();

/**
 * Valid queries, for Apollo, whose own store counts half of their memory or less. A text is stored when it comes the
 * second time: those that come once would take the place of those that come often, and of their compiled code.
 */
export function parsedQueries(): DocumentStore {
  const seenOnce = new BoundedCache<true>('queriesSeenOnce', () => 0);
  const documents = new BoundedCache<DocumentNode>('parsedQueries', ({ loc }) =>
    parsedBytes(loc?.source.body ?? ''),
  );
  return {
    get: async (key) => documents.get(key),
    set: async (key, document) => {
      if (!seenOnce.get(key)) return void seenOnce.set(key, true);
      REPEATED.add(document);
      documents.set(key, document);
    },
    delete: async (key) => documents.delete(key),
  };
}

/** The memory of a parsed query per byte of its text, measured with its tokens: from 68 to 104. */
const BYTES_A_BYTE = 110;

/** The memory of a parsed text, with its analysis. */
export function parsedBytes(text: string): number {
  return 1_000 + BYTES_A_BYTE * textBytes(text);
}
