import { DEFINITION_OF } from '../../resources/registry.js';

/*
 * What things cost, in nodes: a node of a list costs 1, and everything else is set against that by about how
 * long it keeps the gateway, or Abnormal, busy.
 */

/** One request to Abnormal. 20,000 is then two thirds of what an account may be sent in a minute. */
export const CALL_PRICE = 100;

/** Once for each time that a field is resolved, on top of the nodes that it gives. By `Type.field`. */
export const FIELD_PRICES: Readonly<Record<string, number>> = {
  // described in full, the schema is a thousand fields and more
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

/** For the fields that are the same on many types. By the field's name. */
export const COMMON_PRICES: Readonly<Record<string, number>> = { totalCount: 10, coverage: 5 };

const LISTED = Object.values(DEFINITION_OF);

/** What is read from Abnormal when somebody asks, unless the view is of the past. */
export const ON_DEMAND: ReadonlySet<string> = new Set([
  ...LISTED.flatMap(({ kind, resource, graphType, parts }) => [
    ...[`Query.${kind}`, `Query.${resource}`],
    ...parts.map(({ graphField }) => `${graphType}.${graphField}`),
  ]),
  'Query.node',
  'Query.nodes',
  'Query.record',
]);

/** Below these everything is as it was, and Abnormal is not asked. */
export const OF_THE_PAST: ReadonlySet<string> = new Set([
  'Revision.node',
  'ControlException.record',
  'PopulationMember.record',
]);

/** Lists that are no connections, with how long they are at most, where what hangs off their items has a price. */
export const LIST_LENGTHS: Readonly<Record<string, number>> = {
  'Evidence.results': 10,
  'NoLongerGiven.members': 100,
};

/** Fields that give one record or none. */
export const SINGLE_NODES: ReadonlySet<string> = new Set([
  ...LISTED.map(({ kind }) => `Query.${kind}`),
  'Query.node',
  'Query.record',
]);
