import {
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { ROLES, type Role } from '../../values/access.js';
import type { QueryLimits } from '../../values/request-limits.js';
import { queryError } from '../base/errors.js';
import { type AnalysedOperation, type CostNode, costRuleOf, type NodesField } from './cost-estimate.js';
import { roleFor } from './guard.js';
import { type AskedField, type LimitError, limitExceeded, selectedFields } from './query-document.js';

/** More fields of one name in one place than anybody writes: to compare them with one another takes their square. */
const MOST_ALIKE = 100;

/** What stops a walk through an operation. */
class Beyond extends Error {
  constructor(readonly refusal: LimitError) {
    super(refusal.message);
  }
}

/** Whether a document, whatever it does, has too much of something that can be counted as it stands. */
export function measureDocument(document: DocumentNode, limits: QueryLimits): LimitError | null {
  let aliases = 0;
  let fragments = 0;
  visit(document, {
    Field: ({ alias }) => {
      if (alias) aliases += 1;
    },
    FragmentDefinition: () => {
      fragments += 1;
    },
  });
  if (aliases > limits.aliases) return limitExceeded('aliases', aliases, limits.aliases);
  return fragments > limits.fragments ? limitExceeded('fragments', fragments, limits.fragments) : null;
}

/**
 * Walks through an operation as it will be answered, and finds out what it costs; or says which limit it goes
 * beyond. A document that is not valid is measured as far as it makes sense: what is wrong with it is found later.
 */
export function analyseOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: QueryLimits,
): AnalysedOperation | LimitError {
  try {
    return { fields: new Walk(schema, document, operation, limits).fields() };
  } catch (error) {
    if (error instanceof Beyond) return error.refusal;
    throw error;
  }
}

class Walk {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private walked = 0;

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

  fields(): CostNode[] {
    const root = this.schema.getRootType(this.operation.operation)?.name ?? '';
    const roots = selectedFields([this.operation.selectionSet], root, this.fragments);
    if (roots.length > this.limits.roots) this.stop('roots', roots.length, true);
    return this.withCostExtension(roots, 1);
  }

  private withCostExtension(asked: readonly AskedField[], depth: number): CostNode[] {
    return asked.flatMap((field) => this.price(field, depth) ?? []);
  }

  private price(asked: AskedField, depth: number): CostNode | null {
    this.walked += asked.nodes.length;
    if (this.walked > this.limits.fields) this.stop('fields', this.walked, false);
    if (asked.nodes.length > MOST_ALIKE) this.stop('fields', asked.nodes.length, true, MOST_ALIKE);
    const deepest = isIntrospection(asked) ? 2 * this.limits.depth : this.limits.depth;
    if (depth > deepest) this.stop('depth', depth, false, deepest);
    const given = this.typeOf(asked);
    const parts = costRuleOf(asked, given.endsWith('Connection'), this.operation);
    const inner = selectedFields(selectionsOf(asked), given, this.fragments);
    if (parts.shape === 'VALUE') {
      const children = this.withCostExtension(inner, depth + 1);
      const isFree = !parts.counts && parts.price === 0 && parts.calls === 0 && children.length === 0;
      return isFree ? null : { ...parts, key: asked.key, children, nodes: [] };
    }
    const lists = inner.filter(({ name }) => name === 'nodes' || name === 'edges');
    const rest = inner.filter((field) => !lists.includes(field));
    const nodes = lists.flatMap((list) => this.nodesOf(list, depth + 1));
    return { ...parts, key: asked.key, children: this.withCostExtension(rest, depth + 1), nodes };
  }

  /** The nodes of a page, through one of the two ways to them. */
  private nodesOf(list: AskedField, depth: number): NodesField[] {
    const { key } = list;
    this.walked += list.nodes.length;
    const inner = selectedFields(selectionsOf(list), this.typeOf(list), this.fragments);
    if (list.name === 'nodes')
      return [{ key, inner: null, children: this.withCostExtension(inner, depth + 1) }];
    const found = inner.flatMap((field) => {
      if (field.name !== 'node') return [];
      this.walked += field.nodes.length;
      const below = selectedFields(selectionsOf(field), this.typeOf(field), this.fragments);
      return [{ key, inner: field.key, children: this.withCostExtension(below, depth + 2) }];
    });
    return found.length > 0 ? found : [{ key, inner: null, children: [] }];
  }

  private typeOf({ type, name }: AskedField): string {
    if (name === '__schema') return '__Schema';
    if (name === '__type') return '__Type';
    const parent = this.schema.getType(type);
    if (!isObjectType(parent) && !isInterfaceType(parent)) return '';
    return getNamedType(parent.getFields()[name]?.type)?.name ?? '';
  }

  private stop(
    limit: keyof QueryLimits,
    asked: number,
    toTheEnd: boolean,
    allowed = this.limits[limit],
  ): never {
    throw new Beyond(limitExceeded(limit, asked, allowed, toTheEnd));
  }
}

