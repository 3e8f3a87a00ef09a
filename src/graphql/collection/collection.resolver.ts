import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { driftOf } from '../../model/drift.js';
import type { RunRecord } from '../../model/run.js';
import { KINDS, type Kind, type RecordKey } from '../../resources/registry.js';
import { cursorWriter, fingerprint, Page, readCursor, toPageRequest } from '../lists/page.js';
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
      'Whether a resource was collected completely in a window of its own time; if not, what is missing and why.',
  })
  coverage(
    @Args(() => CoverageArgs) args: CoverageArgs,
    @Ctx() context: GatewayContext,
  ): Promise<CoverageReport> {
    return readCoverage(context.services, args);
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

const RUNS = 'runs';

/** A page of runs, newest first. Runs go on while they are looked at, so nothing is pinned. */
async function listRuns(args: RunListArgs, services: RequestServices): Promise<RunConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(services, args.integrations);
  const terms = { integrations: fingerprint(integrations) };
  const before = cursor === null ? null : placeOf(readCursor(cursor, RUNS, terms).place);
  const found = await services.store.runs({ integrations, before, limit: limit + 1 });
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: RUNS, terms, pin: [] });
  return new RunConnection(
    new Page({
      nodes: page.map((run) => new Run(run)),
      cursorAt: (index) => write([page[index]?.startedAt ?? null, page[index]?.id ?? null]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countRuns(integrations),
    }),
  );
}

function placeOf([startedAt, id]: readonly unknown[]) {
  return { startedAt: String(startedAt), id: String(id) };
}

const RECONCILIATIONS = 'reconciliations';
const TRIGGER = 'RECONCILE';

/** A page of reconciliations, newest first. They are recorded whole and never changed, so nothing is pinned. */
async function listReconciliations(
  args: RunListArgs,
  services: RequestServices,
): Promise<ReconciliationConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(services, args.integrations);
  const terms = { integrations: fingerprint(integrations) };
  const before = cursor === null ? null : placeOf(readCursor(cursor, RECONCILIATIONS, terms).place);
  const found = await services.store.runs({ integrations, before, limit: limit + 1, trigger: TRIGGER });
  const page = found.slice(0, limit).filter(hasFound);
  const write = cursorWriter({ list: RECONCILIATIONS, terms, pin: [] });
  return new ReconciliationConnection(
    new Page({
      nodes: page.map((run) => new Reconciliation(run)),
      cursorAt: (index) => write([page[index]?.startedAt ?? null, page[index]?.id ?? null]),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countRuns(integrations, TRIGGER),
    }),
  );
}

function hasFound(run: RunRecord): run is ReconcilingRun {
  return run.reconciliation !== undefined;
}

const QUARANTINE = 'quarantine';

/**
 * A page of what is set aside now, by integration, kind and id. What is released meanwhile is gone from the next
 * page, so nothing is pinned.
 */
async function listQuarantine(
  args: QuarantineArgs,
  services: RequestServices,
): Promise<QuarantinedRecordConnection> {
  const { limit, cursor } = toPageRequest(args);
  const integrations = await checkIntegrations(services, args.integrations);
  const kinds = KINDS.filter((kind) => args.kinds?.includes(kind) ?? true);
  const terms = { integrations: fingerprint(integrations), kinds: fingerprint(kinds) };
  const after = cursor === null ? null : keyOf(readCursor(cursor, QUARANTINE, terms).place);
  const found = await services.store.quarantine({ integrations, kinds, after, limit: limit + 1 });
  const page = found.slice(0, limit);
  const write = cursorWriter({ list: QUARANTINE, terms, pin: [] });
  return new QuarantinedRecordConnection(
    new Page({
      nodes: page.map((entry) => new QuarantinedRecord(entry)),
      cursorAt: (index) => write(keyPlace(page[index]?.key)),
      hasNextPage: found.length > limit,
      hasPreviousPage: cursor !== null,
      count: ({ store }) => store.countQuarantine({ integrations, kinds }),
    }),
  );
}

function keyPlace(key: RecordKey | undefined): string[] {
  return key ? [key.integration, key.kind, key.id] : [];
}

function keyOf([integration, kind, id]: readonly unknown[]): RecordKey {
  return { integration: String(integration), kind: String(kind) as Kind, id: String(id) };
}
