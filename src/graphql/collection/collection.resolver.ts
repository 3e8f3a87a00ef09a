import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { type DriftKind, type DriftName, type DriftTally, driftOf, MOST_NAMES } from '../../model/drift.js';
import type { QuarantineEntry } from '../../model/ledger.js';
import type { RunRecord, RunTrigger } from '../../model/run.js';
import { KINDS, type Kind, type RecordKey } from '../../resources/registry.js';
import {
  describedEnum,
  OnlyIntegrations,
  OutputType,
  outputType,
  showFields,
  Value,
} from '../base/fields.js';
import { connectionOf } from '../lists/connection.js';
import { type ConnectionPage, ForwardArgs, fingerprint, ListWalk, type ReadCursor } from '../lists/page.js';
import { Guard } from '../operation/guard.js';
import { QuarantineCodeEnum, QuarantinedKindEnum } from '../records/vocabulary.enums.js';
import { checkIntegrations, type GatewayContext, type RequestServices } from '../request/services.js';
import { CoverageArgs, readCoverage } from './coverage.js';
import { type CoverageFacts, CoverageReport } from './coverage.type.js';
import {
  Reconciliation,
  ReconciliationConnection,
  type ReconcilingRun,
  Run,
  RunConnection,
  RunListArgs,
} from './run.type.js';

const DriftKindEnum = describedEnum<DriftKind>('DriftKind', 'Kind of an unknown item.', {
  FIELD: 'A field with an unknown name. It is stored as received; the graph does not show it.',
  VALUE:
    'An unknown value of an open list of values. The graph shows it as OTHER, and as received in the `…Raw` field.',
  UNREADABLE:
    'A value that cannot be read, such as an object instead of text, an integer beyond 32 bits, or an element of a list with the wrong type. The graph shows null or leaves the element out; `received` contains it.',
});

const DriftedName = outputType<DriftName>(
  'DriftedName',
  'A field or value in Abnormal’s responses that this version of the gateway does not know.',
  {
    kind: Value.enum(
      () => DriftKindEnum,
      'Whether it is a field, a value of a list of values, or a value that cannot be read.',
    ),
    path: Value.text(
      'Path in Abnormal’s names, such as `threat.messages[].newField`; `cases[]` is a case’s item in the list. Cut at 200 characters.',
    ),
    value: Value.textOrNull(
      'The value, cut at 100 characters; for `UNREADABLE` what is wrong with the value; null for a field, for which no value is stored here.',
      { personal: ['texts'] },
    ),
    count: Value.int('Number of responses that contain it. A record that is read again is counted again.'),
    firstSeenAt: Value.instant('When it was first seen (UTC).'),
    lastSeenAt: Value.instant('When it was last seen (UTC).'),
  },
);

@OutputType(
  'Unknown fields and values in Abnormal’s responses to one integration. Nothing is lost: responses are stored as received.',
)
class SchemaDrift {
  constructor(
    readonly integration: string,
    readonly tally: DriftTally,
  ) {}
}

showFields(SchemaDrift, 'this', {
  integration: Value.id('Name of the integration.'),
});

showFields(SchemaDrift, 'tally', {
  names: Value.list(() => DriftedName, `In the order in which they were first seen; at most ${MOST_NAMES}.`),
  isFull: Value.boolean(`Whether there were more than ${MOST_NAMES}. Later ones are only counted.`, {
    by: (tally) => tally.beyond > 0,
  }),
  beyond: Value.int('How often an item was seen that is not in the list because the list was full.'),
});

@OutputType(
  'A quarantined record: it could not be fetched or parsed. It does not block other records, each poll retries it, and it is removed after a successful read.',
)
class QuarantinedRecord {
  constructor(readonly entry: QuarantineEntry) {}
}

showFields(QuarantinedRecord, 'entry', {
  integration: Value.id('Name of the integration.', { by: (entry) => entry.key.integration }),
  kind: Value.enum(() => QuarantinedKindEnum, 'Kind of the record.', { by: (entry) => entry.key.kind }),
  recordId: Value.id('Abnormal’s id of the record, or of the threat or case that it belongs to.', {
    by: (entry) => entry.key.id,
  }),
  code: Value.enum(() => QuarantineCodeEnum, 'Reason for the quarantine.'),
  reason: Value.text('The problem, in words.', { personal: ['texts'] }),
  body: Value.textOrNull('The received body, at most its first 64 KiB; null if no body was received.', {
    personal: ['received'],
  }),
  firstSeenAt: Value.instant('When it was first quarantined (UTC).'),
  lastTriedAt: Value.instant('When it was last tried (UTC).'),
  tries: Value.int('Number of attempts.'),
  runId: Value.id('The run that tried last; null if it is not recorded.'),
});

@OutputType('A page of quarantined records.')
class QuarantinedRecordConnection extends connectionOf<QuarantinedRecord>(
  () => QuarantinedRecord,
  'QuarantinedRecord',
) {}

@ArgsType()
class QuarantineArgs extends ForwardArgs {
  @OnlyIntegrations
  integrations?: string[] | null;

  @Field(() => [QuarantinedKindEnum], {
    nullable: true,
    description: 'Only these kinds. Default: all.',
  })
  kinds?: Kind[] | null;
}

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
