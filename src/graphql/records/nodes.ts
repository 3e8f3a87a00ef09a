import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { Campaign, campaignFilter, campaignOrder } from '../campaign/campaign.type.js';
import { Case, caseFilter, caseOrder } from '../case/case.type.js';
import type { ListSpec } from '../lists/list-records.js';
import type { View } from '../lists/view.js';
import { Threat, threatFilter, threatOrder } from '../threat/threat.type.js';
import type { RecordNode } from './record.type.js';

/** Each listed kind: the node that a revision of it becomes, and how its list is filtered and ordered. */
export const NODES = {
  threat: { kind: 'threat', Node: Threat, filter: threatFilter, order: threatOrder },
  case: { kind: 'case', Node: Case, filter: caseFilter, order: caseOrder },
  campaign: { kind: 'campaign', Node: Campaign, filter: campaignFilter, order: campaignOrder },
} satisfies { readonly [K in ListedKind]: ListSpec<K, RecordNode<K>> };

export function toRecordNode(revision: RevisionRecord<ListedKind>, view: View): RecordNode {
  const { Node } = NODES[revision.key.kind];
  return new (Node as new (revision: RevisionRecord, view: View) => RecordNode)(revision, view);
}
