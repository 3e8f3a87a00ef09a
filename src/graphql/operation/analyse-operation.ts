import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isInterfaceType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  type SelectionSetNode,
  type ValueNode,
} from 'graphql';
import { type QueryLimits, ROLES, type Role, roleFor } from '../../values/access.js';
import { queryError } from '../base/errors.js';
import { type CostNode, costRuleOf, type NodesField } from './cost-estimate.js';
import { type AskedField, type LimitError, limitExceeded, selectedFields } from './query-document.js';

/** The result of one walk through an operation: who may run it, its cost, and whether it can be compiled. */
export interface AnalysedOperation {
  readonly type: OperationTypeNode;
  readonly name: string | null;
  /** What costs something; how much depends on the variables. */
  readonly fields: readonly CostNode[];
  /** Fields that need more than the role reader. */
  readonly demands: readonly Demand[];
  readonly compiler: CompilerFacts;
}

interface CompilerFacts {
  /**
   * Fields in the compiled code: fragments in place, repeated fields counted each time, and one copy per type
   * below an abstract type. Infinite with directives or introspection, which the compiler treats differently.
   */
  readonly size: number;
  /** Variables that must be given: the compiler treats a missing one within an object or a list as null. */
  readonly needed: ReadonlySet<string>;
  /** Variables that must not be null: the compiler reports one differently from graphql-js. */
  readonly required: ReadonlySet<string>;
}

interface Demand {
  /** The guarded part, as `Type.field`. */
  readonly what: string;
  readonly role: Role;
  readonly node: FieldNode;
}

export interface Admission {
  readonly query: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly operation: AnalysedOperation;
  /** The maximum cost with these variables, and the caller's limit. */
  readonly requested: number;
  readonly limit: number;
}

/** Comparing fields of one name with each other takes the square of their number. */
const MOST_ALIKE = 100;

/** The most fields of a compiled operation, counted as `CompilerFacts.size`. */
export const MOST_COMPILED = 1_000;

class LimitExceeded extends Error {
  constructor(readonly refusal: LimitError) {
    super(refusal.message);
  }
}

/**
 * Walks once through an operation, or names the limit that it exceeds. An invalid document is analysed as far
 * as possible: the validation refuses it.
 */
export function analyseOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: QueryLimits,
): AnalysedOperation | LimitError {
  try {
    return new Walk(schema, document, operation, limits).analyse();
  } catch (error) {
    if (error instanceof LimitExceeded) return error.refusal;
    throw error;
  }
}

const any = Number.POSITIVE_INFINITY;
const NO_LIMITS: QueryLimits = {
  ...{ tokens: any, nesting: any, depth: any, fields: any, roots: any },
  ...{ aliases: any, directives: any, fragments: any, variables: any },
};

/** As `analyseOperation`, without limits. */
export function analyseValid(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): AnalysedOperation {
  return new Walk(schema, document, operation, NO_LIMITS).analyse();
}

/** Why a caller of a role may not run it; `null` if it may. */
export function roleErrors({ demands }: AnalysedOperation, has: Role): GraphQLError[] | null {
  const errors = demands
    .filter(({ role }) => ROLES.indexOf(has) < ROLES.indexOf(role))
    .map((demand) => forbidden(demand, has));
  return errors.length > 0 ? errors : null;
}

function forbidden({ what, role, node }: Demand, has: Role): GraphQLError {
  const { message, extensions } = queryError(
    'FORBIDDEN',
    `${what} needs the role ${role}; your role is ${has}.`,
  );
  return new GraphQLError(message, {
    nodes: node,
    extensions: { ...extensions, role, http: { status: 403 } },
  });
}

class Walk {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  /** One error for each guarded part. */
  private readonly demands = new Map<string, Demand>();
  private readonly needed = new Set<string>();
  private readonly required = new Set<string>();
  private readonly withKnownVariables = new Set<FieldNode>();
  private walked = 0;
  private size = 0;
  private repeated = 0;

  constructor(
    private readonly schema: GraphQLSchema,
    document: DocumentNode,
    private readonly operation: OperationDefinitionNode,
    private readonly limits: QueryLimits,
  ) {
    for (const definition of document.definitions) {
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
    }
  }

  analyse(): AnalysedOperation {
    const root = this.schema.getRootType(this.operation.operation)?.name ?? '';
    const roots = this.selected([this.operation.selectionSet], root);
    if (roots.length > this.limits.roots) this.stop('roots', roots.length, true);
    const fields = this.costNodes(roots, 1, 1);
    const { size, needed, required } = this;
    return {
      type: this.operation.operation,
      name: this.operation.name?.value ?? null,
      fields,
      demands: [...this.demands.values()],
      compiler: { size, needed, required },
    };
  }

  private selected(selections: readonly SelectionSetNode[], type: string): AskedField[] {
    return selectedFields(selections, type, this.fragments, this);
  }

  onDirective(): void {
    this.size = Number.POSITIVE_INFINITY;
  }

  onRepeated(): boolean {
    this.repeated += 1;
    if (this.repeated > MOST_COMPILED) this.size = Number.POSITIVE_INFINITY;
    return this.size <= MOST_COMPILED;
  }

  private costNodes(asked: readonly AskedField[], depth: number, times: number): CostNode[] {
    return asked.flatMap((field) => this.costNode(field, depth, times) ?? []);
  }

