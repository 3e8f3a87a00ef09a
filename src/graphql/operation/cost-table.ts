import { DEFINITION_OF } from '../../resources/registry.js';

// Prices in nodes: a node of a list costs 1, everything else about as much as it keeps the gateway or
// Abnormal busy.

/** One request to Abnormal. A cost of 20,000 is two thirds of an account's requests per minute. */
export const CALL_PRICE = 100;

/** Per resolved field, in addition to its nodes. By `Type.field`. */
export const FIELD_PRICES: Readonly<Record<string, number>> = {
  // the complete schema has over a thousand fields
  'Query.__schema': 1_000,
  'Query.__type': 50,
  // reads every record of the period
  'Query.evidence': 2_000,
  'Query.population': 2_000,
  'Evidence.trend': 2_000,
  'ControlResult.exceptions': 200,
  // walks through all of them
  'RevisionConnection.totalCount': 100,
  'ChangeConnection.totalCount': 100,
  'Revision.received': 1,
  'Revision.fieldChanges': 1,
};

/** By the name of a field that many types have. */
export const COMMON_PRICES: Readonly<Record<string, number>> = {
  ...{ totalCount: 10, coverage: 5 },
  // each is one more scan for all groups and buckets, 10,000 of them at most
  ...{ distinct: 20, duration: 20 },
};

const LISTED = Object.values(DEFINITION_OF);

/** Read from Abnormal on demand, unless the view is of the past. */
export const ON_DEMAND: ReadonlySet<string> = new Set([
  ...LISTED.flatMap(({ kind, resource, graphType, parts }) => [
    ...[`Query.${kind}`, `Query.${resource}`],
    ...parts.map(({ graphField }) => `${graphType}.${graphField}`),
  ]),
  'Query.node',
  'Query.nodes',
  'Query.record',
]);

/** Everything below these is read in a view of the past. */
export const OF_THE_PAST: ReadonlySet<string> = new Set([
  'Revision.node',
  'ControlException.record',
  'PopulationMember.record',
]);

/** The maximum length of lists without pages whose items have fields with a price. */
export const LIST_LENGTHS: Readonly<Record<string, number>> = {
  'Evidence.results': 10,
  'NoLongerGiven.members': 100,
};

export const SINGLE_NODES: ReadonlySet<string> = new Set([
  ...LISTED.map(({ kind }) => `Query.${kind}`),
  'Query.node',
  'Query.record',
]);
