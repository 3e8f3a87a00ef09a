import { Kind, type OperationDefinitionNode, type ValueNode, valueFromASTUntyped } from 'graphql';
import { DEFINITION_OF } from '../../resources/registry.js';
import { DEFAULT_PAGE, LARGEST_PAGE } from '../lists/page.js';
import type { AskedField } from './query-document.js';

type Variables = Readonly<Record<string, unknown>>;

type Amount = number | ((variables: Variables) => number);

export interface CostNode {
  readonly key: string;
  /** How often it is resolved per parent. */
  readonly items: Amount;
  /** `PAGE`: the items are the nodes of a page; `VALUE`: the value itself. */
  readonly shape: 'PAGE' | 'VALUE';
  /** Whether each item costs 1. */
  readonly counts: boolean;
  readonly price: number;
  /** Requests to Abnormal per parent, at most. */
  readonly calls: Amount;
  /** Whether everything below is read in a view of the past. */
  readonly past: (variables: Variables) => boolean;
  readonly children: readonly CostNode[];
  /** The fields of a page that contain its nodes, with what is below. */
  readonly nodes: readonly NodesField[];
}

/** `nodes`, or `edges` with `node`. */
export interface NodesField {
  readonly key: string;
  /** The key of the node in each item; `null`: the item is the node, or the node is not selected. */
  readonly inner: string | null;
  readonly children: readonly CostNode[];
}

/** The requested size of a page. An invalid size is refused later, and costs nothing. */
function pageSize(first: unknown, last: unknown): number {
  const asked = first ?? last ?? DEFAULT_PAGE;
  return typeof asked === 'number' && asked >= 0 ? Math.min(asked, LARGEST_PAGE) : 0;
}

function amount(value: Amount, variables: Variables): number {
  return typeof value === 'number' ? value : value(variables);
}

export function requestedCost(fields: readonly CostNode[], variables: Variables): number {
  return sum(fields, variables, 1, false);
}

function sum(fields: readonly CostNode[], variables: Variables, times: number, isPast: boolean): number {
  let cost = 0;
  for (const field of fields) cost += costOf(field, variables, times, isPast);
  return cost;
}

function costOf(field: CostNode, variables: Variables, times: number, wasPast: boolean): number {
  const isPast = wasPast || field.past(variables);
  const items = times * amount(field.items, variables);
  const calls = isPast ? 0 : times * amount(field.calls, variables) * CALL_PRICE;
  let cost = times * field.price + calls + (field.counts ? items : 0);
  cost += sum(field.children, variables, field.shape === 'PAGE' ? times : items, isPast);
  for (const { children } of field.nodes) cost += sum(children, variables, items, isPast);
  return cost;
}

/** The actual cost: the nodes of the response, and fields with a price. */
export function givenCost(fields: readonly CostNode[], data: unknown): number {
  if (Array.isArray(data)) return data.reduce((cost: number, item) => cost + givenCost(fields, item), 0);
  if (typeof data !== 'object' || data === null) return 0;
  let cost = 0;
  for (const field of fields) cost += givenBy(field, (data as Record<string, unknown>)[field.key]);
  return cost;
}

function givenBy(field: CostNode, value: unknown): number {
  if (value === undefined || value === null) return 0;
  let cost = field.price + givenCost(field.children, value);
  if (field.shape === 'VALUE') return cost + (field.counts ? returnedLength(value) : 0);
  let most = 0;
  for (const { key, inner, children } of field.nodes) {
    const nodes = (value as Record<string, unknown>)[key];
    if (!Array.isArray(nodes)) continue;
    most = Math.max(most, nodes.length);
    if (children.length === 0) continue;
    if (inner === null) cost += givenCost(children, nodes);
    else for (const edge of nodes) cost += givenCost(children, edge?.[inner]);
  }
  return cost + most;
}

function returnedLength(value: unknown): number {
  return Array.isArray(value) ? value.filter((item) => item !== null).length : 1;
}

/** An argument: a value, or a function of the variables. */
type Given = { readonly value: unknown } | { readonly by: (variables: Variables) => unknown };

/** The cost of a field without its selection. */
export function costRuleOf(
  asked: AskedField,
  isPage: boolean,
  operation: OperationDefinitionNode,
): Omit<CostNode, 'key' | 'children' | 'nodes'> {
  const name = `${asked.type}.${asked.name}`;
  const given = (argument: string) => argumentOf(asked, argument, operation);
  const ids = LISTS_OF_IDS[name];
  const items = isPage
    ? amountBy(pageSize, given('first'), given('last'))
    : ids
      ? amountBy(givenLength, given(ids))
      : (LIST_LENGTHS[name] ?? 1);
  return {
    items,
    price: FIELD_PRICES[name] ?? COMMON_PRICES[asked.name] ?? (asked.type === 'Mutation' ? CALL_PRICE : 0),
    shape: isPage ? 'PAGE' : 'VALUE',
    counts: isPage || ids !== undefined || SINGLE_NODES.has(name),
    calls: callsOf(name, items, isPage, given),
    past: pastBy(name, given('asOf')),
  };
}

function callsOf(name: string, items: Amount, isPage: boolean, given: (argument: string) => Given): Amount {
  if (!ON_DEMAND.has(name)) return 0;
  if (!isPage) return items;
  // the view of a cursor is not made fresh
  return amountBy(
    (after, before) => (isSaid(after) || isSaid(before) ? 0 : 1),
    given('after'),
    given('before'),
  );
}

