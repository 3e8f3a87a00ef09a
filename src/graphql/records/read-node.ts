import type { Revision } from '../../model/revision.js';
import type { ListedKind } from '../../resources/kind.js';
import type { ListSpec } from '../lists/asked-list.js';
import type { ReadArgs } from '../lists/read-args.js';
import type { View } from '../lists/view.js';
import { chooseIntegration } from '../request/choose-integrations.js';
import type { Means } from '../request/services.js';
import { readRecord } from './read-record.js';
import type { RecordNode } from './record.type.js';
import { CAMPAIGNS, CASES, THREATS } from './records.js';

/** One record by Abnormal's own id. */
export async function readNode<K extends ListedKind, T>(
  means: Means,
  spec: ListSpec<K, T>,
  id: string,
  args: ReadArgs & { readonly integration?: string | null },
): Promise<T | null> {
  const integration = await chooseIntegration(means, args.integration);
  const seen = await readRecord<K>(means, { integration, kind: spec.kind, id }, args);
  return seen && spec.toNode(seen.revision, seen.view);
}

/** The node that a revision of any listed kind is. */
export function toRecordNode(revision: Revision<ListedKind>, view: View): RecordNode {
  const { kind } = revision.key;
  if (kind === 'case') return CASES.toNode(revision as Revision<'case'>, view);
  if (kind === 'threat') return THREATS.toNode(revision as Revision<'threat'>, view);
  return CAMPAIGNS.toNode(revision as Revision<'campaign'>, view);
}
