import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { driftOf } from '../../model/drift.js';
import type { RunRecord } from '../../model/run.js';
import { KINDS, type Kind, type RecordKey } from '../../resources/registry.js';
import { fingerprint, ListWalk, type ReadCursor } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import { checkIntegrations, type GatewayContext, type RequestServices } from '../request/services.js';
import { CoverageArgs, readCoverage } from './coverage.js';
import { CoverageReport } from './coverage.type.js';
import { SchemaDrift } from './drift.type.js';
import { QuarantineArgs, QuarantinedRecord, QuarantinedRecordConnection } from './quarantine.type.js';
import { Reconciliation, ReconciliationConnection, type ReconcilingRun } from './reconciliation.type.js';
import { Run, RunConnection, RunListArgs } from './run.type.js';

@Resolver(() => CoverageReport)
export class CoverageResolver {
  @Guard('reader')
  @Query(() => CoverageReport, {
    nullable: true,
    description:
      'Whether a resource was collected completely in a window of its time; if not, what is missing and why.',
  })
  coverage(
    @Args(() => CoverageArgs) args: CoverageArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CoverageReport> {
    return readCoverage(context.trackedServices, args);
  }
}

@Resolver(() => Run)
export class RunResolver {
  @Guard('reader')
  @Query(() => RunConnection, {
    nullable: true,
    description: 'Collection runs, with their times, costs and results, newest first.',
  })
  runs(@Args(() => RunListArgs) args: RunListArgs, @Ctx() context: GatewayContext): Promise<RunConnection> {
    return listRuns(args, context.services);
  }
}

@Resolver(() => Reconciliation)
export class ReconciliationResolver {
  @Guard('reader')
  @Query(() => ReconciliationConnection, {
    nullable: true,
    description:
      'Results of comparing stored records with Abnormal’s, one per window, newest first. The gateway compares daily (`RECONCILE_EVERY`) and on request (command `reconcile`).',
  })
  reconciliations(
    @Args(() => RunListArgs) args: RunListArgs,
    @Ctx() context: GatewayContext,
  ): Promise<ReconciliationConnection> {
    return listReconciliations(args, context.services);
  }
}

@Resolver(() => QuarantinedRecord)
export class QuarantineResolver {
  @Guard('reader')
  @Query(() => QuarantinedRecordConnection, {
    nullable: true,
    description:
      'Quarantined records, which could not be fetched or parsed, with the received text: ordered by integration, kind and id.',
  })
  quarantine(
    @Args(() => QuarantineArgs) args: QuarantineArgs,
    @Ctx() context: GatewayContext,
  ): Promise<QuarantinedRecordConnection> {
    return listQuarantine(args, context.services);
  }

  @FieldResolver(() => Run, {
    nullable: true,
    description: 'The run that tried last; null if it is not recorded.',
  })
  async run(@Root() { entry }: QuarantinedRecord, @Ctx() { services }: GatewayContext): Promise<Run | null> {
    const run = await services.loaders.runs.load(entry.runId);
    return run && new Run(run);
  }
}

@Resolver(() => SchemaDrift)
export class DriftResolver {
  @Guard('reader')
  @Query(() => [SchemaDrift], {
    nullable: true,
    description:
      'Fields and values in Abnormal’s responses that this version of the gateway does not know, by integration. Integrations without any are left out.',
  })
  schemaDrift(
    @Arg('integrations', () => [ID], {
      nullable: true,
      description: 'Only these integrations, by name. Default: all.',
    })
    integrations: string[] | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<SchemaDrift[]> {
    return readDrift(integrations, services);
  }
}

async function readDrift(
  wanted: readonly string[] | null,
  services: RequestServices,
): Promise<SchemaDrift[]> {
  const integrations = await checkIntegrations(services, wanted);
  const documents = await services.store.documents('drift');
  return documents
    .filter(({ id }) => integrations?.includes(id) ?? true)
    .map(({ id, body }) => new SchemaDrift(id, driftOf(body)));
}

/** Newest first. Runs change while they are listed, so nothing is pinned. */
async function listRuns(args: RunListArgs, services: RequestServices): Promise<RunConnection> {
  const integrations = await checkIntegrations(services, args.integrations);
  const walk = new ListWalk(args, 'runs', { integrations: fingerprint(integrations) });
  const before = walk.cursor && runPlace(walk.cursor);
  const found = await services.store.runs({ integrations, before, limit: walk.limit + 1 });
  return new RunConnection(
    walk.page(found, {
      toNode: (run) => new Run(run),
      placeOf: ({ startedAt, id }) => [startedAt, id],
      count: ({ store }) => store.countRuns(integrations),
    }),
  );
}

function runPlace({ place: [startedAt, id] }: ReadCursor) {
  return { startedAt: String(startedAt), id: String(id) };
}

const TRIGGER = 'RECONCILE';

/** Newest first. They never change, so nothing is pinned. */
async function listReconciliations(
  args: RunListArgs,
  services: RequestServices,
): Promise<ReconciliationConnection> {
  const integrations = await checkIntegrations(services, args.integrations);
  const walk = new ListWalk(args, 'reconciliations', { integrations: fingerprint(integrations) });
  const before = walk.cursor && runPlace(walk.cursor);
  const found = await services.store.runs({ integrations, before, limit: walk.limit + 1, trigger: TRIGGER });
  return new ReconciliationConnection(
    walk.page(found.slice(0, walk.limit).filter(hasFound), {
      toNode: (run) => new Reconciliation(run),
      placeOf: ({ startedAt, id }) => [startedAt, id],
      hasMore: found.length > walk.limit,
      count: ({ store }) => store.countRuns(integrations, TRIGGER),
    }),
  );
}

function hasFound(run: RunRecord): run is ReconcilingRun {
  return run.reconciliation !== undefined;
}

/** By integration, kind and id. A record that is released meanwhile is not on the next page: nothing is pinned. */
async function listQuarantine(
  args: QuarantineArgs,
  services: RequestServices,
): Promise<QuarantinedRecordConnection> {
  const integrations = await checkIntegrations(services, args.integrations);
  const kinds = KINDS.filter((kind) => args.kinds?.includes(kind) ?? true);
  const terms = { integrations: fingerprint(integrations), kinds: fingerprint(kinds) };
  const walk = new ListWalk(args, 'quarantine', terms);
  const after = walk.cursor && quarantinedKey(walk.cursor);
  const found = await services.store.quarantine({ integrations, kinds, after, limit: walk.limit + 1 });
  return new QuarantinedRecordConnection(
    walk.page(found, {
      toNode: (entry) => new QuarantinedRecord(entry),
      placeOf: ({ key }) => [key.integration, key.kind, key.id],
      count: ({ store }) => store.countQuarantine({ integrations, kinds }),
    }),
  );
}

function quarantinedKey({ place: [integration, kind, id] }: ReadCursor): RecordKey {
  return { integration: String(integration), kind: String(kind) as Kind, id: String(id) };
}
