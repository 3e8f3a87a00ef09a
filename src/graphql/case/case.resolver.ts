import { Args, Ctx, FieldResolver, ID, Resolver, Root } from 'type-graphql';
import type { RevisionRecord } from '../../model/revision.js';
import type { CaseRecord } from '../../resources/case/case.js';
import { SyncResolver } from '../base/fields.js';
import { arrayPage } from '../lists/connection.js';
import { PageArgs } from '../lists/page.js';
import type { View } from '../lists/view.js';
import { readOnDemand } from '../records/read-record.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Threat, ThreatConnection } from '../threat/threat.type.js';
import { Case } from './case.type.js';
import { CaseTimeline } from './timeline.type.js';

@Resolver(() => Case)
export class CaseResolver {
  @SyncResolver
  @FieldResolver(() => ThreatConnection, {
    nullable: true,
    description:
      'The stored threats that the case names, in Abnormal’s order and in the same view as the case. A threat that was deleted later has `deletedAt`.',
  })
  threats(@Root() root: Case, @Args(() => PageArgs) args: PageArgs, @Ctx() context: GatewayContext) {
    return readThreats(root, args, context.trackedServices);
  }

  @FieldResolver(() => [ID], {
    nullable: true,
    description:
      'The entries of `threatIds` that are not stored: not collected yet, out of retention, or deleted before the collection.',
  })
  missingThreatIds(@Root() root: Case, @Ctx() context: GatewayContext): Promise<string[]> {
    return missingThreatIds(root, context.trackedServices);
  }

  @FieldResolver(() => CaseTimeline, {
    nullable: true,
    description:
      'Why Abnormal opened the case, and what happened. Read from Abnormal on demand and recorded; with `asOf`, as recorded at that instant. Null if it cannot be read.',
  })
  async timeline(@Root() root: Case, @Ctx() context: GatewayContext): Promise<CaseTimeline | null> {
    const seen = await readOnDemand(context.trackedServices, 'caseAnalysis', root);
    return seen && new CaseTimeline(seen);
  }
}

const NO_WINDOW = async () => null;

async function readThreats(root: Case, args: PageArgs, services: RequestServices): Promise<ThreatConnection> {
  const { key } = root.revision;
  const read = async (view: View) => {
    const record = view.seq === root.view.seq ? root.record : await recordIn(view, root, services);
    return record ? heldThreats(record, key.integration, view, services) : [];
  };
  const idOf = (threat: Threat) => threat.threatId;
  const { page, view } = await arrayPage(
    { list: 'Case.threats', owner: key, view: root.view, read, idOf },
    args,
  );
  return new ThreatConnection(page, view, NO_WINDOW);
}

async function missingThreatIds(root: Case, services: RequestServices): Promise<string[]> {
  const { threatIds } = root.record;
  const revisions = await load(threatIds, root.revision.key.integration, root.view, services);
  return threatIds.filter((_, index) => revisions[index] === null);
}

async function recordIn(view: View, root: Case, services: RequestServices): Promise<CaseRecord | null> {
  const revision = await services.loaders.records.load<'case'>(root.revision.key, view.seq);
  return revision?.record ?? null;
}

async function heldThreats(record: CaseRecord, integration: string, view: View, services: RequestServices) {
  const revisions = await load([...new Set(record.threatIds)], integration, view, services);
  return revisions.flatMap((revision) => (revision ? [new Threat(revision, view)] : []));
}

function load(
  ids: readonly string[],
  integration: string,
  view: View,
  services: RequestServices,
): Promise<readonly (RevisionRecord<'threat'> | null)[]> {
  const keys = ids.map((id) => ({ integration, kind: 'threat', id }) as const);
  return services.loaders.records.loadAll('threat', keys, view.seq);
}
