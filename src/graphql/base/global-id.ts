import { KIND_OF, type ListedKind } from '../../resources/registry.js';
import { badInput } from './errors.js';

/** The types that `node(id)` finds. */
export const NODE_TYPES = ['Case', 'Threat', 'Campaign', 'Run', 'Integration'] as const;
export type NodeType = (typeof NODE_TYPES)[number];

export interface GlobalId {
  readonly type: NodeType;
  readonly integration: string;
  /** The id within the integration, as Abnormal or the gateway gave it. */
  readonly id: string;
}

/** The type of each listed kind's nodes. */
export const TYPE_OF = {
  threat: 'Threat',
  case: 'Case',
  campaign: 'Campaign',
} as const satisfies Record<ListedKind, NodeType>;

/** The kind behind a node type; undefined for types that are no records. */
export function kindOfType(type: NodeType): ListedKind | undefined {
  return Object.values(KIND_OF).find((kind) => TYPE_OF[kind] === type);
}

/** The id of a node, unique over all types and integrations. */
export function toGlobalId(type: NodeType, integration: string, id: string): string {
  return Buffer.from(`${type} ${integration} ${id}`).toString('base64url');
}

/** Reads what `toGlobalId` wrote; anything else is the caller's error. */
export function parseGlobalId(globalId: string): GlobalId {
  const [type, integration, ...rest] = Buffer.from(globalId, 'base64url').toString().split(' ');
  const known = NODE_TYPES.find((name) => name === type);
  const id = rest.join(' ');
  if (known && integration && id && toGlobalId(known, integration, id) === globalId) {
    return { type: known, integration, id };
  }
  throw badInput(
    `${JSON.stringify(globalId)} is not an id of this graph. Pass the "id" of a node. To find a record by Abnormal's own id, use case(caseId), threat(threatId) or campaign(campaignId).`,
  );
}
