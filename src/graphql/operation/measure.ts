import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from 'graphql';
import type { QueryLimits } from '../../values/request-limits.js';
import type { NodesField, PricedField } from './cost-plan.js';
import { type AskedField, fieldsOf } from './fields-of.js';
import { priceOf } from './price-of.js';
import { beyond, type Refusal } from './refusal.js';

/** An operation that is within the limits: what it costs by its variables. */
export interface Measured {
  readonly fields: readonly PricedField[];
}

/** More fields of one name in one place than anybody writes: to compare them with one another takes their square. */
const MOST_ALIKE = 100;

/** What stops a walk through an operation. */
class Beyond extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.message);
  }
}

/** Whether a document, whatever it does, has too much of something that can be counted as it stands. */
export function measureDocument(document: DocumentNode, limits: QueryLimits): Refusal | null {
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
  if (aliases > limits.aliases) return beyond('aliases', aliases, limits.aliases);
  return fragments > limits.fragments ? beyond('fragments', fragments, limits.fragments) : null;
}

/**
 * Walks through an operation as it will be answered, and finds out what it costs; or says which limit it goes
 * beyond. A document that is not valid is measured as far as it makes sense: what is wrong with it is found later.
 */
export function measureOperation(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: QueryLimits,
): Measured | Refusal {
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

  fields(): PricedField[] {
    const root = this.schema.getRootType(this.operation.operation)?.name ?? '';
    const roots = fieldsOf([this.operation.selectionSet], root, this.fragments);
    if (roots.length > this.limits.roots) this.stop('roots', roots.length, true);
    return this.priced(roots, 1);
  }

  private priced(asked: readonly AskedField[], depth: number): PricedField[] {
    return asked.flatMap((field) => this.price(field, depth) ?? []);
  }

  private price(asked: AskedField, depth: number): PricedField | null {
    this.walked += asked.nodes.length;
    if (this.walked > this.limits.fields) this.stop('fields', this.walked, false);
    if (asked.nodes.length > MOST_ALIKE) this.stop('fields', asked.nodes.length, true, MOST_ALIKE);
    const deepest = isIntrospection(asked) ? 2 * this.limits.depth : this.limits.depth;
    if (depth > deepest) this.stop('depth', depth, false, deepest);
    const given = this.typeOf(asked);
    const parts = priceOf(asked, given.endsWith('Connection'), this.operation);
    const inner = fieldsOf(selectionsOf(asked), given, this.fragments);
    if (parts.shape === 'VALUE') {
      const children = this.priced(inner, depth + 1);
      const isFree = !parts.counts && parts.price === 0 && parts.calls === 0 && children.length === 0;
      return isFree ? null : { ...parts, key: asked.key, children, nodes: [] };
    }
    const lists = inner.filter(({ name }) => name === 'nodes' || name === 'edges');
    const rest = inner.filter((field) => !lists.includes(field));
    const nodes = lists.flatMap((list) => this.nodesOf(list, depth + 1));
    return { ...parts, key: asked.key, children: this.priced(rest, depth + 1), nodes };
  }

  /** The nodes of a page, through one of the two ways to them. */
  private nodesOf(list: AskedField, depth: number): NodesField[] {
    const { key } = list;
    this.walked += list.nodes.length;
    const inner = fieldsOf(selectionsOf(list), this.typeOf(list), this.fragments);
    if (list.name === 'nodes') return [{ key, inner: null, children: this.priced(inner, depth + 1) }];
    const found = inner.flatMap((field) => {
      if (field.name !== 'node') return [];
      this.walked += field.nodes.length;
      const below = fieldsOf(selectionsOf(field), this.typeOf(field), this.fragments);
      return [{ key, inner: field.key, children: this.priced(below, depth + 2) }];
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
    throw new Beyond(beyond(limit, asked, allowed, toTheEnd));
  }
}

function selectionsOf({ nodes }: AskedField): SelectionSetNode[] {
  return nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
}

/** The schema's description of itself is asked for deeper than any data; graphql-js refuses to go round in it. */
function isIntrospection({ type }: AskedField): boolean {
  return type.startsWith('__');
}
