import { Kind, type OperationDefinitionNode, type ValueNode, valueFromASTUntyped } from 'graphql';
import { type Amount, type PricedField, pageSize, type Variables } from './cost-plan.js';
import {
  CALL_PRICE,
  COMMON_PRICES,
  FIELD_PRICES,
  LIST_LENGTHS,
  OF_THE_PAST,
  ON_DEMAND,
  SINGLE_NODES,
} from './cost-table.js';
import type { AskedField } from './fields-of.js';

/** What one argument is: as it stands, or by the variables. */
type Given = { readonly value: unknown } | { readonly by: (variables: Variables) => unknown };

/** What a field costs by itself, without what is below it. */
export function priceOf(
  asked: AskedField,
  isPage: boolean,
  operation: OperationDefinitionNode,
): Omit<PricedField, 'key' | 'children' | 'nodes'> {
  const name = `${asked.type}.${asked.name}`;
  const given = (argument: string) => argumentOf(asked, argument, operation);
  const isNodes = name === 'Query.nodes';
  const items = isPage
    ? amountBy(pageSize, given('first'), given('last'))
    : isNodes
      ? amountBy(lengthOf, given('ids'))
      : (LIST_LENGTHS[name] ?? 1);
  return {
    items,
    price: FIELD_PRICES[name] ?? COMMON_PRICES[asked.name] ?? (asked.type === 'Mutation' ? CALL_PRICE : 0),
    shape: isPage ? 'PAGE' : 'VALUE',
    counts: isPage || isNodes || SINGLE_NODES.has(name),
    calls: callsOf(name, items, isPage, given),
    past: pastBy(name, given('asOf')),
  };
}

function callsOf(name: string, items: Amount, isPage: boolean, given: (argument: string) => Given): Amount {
  if (!ON_DEMAND.has(name)) return 0;
  if (!isPage) return items;
  // a cursor's view is read as it is
  return amountBy(
    (after, before) => (isSaid(after) || isSaid(before) ? 0 : 1),
    given('after'),
    given('before'),
  );
}

function pastBy(name: string, asOf: Given): PricedField['past'] {
  if (OF_THE_PAST.has(name)) return () => true;
  if ('value' in asOf) return isSaid(asOf.value) ? () => true : () => false;
  return (variables) => isSaid(asOf.by(variables));
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function lengthOf(list: unknown): number {
  if (Array.isArray(list)) return list.length;
  return isSaid(list) ? 1 : 0;
}

/** Reckons at once where no variable has a part in it. */
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
