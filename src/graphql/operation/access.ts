import {
  type ASTNode,
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getNamedType,
  getOperationAST,
  isInterfaceType,
  Kind,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { ROLES, type Role } from '../../values/caller.js';
import { queryError } from '../base/errors.js';
import { roleFor } from './guard.js';

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
    `${what} is for the role ${role}; yours is ${has}.`,
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
