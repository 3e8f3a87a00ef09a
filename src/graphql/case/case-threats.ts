import type { Revision } from '../../model/revision.js';
import type { Case as CaseRecord } from '../../resources/records.js';
import { pageWithin } from '../lists/array-page.js';
import type { PageArgs } from '../lists/page-args.js';
import type { View } from '../lists/view.js';
import type { GatewayContext, Means } from '../request/services.js';
import { Threat, ThreatConnection } from '../threat/threat.type.js';
import type { Case } from './case.type.js';

const NO_WINDOW = async () => null;

/** A page of the threats that a case names, as far as they are held. */
export function threatsOfCase(root: Case, args: PageArgs, context: GatewayContext) {
  return readThreats(root, args, context.meansOfNotedRead);
}

async function readThreats(root: Case, args: PageArgs, means: Means): Promise<ThreatConnection> {
  const { key } = root.revision;
  const read = async (view: View) => {
    const record = view.seq === root.view.seq ? root.record : await recordIn(view, root, means);
    return record ? heldThreats(record, key.integration, view, means) : [];
  };
  const idOf = (threat: Threat) => threat.threatId;
  const { page, view } = await pageWithin(
    { list: 'Case.threats', owner: key, view: root.view, read, idOf },
    args,
  );
  return new ThreatConnection(page, view, NO_WINDOW);
}

/** The ids that a case names and that are not held. */
export async function missingThreatIds(root: Case, means: Means): Promise<string[]> {
  const { threatIds } = root.record;
  const revisions = await load(threatIds, root.revision.key.integration, root.view, means);
  return threatIds.filter((_, index) => revisions[index] === null);
}

async function recordIn(view: View, root: Case, means: Means): Promise<CaseRecord | null> {
  const revision = await means.loaders.records.load<'case'>(root.revision.key, view.seq);
  return revision?.record ?? null;
}

async function heldThreats(record: CaseRecord, integration: string, view: View, means: Means) {
  const revisions = await load([...new Set(record.threatIds)], integration, view, means);
  return revisions.flatMap((revision) => (revision ? [new Threat(revision, view)] : []));
}

function load(
  ids: readonly string[],
  integration: string,
  view: View,
  means: Means,
): Promise<readonly (Revision<'threat'> | null)[]> {
  const keys = ids.map((id) => ({ integration, kind: 'threat', id }) as const);
  return means.loaders.records.loadAll('threat', keys, view.seq);
}