function pastBy(name: string, asOf: Given): CostNode['past'] {
  if (OF_THE_PAST.has(name)) return () => true;
  if ('value' in asOf) return isSaid(asOf.value) ? () => true : () => false;
  return (variables) => isSaid(asOf.by(variables));
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function givenLength(list: unknown): number {
  if (Array.isArray(list)) return list.length;
  return isSaid(list) ? 1 : 0;
}

/** Calculated at once if no variable is involved. */
function amountBy(reckon: (...values: unknown[]) => number, ...given: readonly Given[]): Amount {
  const readers = given.map((each) => ('by' in each ? each.by : () => each.value));
  const reckonBy = (variables: Variables) => reckon(...readers.map((read) => read(variables)));
  return given.some((each) => 'by' in each) ? reckonBy : reckonBy({});
}

function argumentOf(
  { nodes: [node] }: AskedField,
  name: string,
  { variableDefinitions = [] }: OperationDefinitionNode,
): Given {
  const argument = node?.arguments?.find((each) => each.name.value === name);
  if (!argument) return { value: undefined };
  if (!hasVariables(argument.value)) return { value: valueFromASTUntyped(argument.value) };
  const defaults = new Map(
    variableDefinitions.map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue && valueFromASTUntyped(defaultValue),
    ]),
  );
  const { value } = argument;
  const read = (variables: Variables, variable: string) =>
    Object.hasOwn(variables, variable) ? variables[variable] : defaults.get(variable);
  if (value.kind === Kind.VARIABLE) return { by: (variables) => read(variables, value.name.value) };
  return { by: (variables) => valueFromASTUntyped(value, { ...Object.fromEntries(defaults), ...variables }) };
}

function hasVariables(value: ValueNode): boolean {
  if (value.kind === Kind.VARIABLE) return true;
  return value.kind === Kind.LIST && value.values.some(hasVariables);
}

// Prices in nodes: a node of a list costs 1, everything else about as much as it keeps the gateway or
// Abnormal busy.

/** One request to Abnormal. A cost of 20,000 is two thirds of an account's requests per minute. */
export const CALL_PRICE = 100;

const LISTED = Object.values(DEFINITION_OF);

/** One walk through all records of a window, for the counts of all groups and buckets, 10,000 of them at most. */
const SCAN_PRICE = 20;

/** Per resolved field, in addition to its nodes. By `Type.field`. */
const FIELD_PRICES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(
    LISTED.flatMap(({ kind, items }) => [kind, ...(items ? [items.noun] : [])]).map((noun) => [
      `Query.${noun}Statistics`,
      SCAN_PRICE,
    ]),
  ),
  // the complete schema has over a thousand fields
  'Query.__schema': 1_000,
  'Query.__type': 50,
  // reads every record of the period
  'Query.evidence': 2_000,
  'Query.population': 2_000,
  'Query.posture': 4_000,
  // for all states together
  'ControlState.since': 100,
  'ControlState.trend': 50,
  'Evidence.trend': 2_000,
  'ControlResult.exceptions': 200,
  // walks through all of them
  'RevisionConnection.totalCount': 100,
  'ChangeConnection.totalCount': 100,
  'Revision.received': 1,
  'Revision.fieldChanges': 1,
};

/** By the name of a field that many types have. */
const COMMON_PRICES: Readonly<Record<string, number>> = {
  ...{ totalCount: 10, coverage: 5 },
  // each is one more
  ...{ distinct: SCAN_PRICE, duration: SCAN_PRICE },
};

/** Read from Abnormal on demand, unless the view is of the past. */
const ON_DEMAND: ReadonlySet<string> = new Set([
  ...LISTED.flatMap(({ kind, resource, graphType, parts, items }) => [
    ...[kind, resource, ...(items ? [items.graphField] : [])].map((field) => `Query.${field}`),
    ...parts.map(({ graphField }) => `${graphType}.${graphField}`),
  ]),
  'Query.node',
  'Query.nodes',
  'Query._entities',
  'Query.record',
]);

/** The argument with the ids of the nodes that a field lists. */
const LISTS_OF_IDS: Readonly<Record<string, string>> = {
  'Query.nodes': 'ids',
  'Query._entities': 'representations',
};

/** Everything below these is read in a view of the past. */
const OF_THE_PAST: ReadonlySet<string> = new Set([
  'Revision.node',
  'ControlException.record',
  'PopulationMember.record',
]);

/** The maximum length of lists without pages whose items have fields with a price. */
const LIST_LENGTHS: Readonly<Record<string, number>> = {
  'Evidence.results': 10,
  'Posture.states': 32,
  'NoLongerGiven.members': 100,
};

const SINGLE_NODES: ReadonlySet<string> = new Set([
  ...LISTED.map(({ kind }) => `Query.${kind}`),
  'Query.node',
  'Query.record',
]);

/** How many fields have a cost, with those below them. */
export function countFields(fields: readonly CostNode[]): number {
  return fields.reduce(
    (count, { children, nodes }) =>
      count + 1 + countFields(children) + nodes.reduce((sum, node) => sum + countFields(node.children), 0),
    0,
  );
}
