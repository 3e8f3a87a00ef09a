import {
  type DocumentNode,
  type ExecutionResult,
  execute,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  type OperationDefinitionNode,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { isCompilable } from './compile-query.js';
import type { GatewayContext } from './context.js';

/** A query that has been parsed and found valid. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: GatewayContext;
}

export type Execute = (execution: Execution) => Promise<ExecutionResult> | ExecutionResult;

interface Plan {
  readonly operation: OperationDefinitionNode;
  readonly compiled: CompiledQuery | null;
}

/**
 * Runs queries with graphql-js; those that come again are compiled, which makes a page of a list some thirty
 * times cheaper to put together. A query is compiled only where the compiler does as graphql-js does.
 */
export function createExecute(schema: GraphQLSchema): Execute {
  const plans = new WeakMap<DocumentNode, Map<string | null, Plan | 'seen'>>();
  return (execution) => {
    const { document, operationName, variables, context } = execution;
    const plan = planOf(plans, schema, document, operationName);
    if (!plan?.compiled || !areGiven(schema, plan.operation, variables)) return interpret(schema, execution);
    const result = plan.compiled.query(undefined, context, { ...variables });
    return result instanceof Promise ? result.then(withErrors) : withErrors(result);
  };
}

function interpret(schema: GraphQLSchema, { document, operationName, variables, context }: Execution) {
  return execute({ schema, document, operationName, variableValues: variables, contextValue: context });
}

/** The plan for a document that was seen before; none at its first sight, which is often its last. */
function planOf(
  plans: WeakMap<DocumentNode, Map<string | null, Plan | 'seen'>>,
  schema: GraphQLSchema,
  document: DocumentNode,
  name: string | null,
): Plan | null {
  const known = plans.get(document) ?? new Map<string | null, Plan | 'seen'>();
  plans.set(document, known);
  const plan = known.get(name);
  if (plan !== undefined && plan !== 'seen') return plan;
  const operation = plan === 'seen' ? getOperationAST(document, name) : null;
  if (!operation) {
    known.set(name, 'seen');
    return null;
  }
  const made: Plan = { operation, compiled: compile(schema, document, operation, name) };
  known.set(name, made);
  return made;
}

function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  name: string | null,
): CompiledQuery | null {
  if (!isCompilable(document, operation)) return null;
  const compiled = compileQuery(schema, document, name ?? undefined);
  return isCompiledQuery(compiled) ? compiled : null;
}

/**
 * Whether every variable has a usable value. Where one is left out or wrong, graphql-js runs the query: the
 * compiler takes a variable within an object that is left out for null, and words its errors otherwise.
 */
function areGiven(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): boolean {
  if (variableDefinitions.length === 0) return true;
  const { coerced } = getVariableValues(schema, variableDefinitions, { ...variables });
  if (!coerced) return false;
  return variableDefinitions.every(({ variable }) => Object.hasOwn(coerced, variable.name.value));
}

/** The compiler's errors made into graphql-js' own, which whatever comes after relies upon. */
function withErrors(result: ExecutionResult): ExecutionResult {
  const { errors } = result;
  return errors?.length ? { ...result, errors: errors.map(toGraphQLError) } : result;
}

function toGraphQLError({ message, path, locations, originalError, extensions }: GraphQLError): GraphQLError {
  const error = new GraphQLError(message, { path, originalError: originalError ?? null, extensions });
  Object.defineProperty(error, 'locations', { value: locations, enumerable: true });
  return error;
}
