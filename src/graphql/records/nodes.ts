import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { Campaign, campaignFilter, campaignOrder } from '../campaign/campaign.type.js';
import { Case, caseFilter, caseOrder } from '../case/case.type.js';
import type { KindFilter } from '../lists/filter-args.js';
import type { ListSpec } from '../lists/list-records.js';
import type { KindOrder, ReadArgs } from '../lists/order-args.js';
import type { View } from '../lists/view.js';
import { chooseIntegration, type RequestServices } from '../request/services.js';
import { Threat, threatFilter, threatOrder } from '../threat/threat.type.js';
import { readRecord } from './read-record.js';
import type { RecordNode } from './record.type.js';

/** Each listed kind: the node that a revision of it becomes, and how its list is filtered and ordered. */
export const NODES = {
  threat: nodeOf('threat', Threat, threatFilter, threatOrder),
  case: nodeOf('case', Case, caseFilter, caseOrder),
  campaign: nodeOf('campaign', Campaign, campaignFilter, campaignOrder),
} satisfies { readonly [K in ListedKind]: ListSpec<K, RecordNode<K>> };

function nodeOf<K extends ListedKind, T extends RecordNode<K>>(
  kind: K,
  Node: new (revision: RevisionRecord<K>, view: View) => T,
  filter: KindFilter,
  order: KindOrder,
): ListSpec<K, T> {
  return { kind, filter, order, toNode: (revision, view) => new Node(revision, view) };
}

export async function readNode<K extends ListedKind, T>(
  services: RequestServices,
  spec: ListSpec<K, T>,
  id: string,
  args: ReadArgs & { readonly integration?: string | null },
): Promise<T | null> {
  const integration = await chooseIntegration(services, args.integration);
  const seen = await readRecord<K>(services, { integration, kind: spec.kind, id }, args);
  return seen && spec.toNode(seen.revision, seen.view);
}

export function toRecordNode(revision: RevisionRecord<ListedKind>, view: View): RecordNode {
  const toNode = NODES[revision.key.kind].toNode as (
    revision: RevisionRecord<ListedKind>,
    view: View,
  ) => RecordNode;
  return toNode(revision, view);
}
