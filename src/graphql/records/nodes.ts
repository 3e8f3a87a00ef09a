import type { RevisionRecord } from '../../model/revision.js';
import type { ListedKind } from '../../resources/registry.js';
import { Campaign, campaignFilter, campaignOrder } from '../campaign/campaign.type.js';
import { Case, caseFilter, caseOrder } from '../case/case.type.js';
import type { ListSpec } from '../lists/list-records.js';
import type { ReadArgs } from '../lists/order-args.js';
import type { View } from '../lists/view.js';
import { chooseIntegration, type RequestServices } from '../request/services.js';
import { Threat, threatFilter, threatOrder } from '../threat/threat.type.js';
import { readRecord } from './read-record.js';
import type { RecordNode } from './record.type.js';

/*
 * Each listed kind: how it is filtered and ordered, and the node that a revision of it becomes.
 */

export const CASES: ListSpec<'case', Case> = {
  kind: 'case',
  filter: caseFilter,
  order: caseOrder,
  toNode: (revision, view) => new Case(revision, view),
};

export const THREATS: ListSpec<'threat', Threat> = {
  kind: 'threat',
  filter: threatFilter,
  order: threatOrder,
  toNode: (revision, view) => new Threat(revision, view),
};

export const CAMPAIGNS: ListSpec<'campaign', Campaign> = {
  kind: 'campaign',
  filter: campaignFilter,
  order: campaignOrder,
  toNode: (revision, view) => new Campaign(revision, view),
};

/** One record by Abnormal's own id. */
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

/** The node that a revision of any listed kind is. */
export function toRecordNode(revision: RevisionRecord<ListedKind>, view: View): RecordNode {
  const { kind } = revision.key;
  if (kind === 'case') return CASES.toNode(revision as RevisionRecord<'case'>, view);
  if (kind === 'threat') return THREATS.toNode(revision as RevisionRecord<'threat'>, view);
  return CAMPAIGNS.toNode(revision as RevisionRecord<'campaign'>, view);
}
