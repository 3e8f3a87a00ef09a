import type { Case as CaseRecord } from '../model/records.js';
import type { Revision } from '../model/revision.js';
import type { Case } from './case.type.js';
import type { GatewayContext } from './context.js';
import type { PageArgs } from './page-args.js';
import { type PageWithin, pageWithin } from './page-within.js';
import { Threat, ThreatConnection } from './threat.type.js';
import type { View } from './view.js';

/** A page of the threats that a case names, as far as they are held. */
export function threatsOfCase(root: Case, args: PageArgs, context: GatewayContext) {
  const { key } = root.revision;
  const read = async (view: View) => {
    const record = await recordIn(view, root, context);
    return record ? heldThreats(record, key.integration, view, context) : [];
  };
  const idOf = (threat: Threat) => threat.threatId;
  const page = pageWithin({ list: 'Case.threats', owner: key, view: root.view, read, idOf }, args);
  return page instanceof Promise ? page.then(toConnection) : toConnection(page);
}

function toConnection(page: PageWithin<Threat>): ThreatConnection {
  return new ThreatConnection({ ...page, coverage: async () => null });
}

/** The ids that a case names and that are not held. */
export async function missingThreatIds(root: Case, context: GatewayContext): Promise<string[]> {
  const { threatIds } = root.record;
  const revisions = await load(threatIds, root.revision.key.integration, root.view, context);
  return threatIds.filter((_, index) => revisions[index] === null);
}

async function recordIn(view: View, root: Case, context: GatewayContext): Promise<CaseRecord | null> {
  if (view.seq === root.view.seq) return root.record;
  const revision = await context.loaders.records.load<'case'>(root.revision.key, view.seq);
  return revision?.record ?? null;
}

async function heldThreats(record: CaseRecord, integration: string, view: View, context: GatewayContext) {
  const revisions = await load([...new Set(record.threatIds)], integration, view, context);
  return revisions.flatMap((revision) => (revision ? [new Threat(revision, view)] : []));
}

function load(
  ids: readonly string[],
  integration: string,
  view: View,
  context: GatewayContext,
): Promise<(Revision<'threat'> | null)[]> {
  const keys = ids.map((id) => ({ integration, kind: 'threat', id }) as const);
  return context.loaders.records.loadAll(keys, view.seq);
}
