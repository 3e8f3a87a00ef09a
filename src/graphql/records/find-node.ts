import type { ListedKind } from '../../resources/kind.js';
import { badInput } from '../base/errors.js';
import { type GlobalId, kindOfType, parseGlobalId } from '../base/global-id.js';
import { Run } from '../collection/run.type.js';
import { readIntegrations } from '../integration/read-integrations.js';
import { LARGEST_PAGE } from '../lists/page-args.js';
import type { ReadArgs } from '../lists/read-args.js';
import type { Means } from '../request/services.js';
import type { Node } from './node.type.js';
import { toRecordNode } from './read-node.js';
import { readRecord } from './read-record.js';

/** The node with a global id; `null` where there is none. A malformed id is the caller's error. */
export async function findNode(id: string, args: ReadArgs, means: Means): Promise<Node | null> {
  return find(parseGlobalId(id), args, means);
}

/** The nodes with these ids, each in its place; one that cannot be had fails alone. */
export function findNodes(ids: readonly string[], args: ReadArgs, means: Means): Promise<Node | null>[] {
  if (ids.length > LARGEST_PAGE) {
    throw badInput(`Up to ${LARGEST_PAGE} ids may be given; there are ${ids.length}.`);
  }
  return ids.map(parseGlobalId).map((id) => find(id, args, means));
}

async function find({ type, integration, id }: GlobalId, args: ReadArgs, means: Means) {
  const kind = kindOfType(type);
  if (kind) return findRecord(kind, integration, id, args, means);
  if (type === 'Run') {
    const run = await means.loaders.runs.load(id);
    return run && run.integration === integration ? new Run(run) : null;
  }
  const integrations = await readIntegrations(means);
  return integrations.find(({ name }) => name === id) ?? null;
}

async function findRecord(
  kind: ListedKind,
  integration: string,
  id: string,
  args: ReadArgs,
  means: Means,
): Promise<Node | null> {
  const seen = await readRecord(means, { integration, kind, id }, args);
  return seen && toRecordNode(seen.revision, seen.view);
}
