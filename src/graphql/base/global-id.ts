import { byKind, type GraphType, ID_NAMES, LISTED_KINDS, type ListedKind } from '../../resources/registry.js';
import { badInput } from './errors.js';

export const TYPE_OF = byKind(({ graphType }) => graphType);

/** The types that `node(id)` finds. */
type NodeType = GraphType | 'Message' | 'Run' | 'Integration';
const NODE_TYPES: readonly NodeType[] = [...Object.values(TYPE_OF), 'Message', 'Run', 'Integration'];

export interface GlobalId {
  readonly type: NodeType;
  readonly integration: string;
  /** The id within the integration: Abnormal's, or the gateway's own. */
  readonly id: string;
}

/** Undefined for types that are not records. */
export function kindOfType(type: NodeType): ListedKind | undefined {
  return LISTED_KINDS.find((kind) => TYPE_OF[kind] === type);
}

export function toGlobalId(type: NodeType, integration: string, id: string): string {
  return Buffer.from(`${type} ${integration} ${id}`).toString('base64url');
}

const ROOTS = new Intl.ListFormat('en-GB', { type: 'disjunction' }).format(
  LISTED_KINDS.map((kind) => `${kind}(${ID_NAMES[kind]})`),
);

/** Throws an error for the caller if `toGlobalId` did not write it. */
export function parseGlobalId(globalId: string): GlobalId {
  const [type, integration, ...rest] = Buffer.from(globalId, 'base64url').toString().split(' ');
  const known = NODE_TYPES.find((name) => name === type);
  const id = rest.join(' ');
  if (known && integration && id && toGlobalId(known, integration, id) === globalId) {
    return { type: known, integration, id };
  }
  throw badInput(
    `${JSON.stringify(globalId)} is not an id of this graph: give an "id" as one of its nodes has it. To look a record up by Abnormal's own id, use ${ROOTS}.`,
    'id',
  );
}