function selectionsOf({ nodes }: AskedField): SelectionSetNode[] {
  return nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
}

/** The schema's description of itself is asked for deeper than any data; graphql-js refuses to go round in it. */
function isIntrospection({ type }: AskedField): boolean {
  return type.startsWith('__');
}

/** A place of a query that asks for a role. */
interface Demand {
  /** What is guarded, as `Type.field`. */
  readonly what: string;
  readonly role: Role;
  readonly node: ASTNode;
}

/** What one operation asks for. */
interface Demands {
  /** The role that may have all of it. */
  readonly role: Role;
  readonly all: readonly Demand[];
}

/** What a part of a document asks for itself, and the fragments that it takes in. */
interface Part {
  readonly demands: Demand[];
  readonly spreads: Set<string>;
}

/** Who may run what: found out once for each operation of a document, from the guards in the schema. */
export class Access {
  readonly #known = new WeakMap<DocumentNode, Map<string | null, Demands>>();

  constructor(private readonly schema: GraphQLSchema) {}

  /** Why a caller of the role `has` may not run an operation, which has to be valid; `null` where it may. */
  refusal(document: DocumentNode, operationName: string | null, has: Role): GraphQLError[] | null {
    const { role, all } = this.#demandsOf(document, operationName);
    if (includes(has, role)) return null;
    return all.filter((demand) => !includes(has, demand.role)).map((demand) => forbidden(demand, has));
  }

  #demandsOf(document: DocumentNode, operationName: string | null): Demands {
    const ofDocument = this.#known.get(document) ?? new Map<string | null, Demands>();
    this.#known.set(document, ofDocument);
    const known = ofDocument.get(operationName);
    if (known) return known;
    const demands = findDemands(this.schema, document, operationName);
    // names that nothing has would be kept for as long as the document is
    if (getOperationAST(document, operationName)) ofDocument.set(operationName, demands);
    return demands;
  }
}

function includes(has: Role, asked: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(asked);
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

function findDemands(schema: GraphQLSchema, document: DocumentNode, operationName: string | null): Demands {
  const operation = getOperationAST(document, operationName);
  const parts = partsOf(schema, document);
  const first = operation && parts.get(operation);
  const reached = first ? withFragments(first, document, parts) : [];
  // one word for each thing that is guarded, however often it is asked for
  const all = [...new Map(reached.flatMap((part) => part.demands).map((each) => [each.what, each])).values()];
  const role = ROLES.findLast((each) => all.some((demand) => demand.role === each)) ?? 'reader';
  return { role, all };
}

function withFragments(first: Part, document: DocumentNode, parts: ReadonlyMap<ASTNode, Part>): Part[] {
  const byName = new Map(
    document.definitions.flatMap((node) =>
      node.kind === Kind.FRAGMENT_DEFINITION ? [[node.name.value, parts.get(node)] as const] : [],
    ),
  );
  const reached = new Set([first]);
  // a set is walked on through what is added meanwhile
  for (const part of reached) {
    for (const name of part.spreads) {
      const fragment = byName.get(name);
      if (fragment) reached.add(fragment);
    }
  }
  return [...reached];
}

function partsOf(schema: GraphQLSchema, document: DocumentNode): Map<ASTNode, Part> {
  const parts = new Map<ASTNode, Part>();
  for (const definition of document.definitions) parts.set(definition, partOf(schema, definition));
  return parts;
}

function partOf(schema: GraphQLSchema, definition: ASTNode): Part {
  const part: Part = { demands: [], spreads: new Set() };
  const types = new TypeInfo(schema);
  visit(
    definition,
    visitWithTypeInfo(types, {
      Field: (node) => void part.demands.push(...demandsAt(schema, types, node)),
      FragmentSpread: ({ name }) => void part.spreads.add(name.value),
    }),
  );
  return part;
}

/** What the field at hand asks for: by itself, by the type it is of, and by the type it gives. */
function demandsAt(schema: GraphQLSchema, types: TypeInfo, node: ASTNode): Demand[] {
  const field = types.getFieldDef();
  const parent = types.getParentType();
  if (!field || !parent) return [];
  // asked for by an interface, it may come from any type that has it
  const parents = isInterfaceType(parent) ? [parent, ...schema.getPossibleTypes(parent)] : [parent];
  const fields = parents.flatMap((type) => {
    const own = 'getFields' in type ? type.getFields()[field.name] : undefined;
    return own ? [{ what: `${type.name}.${field.name}`, role: roleFor(own) }] : [];
  });
  const given = getNamedType(field.type);
  const typed = [parent, given].map((type) => ({ what: type.name, role: roleFor(type) }));
  return [...fields, ...typed].flatMap(({ what, role }) => (role === null ? [] : [{ what, role, node }]));
}
