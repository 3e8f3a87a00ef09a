import 'reflect-metadata';
import { coerceInputValue, type GraphQLSchema, isInputType } from 'graphql';
import type { RevisionRecord } from '../model/revision.js';
import { DEFINITION_OF, isRecordMatch, type ListedKind } from '../resources/registry.js';
import { LAST_INSTANT } from '../values/instant.js';
import { TYPE_OF, toGlobalId } from './base/global-id.js';
import type { FilterInput } from './lists/filter-input.js';
import { NODES } from './records/nodes.js';
import { buildGatewaySchema } from './schema.js';

interface FilterProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

let schema: GraphQLSchema | null = null;

/** Reads a filter that was written in a file as the argument `filter` of the list of a kind. */
function readFilter(kind: ListedKind, value: unknown): { input: FilterInput; problems: FilterProblem[] } {
  schema ??= buildGatewaySchema();
  const type = schema.getType(`${DEFINITION_OF[kind].graphType}Filter`);
  if (!isInputType(type)) throw new TypeError(`The graph has no filter of ${kind}.`);
  const problems: FilterProblem[] = [];
  const input = coerceInputValue(
    value,
    type,
    (path, _value, { message }) => void problems.push({ path, message }),
  );
  return { input: input as FilterInput, problems };
}

export function filterProblems(kind: ListedKind, value: unknown): readonly FilterProblem[] {
  const { input, problems } = readFilter(kind, value);
  if (problems.length > 0) return problems;
  try {
    NODES[kind].filter.toFilter(input, { at: LAST_INSTANT, relative: [] });
    return [];
  } catch (error) {
    return [{ path: [], message: error instanceof Error ? error.message : String(error) }];
  }
}

/** Whether a version matches a valid filter; `last` counts back from when the version was recorded. */
export function matcherOf(
  kind: ListedKind,
  value: unknown,
): (revision: RevisionRecord<ListedKind>) => boolean {
  const { input } = readFilter(kind, value);
  return ({ record, observedFrom }) => {
    const filter = NODES[kind].filter.toFilter(input, { at: observedFrom, relative: [] });
    return filter === null || isRecordMatch(kind, record, filter);
  };
}

/** The global id of a record, and a query for it as it was recorded, as a link to the gateway at `address`. */
export function recordLink({ key, observedFrom }: RevisionRecord<ListedKind>, address: string | undefined) {
  const nodeId = toGlobalId(TYPE_OF[key.kind], key.integration, key.id);
  if (address === undefined) return { nodeId };
  const query = `{record(id:"${nodeId}",asOf:"${observedFrom}"){__typename id deletedAt provenance{digest}}}`;
  return { nodeId, link: `${address.replace(/\/+$/, '')}/graphql?query=${encodeURIComponent(query)}` };
}
