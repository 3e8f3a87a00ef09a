import {
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLScalarType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
  TypeInfo,
  type VariableNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';

/** The most fields, written out, that a query may have to be compiled. */
const LARGEST = 1_000;

/** An operation that was compiled. */
export interface Compiled {
  /** Runs it; the variables as graphql-js has coerced them. */
  readonly run: CompiledQuery['query'];
  /** Variables that must be given: within an object or a list the compiler takes one left out for null. */
  readonly needed: ReadonlySet<string>;
  /** Variables that must not be null: the compiler does not report one that is as graphql-js does. */
  readonly required: ReadonlySet<string>;
  /** How many fields were written out. */
  readonly fields: number;
}

/**
 * Compiles an operation, or `null` where it is left to the interpreter: what a compiler is known to do otherwise
 * (introspection, directives), and what is too large once fragments and abstract types are written out.
 */
export function compile(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Compiled | null {
  const root = schema.getQueryType();
  if (operation.operation !== 'query' || !root) return null;
  const size = new WrittenOut(schema, document);
  if (!size.fits(operation.selectionSet, root.name)) return null;
  const compiled = compileQuery(withCoerced(schema), withCoercedVariables(document, operation));
  if (!isCompiledQuery(compiled)) return null;
  return {
    run: compiled.query,
    needed: variablesWithin(document),
    required: requiredVariables(schema, document),
    fields: size.fields,
  };
}

/** Counts the fields of a query as the compiler writes them: fragments in place, abstract types once a type. */
class WrittenOut {
  private left = LARGEST;
  private readonly fragments = new Map<string, FragmentDefinitionNode>();

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
  ) {
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
    }
  }

  get fields(): number {
    return LARGEST - this.left;
  }

  /** Whether a selection on a type can be compiled, `times` over. */
  fits({ selections }: SelectionSetNode, type: string, times = 1): boolean {
    return selections.every((selection) => this.fitsOne(selection, type, times));
  }

  private fitsOne(selection: SelectionNode, type: string, times: number): boolean {
    if (selection.directives?.length) return false;
    if (selection.kind === Kind.FIELD)
      return this.fitsField(selection.name.value, selection.selectionSet, type, times);
    const inner =
      selection.kind === Kind.INLINE_FRAGMENT ? selection : this.fragments.get(selection.name.value);
    return (
      inner !== undefined && this.fits(inner.selectionSet, inner.typeCondition?.name.value ?? type, times)
    );
  }

  private fitsField(name: string, inner: SelectionSetNode | undefined, type: string, times: number): boolean {
    this.left -= times;
    if (this.left < 0) return false;
    if (name.startsWith('__')) return name === '__typename';
    const parent = this.schema.getType(type);
    if (!isObjectType(parent) && !isInterfaceType(parent)) return false;
    const field = getNamedType(parent.getFields()[name]?.type);
    if (!inner || !isCompositeType(field)) return inner === undefined;
    const possible = isAbstractType(field) ? this.schema.getPossibleTypes(field).length : 1;
    return this.fits(inner, field.name, times * possible);
  }
}

function variablesWithin(document: DocumentNode): Set<string> {
  const found = new Set<string>();
  visit(document, {
    Variable(node, _key, parent) {
      const isArgument = parent !== undefined && 'kind' in parent && parent.kind === Kind.ARGUMENT;
      if (!isArgument) found.add(node.name.value);
    },
    VariableDefinition: () => false,
  });
  return found;
}

/** Variables that stand where null is no value. */
function requiredVariables(schema: GraphQLSchema, document: DocumentNode): Set<string> {
  const found = new Set<string>();
  const types = new TypeInfo(schema);
  const Variable = (node: VariableNode) => {
    if (isNonNullType(types.getInputType())) found.add(node.name.value);
  };
  visit(document, visitWithTypeInfo(types, { Variable, VariableDefinition: () => false }));
  return found;
}

/*
 * The compiler would write out a variable's input type in full, and ours contain themselves. So it is told that
 * every variable is of a scalar that takes what it is given, and is given what graphql-js has coerced.
 */

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