  private costNode(asked: AskedField, depth: number, times: number): CostNode | null {
    this.count(asked);
    if (asked.nodes.length > MOST_ALIKE) this.stop('fields', asked.nodes.length, true, MOST_ALIKE);
    // introspection nests deeper than any data; graphql-js refuses to follow it in circles
    const deepest = asked.type.startsWith('__') ? 2 * this.limits.depth : this.limits.depth;
    if (depth > deepest) this.stop('depth', depth, false, deepest);
    const { type, inner, innerTimes } = this.enter(asked, times);
    const parts = costRuleOf(asked, type.endsWith('Connection'), this.operation);
    if (parts.shape === 'VALUE') {
      const children = this.costNodes(inner, depth + 1, innerTimes);
      const isFree = !parts.counts && parts.price === 0 && parts.calls === 0 && children.length === 0;
      return isFree ? null : { ...parts, key: asked.key, children, nodes: [] };
    }
    const lists = inner.filter(({ name }) => name === 'nodes' || name === 'edges');
    const rest = inner.filter((field) => !lists.includes(field));
    const nodes = lists.flatMap((list) => this.nodesOf(list, depth + 1, innerTimes));
    return { ...parts, key: asked.key, children: this.costNodes(rest, depth + 1, innerTimes), nodes };
  }

  private nodesOf(list: AskedField, depth: number, times: number): NodesField[] {
    const { key } = list;
    this.count(list);
    const { inner, innerTimes } = this.enter(list, times);
    if (list.name === 'nodes')
      return [{ key, inner: null, children: this.costNodes(inner, depth + 1, innerTimes) }];
    const rest = inner.filter(({ name }) => name !== 'node');
    const edges = { key, inner: null, children: this.costNodes(rest, depth + 1, innerTimes) };
    const nodes = inner.flatMap((field) => {
      if (field.name !== 'node') return [];
      this.count(field);
      const below = this.enter(field, innerTimes);
      const children = this.costNodes(below.inner, depth + 2, below.innerTimes);
      return [{ key, inner: field.key, children }];
    });
    return nodes.length > 0 && edges.children.length === 0 ? nodes : [edges, ...nodes];
  }

  private count({ nodes }: AskedField): void {
    this.walked += nodes.length;
    if (this.walked > this.limits.fields) this.stop('fields', this.walked, false);
  }

  /** Adds the demands of a field, and finds its type, its fields, and how often these are compiled. */
  private enter(asked: AskedField, times: number): Entered {
    const parent = this.schema.getType(asked.type);
    const field = fieldOf(parent, asked.name);
    const given = field ? getNamedType(field.type) : this.schema.getType(INTROSPECTION[asked.name] ?? '');
    this.size +=
      asked.name.startsWith('__') && asked.name !== '__typename'
        ? Number.POSITIVE_INFINITY
        : asked.written * times;
    if (parent) this.noteDemands(asked, parent, given);
    if (field) for (const node of asked.nodes) this.noteVariables(node, field);
    const type = given?.name ?? '';
    const possible = isAbstractType(given) ? this.schema.getPossibleTypes(given).length : 1;
    const innerTimes = times * possible * (asked.written - asked.nodes.length + 1);
    const selections = asked.nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
    return { type, inner: this.selected(selections, type), innerTimes };
  }

  /** The demands of a field, of its parent type, and of its own type. */
  private noteDemands(
    { name, nodes }: AskedField,
    parent: GraphQLNamedType,
    given: GraphQLNamedType | undefined,
  ): void {
    // a field of an interface may come from each type that implements it
    const parents = isInterfaceType(parent) ? [parent, ...this.schema.getPossibleTypes(parent)] : [parent];
    for (const type of parents) this.noteDemand(`${type.name}.${name}`, fieldOf(type, name), nodes);
    for (const type of [parent, given]) if (type) this.noteDemand(type.name, type, nodes);
  }

  private noteDemand(
    what: string,
    guarded: { readonly extensions: object } | undefined,
    [node]: readonly FieldNode[],
  ): void {
    const role = guarded ? roleFor(guarded) : null;
    if (role !== null && role !== ROLES[0] && node) this.demands.set(what, { what, role, node });
  }

  private noteVariables(node: FieldNode, field: GraphQLField<unknown, unknown>): void {
    if (!node.arguments?.length || this.withKnownVariables.has(node)) return;
    this.withKnownVariables.add(node);
    for (const { name, value } of node.arguments) {
      const type = field.args.find((argument) => argument.name === name.value)?.type;
      this.noteVariable(value, type, true);
    }
  }

  private noteVariable(value: ValueNode, type: GraphQLInputType | undefined, isArgument: boolean): void {
    const plain = type && getNullableType(type);
    if (value.kind === Kind.VARIABLE) {
      if (!isArgument) this.needed.add(value.name.value);
      if (isNonNullType(type)) this.required.add(value.name.value);
    } else if (value.kind === Kind.LIST) {
      const item = isListType(plain) ? (plain.ofType as GraphQLInputType) : plain;
      for (const each of value.values) this.noteVariable(each, item, false);
    } else if (value.kind === Kind.OBJECT) {
      const fields = isInputObjectType(plain) ? plain.getFields() : {};
      for (const each of value.fields) this.noteVariable(each.value, fields[each.name.value]?.type, false);
    }
  }

  private stop(
    limit: keyof QueryLimits,
    asked: number,
    toTheEnd: boolean,
    allowed = this.limits[limit],
  ): void {
    if (this.limits === NO_LIMITS) return;
    throw new LimitExceeded(limitExceeded(limit, asked, allowed, toTheEnd));
  }
}

interface Entered {
  readonly type: string;
  readonly inner: readonly AskedField[];
  readonly innerTimes: number;
}

const INTROSPECTION: Readonly<Record<string, string>> = { __schema: '__Schema', __type: '__Type' };

function fieldOf(
  type: GraphQLNamedType | undefined,
  name: string,
): GraphQLField<unknown, unknown> | undefined {
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}
