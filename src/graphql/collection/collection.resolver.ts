import { Arg, Args, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { driftOf } from '../../model/drift.js';
import type { RunRecord, RunTrigger } from '../../model/run.js';
import { KINDS, type Kind, type RecordKey } from '../../resources/registry.js';
import { type ConnectionPage, fingerprint, ListWalk, type ReadCursor } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import { checkIntegrations, type GatewayContext, type RequestServices } from '../request/services.js';
import { CoverageArgs, readCoverage } from './coverage.js';
import { type CoverageFacts, CoverageReport } from './coverage.type.js';
import { SchemaDrift } from './drift.type.js';
import { QuarantineArgs, QuarantinedRecord, QuarantinedRecordConnection } from './quarantine.type.js';
import { Reconciliation, ReconciliationConnection, type ReconcilingRun } from './reconciliation.type.js';
import { Run, RunConnection, RunListArgs } from './run.type.js';

@Resolver(() => QuarantinedRecord)
export class CollectionResolver {
  @Guard('reader')
  @Query(() => CoverageReport, {
    nullable: true,
    description:
      'Whether a resource was collected completely in a window of its time; if not, what is missing and why.',
  })
  coverage(
    @Args(() => CoverageArgs) args: CoverageArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CoverageFacts> {
    return readCoverage(context.trackedServices, args);
  }

  @Guard('reader')
  @Query(() => RunConnection, {
    nullable: true,
    description: 'Collection runs, with their times, costs and results, newest first.',
  })
  async runs(
    @Args(() => RunListArgs) args: RunListArgs,
    @Ctx() { services }: GatewayContext,
  ): Promise<RunConnection> {
    return new RunConnection(await pageOfRuns(services, args, 'runs', isAny, (run) => new Run(run)));
  }

  @Guard('reader')
  @Query(() => ReconciliationConnection, {
    nullable: true,
    description:
      'Results of comparing stored records with Abnormal’s, one per window, newest first. The gateway compares daily (`RECONCILE_EVERY`) and on request (command `reconcile`).',
  })
  async reconciliations(
    @Args(() => RunListArgs) args: RunListArgs,
    @Ctx() { services }: GatewayContext,
  ): Promise<ReconciliationConnection> {
    const toNode = (run: ReconcilingRun) => new Reconciliation(run);
    return new ReconciliationConnection(
      await pageOfRuns(services, args, 'reconciliations', hasFound, toNode, 'RECONCILE'),
    );
  }

  /** By integration, kind and id. A record that is released meanwhile is not on the next page: nothing is pinned. */
  @Guard('reader')
  @Query(() => QuarantinedRecordConnection, {
    nullable: true,
    description:
      'Quarantined records, which could not be fetched or parsed, with the received text: ordered by integration, kind and id.',
  })
  async quarantine(
    @Args(() => QuarantineArgs) args: QuarantineArgs,
    @Ctx() { services }: GatewayContext,
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

  @FieldResolver(() => Run, {
    nullable: true,
    description: 'The run that tried last; null if it is not recorded.',
  })
  async run(@Root() { entry }: QuarantinedRecord, @Ctx() { services }: GatewayContext): Promise<Run | null> {
    const run = await services.loaders.runs.load(entry.runId);
    return run && new Run(run);
  }

  @Guard('reader')
  @Query(() => [SchemaDrift], {
    nullable: true,
    description:
      'Fields and values in Abnormal’s responses that this version of the gateway does not know, by integration. Integrations without any are left out.',
  })
  async schemaDrift(
    @Arg('integrations', () => [ID], {
      nullable: true,
      description: 'Only these integrations, by name. Default: all.',
    })
    wanted: string[] | null,
    @Ctx() { services }: GatewayContext,
  ): Promise<SchemaDrift[]> {
    const integrations = await checkIntegrations(services, wanted);
    const documents = await services.store.documents('drift');
    return documents
      .filter(({ id }) => integrations?.includes(id) ?? true)
      .map(({ id, body }) => new SchemaDrift(id, driftOf(body)));
  }
}

@Resolver(() => CoverageReport)
export class CoverageResolver {
  @FieldResolver(() => Int, {
    description:
      'Number of stored records in the window, in the same view: those that the list returns when it is filtered by its time. Deleted records are not counted. Counted only if selected.',
  })
  held(@Root() { countHeld }: CoverageFacts): Promise<number> {
    return countHeld();
  }
}

/** Newest first. Runs change while they are listed, so nothing is pinned. */
async function pageOfRuns<R extends RunRecord, T>(
  services: RequestServices,
  args: RunListArgs,
  list: string,
  isListed: (run: RunRecord) => run is R,
  toNode: (run: R) => T,
  trigger?: RunTrigger,
): Promise<ConnectionPage<T>> {
  const integrations = await checkIntegrations(services, args.integrations);
  const walk = new ListWalk(args, list, { integrations: fingerprint(integrations) });
  const before = walk.cursor && runPlace(walk.cursor);
  const query = { integrations, before, limit: walk.limit + 1, ...(trigger && { trigger }) };
  const found = await services.store.runs(query);
  return walk.page(found.slice(0, walk.limit).filter(isListed), {
    toNode,
    placeOf: ({ startedAt, id }) => [startedAt, id],
    hasMore: found.length > walk.limit,
    count: ({ store }) => store.countRuns(integrations, trigger),
  });
}

function runPlace({ place: [startedAt, id] }: ReadCursor) {
  return { startedAt: String(startedAt), id: String(id) };
}

function isAny(_run: RunRecord): _run is RunRecord {
  return true;
}

function hasFound(run: RunRecord): run is ReconcilingRun {
  return run.reconciliation !== undefined;
}

function quarantinedKey({ place: [integration, kind, id] }: ReadCursor): RecordKey {
  return { integration: String(integration), kind: String(kind) as Kind, id: String(id) };
}
