import { DEFAULT_PAGE, LARGEST_PAGE } from '../lists/page-args.js';
import { CALL_PRICE } from './cost-table.js';

export type Variables = Readonly<Record<string, unknown>>;

/** A number, or how it comes of the variables. */
export type Amount = number | ((variables: Variables) => number);

/** One field that costs something, or under which something does. */
export interface PricedField {
  /** Its place in the answer. */
  readonly key: string;
  /** Times that it is resolved for each of its parents. */
  readonly items: Amount;
  /** How those items are met with in the answer: as nodes of a page, or as the value itself. */
  readonly shape: 'PAGE' | 'VALUE';
  /** Whether the items are nodes that count. */
  readonly counts: boolean;
  /** Flat, for each parent. */
  readonly price: number;
  /** Requests to Abnormal that it may cause, for each parent. */
  readonly calls: Amount;
  /** Whether everything below is as it was, by its arguments or by what it is. */
  readonly past: (variables: Variables) => boolean;
  readonly children: readonly PricedField[];
  /** Of a page: where its nodes stand in the answer, each with what is below. */
  readonly nodes: readonly NodesField[];
}

/** `nodes`, or `edges` with the `node` in them. */
export interface NodesField {
  readonly key: string;
  /** The place of the node within each item; `null`: the item is the node, or the node is not asked for. */
  readonly inner: string | null;
  readonly children: readonly PricedField[];
}

/** How many nodes a page is asked to have. What is no page size is refused later, and costs nothing. */
export function pageSize(first: unknown, last: unknown): number {
  const asked = first ?? last ?? DEFAULT_PAGE;
  return typeof asked === 'number' && asked >= 0 ? Math.min(asked, LARGEST_PAGE) : 0;
}

function amount(value: Amount, variables: Variables): number {
  return typeof value === 'number' ? value : value(variables);
}

/** What an operation may cost at most, with these variables. */
export function requestedCost(fields: readonly PricedField[], variables: Variables): number {
  return sum(fields, variables, 1, false);
}

function sum(fields: readonly PricedField[], variables: Variables, times: number, isPast: boolean): number {
  let cost = 0;
  for (const field of fields) cost += costOf(field, variables, times, isPast);
  return cost;
}

function costOf(field: PricedField, variables: Variables, times: number, wasPast: boolean): number {
  const isPast = wasPast || field.past(variables);
  const items = times * amount(field.items, variables);
  const calls = isPast ? 0 : times * amount(field.calls, variables) * CALL_PRICE;
  let cost = times * field.price + calls + (field.counts ? items : 0);
  cost += sum(field.children, variables, field.shape === 'PAGE' ? times : items, isPast);
  for (const { children } of field.nodes) cost += sum(children, variables, items, isPast);
  return cost;
}

/** What was given, by the answer: the nodes in it, and what has a price of its own. */
export function givenCost(fields: readonly PricedField[], data: unknown): number {
  if (Array.isArray(data)) return data.reduce((cost: number, item) => cost + givenCost(fields, item), 0);
  if (typeof data !== 'object' || data === null) return 0;
  let cost = 0;
  for (const field of fields) cost += givenBy(field, (data as Record<string, unknown>)[field.key]);
  return cost;
}

function givenBy(field: PricedField, value: unknown): number {
  if (value === undefined || value === null) return 0;
  let cost = field.price + givenCost(field.children, value);
  if (field.shape === 'VALUE') return cost + (field.counts ? lengthOf(value) : 0);
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

function lengthOf(value: unknown): number {
  return Array.isArray(value) ? value.filter((item) => item !== null).length : 1;
}
