import { ArgsType } from 'type-graphql';
import type {
  IdSample as IdSampleRecord,
  PopulationSource,
  ReconciliationRecord,
  ReconciliationVerdict,
  RunCounts,
  RunRecord,
  RunStatus,
  RunTrigger,
} from '../../model/run.js';
import { byResource, type Resource } from '../../resources/registry.js';
import { intOrNull } from '../../values/filter.js';
import type { Window } from '../../values/instant.js';
import {
  describedEnum,
  OnlyIntegrations,
  OutputType,
  outputType,
  showFields,
  Value,
} from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { Node } from '../records/record.type.js';

export const ResourceEnum = describedEnum<Resource>(
  'Resource',
  'A kind of records that Abnormal lists and the gateway collects.',
  byResource(({ texts }) => texts.resource),
);

const RunTriggerEnum = describedEnum<RunTrigger>('RunTrigger', 'Reason for a run.', {
  POLL: 'Scheduled poll.',
  BACKFILL: 'Collection of earlier records.',
  LIVE: 'A query that requested fresher data.',
  REREAD: 'Repeated reading of records that may still change.',
  RECONCILE: 'Comparison of stored records with Abnormal’s.',
});

const RunStatusEnum = describedEnum<RunStatus>('RunStatus', 'State of a run.', {
  RUNNING: 'The run has not ended.',
  SUCCEEDED: 'The run read everything that it planned to read.',
  PARTIAL: 'The run read a part; its errors and the gaps name the rest.',
  FAILED: 'The run could read nothing.',
  INTERRUPTED: 'The process ended before the run did; the next run continues.',
});

const RunCountsReport = outputType<RunCounts>('RunCounts', 'Cost and results of a run.', {
  calls: Value.int('Requests sent to Abnormal, including retries.'),
  listCalls: Value.int('Requests for pages of lists.'),
  detailCalls: Value.int('Requests for details.'),
  listed: Value.int('Number of records in the lists.'),
  added: Value.int('Records stored for the first time.'),
  changed: Value.int('Records with a new version.'),
  unchanged: Value.int('Records read again without a change.'),
  deleted: Value.int('Records that were deleted at Abnormal.'),
  quarantined: Value.int('Records quarantined because they could not be fetched or parsed.'),
  skipped: Value.int('Listed records that were not fetched, because the stored version is recent enough.'),
  windows: Value.int('Windows that the run read.'),
});

@OutputType('One pass over one resource of one integration.', { implements: Node })
export class Run extends Node {
  constructor(readonly run: RunRecord) {
    super();
  }
}

showFields(Run, 'run', {
  id: Value.id('Global id, unique over all types and integrations. It does not change. Opaque.', {
    by: (run) => toGlobalId('Run', run.integration, run.id),
  }),
  runId: Value.id('The gateway’s id of the run, called `runId` in other places.', { by: (run) => run.id }),
  integration: Value.id('Name of the integration.'),
  resource: Value.enum(() => ResourceEnum, 'The resource.'),
  trigger: Value.enum(() => RunTriggerEnum, 'Reason for the run.'),
  status: Value.enum(() => RunStatusEnum, 'State of the run.'),
  startedAt: Value.instant('When the run began (UTC).'),
  endedAt: Value.instantOrNull('When the run ended (UTC); null while it runs.'),
  parameters: Value.jsonObject('What the run was asked to read, in the form of command-line options.'),
  counts: Value.object(() => RunCountsReport, 'Cost and results.'),
  errors: Value.texts('Errors in words: at most the first 20.'),
});

@OutputType('A page of runs.')
export class RunConnection extends connectionOf<Run>(() => Run, 'Run') {}

@ArgsType()
export class RunListArgs extends ForwardArgs {
  @OnlyIntegrations
  integrations?: string[] | null;
}

const ReconciliationVerdictEnum = describedEnum<ReconciliationVerdict>(
  'ReconciliationVerdict',
  'Result of comparing the stored records of a window with Abnormal’s, by another reading than the collection’s.',
  {
    MATCH: 'Exactly the records that Abnormal names are stored.',
    SHORT: 'Abnormal names records that are not stored; the next poll lists them again.',
    EXTRA:
      'Records are stored that Abnormal no longer names. This alone does not mean that they were deleted.',
    UNVERIFIED: 'Abnormal’s records could not be read completely.',
  },
);

const PopulationSourceEnum = describedEnum<PopulationSource>(
  'PopulationSource',
  'Source of the population that stored records are compared with.',
  {
    EXPORT: 'The export of the threat log (`/threats_export/csv`), which has one row per message.',
    LIST: 'The resource’s list, with other window boundaries than the collection uses.',
  },
);

type ReconciliationBasis = NonNullable<ReconciliationRecord['basis']>;
const ReconciliationBasisEnum = describedEnum<ReconciliationBasis>(
  'ReconciliationBasis',
  'What was compared.',
  {
    IDS: 'The ids.',
    COUNTS: 'The ids in the list and, because the export did not contain them, the number of messages.',
  },
);

const RecordIds = outputType<IdSampleRecord>('RecordIds', 'A set of records, by Abnormal’s ids.', {
  count: Value.int('Number of records.'),
  ids: Value.ids('The first 100 ids, in order.'),
});

const ReopenedWindow = outputType<Window>(
  'ReopenedWindow',
  'A span of source time that a reconciliation reopened, so that the next poll lists it again.',
  {
    from: Value.instant('Start of the span (UTC), inclusive.'),
    to: Value.instant('End of the span (UTC), exclusive.'),
  },
);

export interface ReconcilingRun extends RunRecord {
  readonly reconciliation: ReconciliationRecord;
}

@OutputType(
  'One comparison of the stored records of a resource, in a window of at most 14 days, with Abnormal’s.',
)
export class Reconciliation {
  constructor(readonly source: ReconcilingRun) {}
}

showFields(Reconciliation, 'source', {
  integration: Value.id('Name of the integration.'),
  resource: Value.enum(() => ResourceEnum, 'What was compared.'),
  comparedAt: Value.instant('When the comparison began (UTC).', { by: (source) => source.startedAt }),
  run: Value.object(() => Run, 'The run of the comparison, with its cost.', {
    by: (source) => new Run(source),
  }),
});

showFields(Reconciliation, 'source.reconciliation', {
  from: Value.instant(
    'Start of the window (UTC), inclusive, in the resource’s own time (threats: received; cases: last modified; campaigns: last reported).',
  ),
  to: Value.instant('End of the window (UTC), exclusive.'),
  verdict: Value.enum(() => ReconciliationVerdictEnum, 'Result of the comparison.'),
  reason: Value.textOrNull('Further details in words; null if there are none.'),
  sources: Value.list(
    () => PopulationSourceEnum,
    'Where the population was read; empty if it could not be read.',
  ),
  basis: Value.enumOrNull(() => ReconciliationBasisEnum, 'What was compared; null if nothing was compared.'),
  population: Value.intOrNull(
    'Number of records that Abnormal names in the window; null if they could not be read.',
  ),
  declared: Value.intOrNull(
    'Number of records that the list declares for the window (`total`); null if it declares none.',
    { by: (reconciliation) => intOrNull(reconciliation.declared) },
  ),
  held: Value.int(
    'Number of records of the population that are stored, plus stored records that are not in it; without a population, the number of stored records in the window.',
  ),
  missing: Value.object(() => RecordIds, 'Records that Abnormal names and that are not stored.'),
  extra: Value.object(() => RecordIds, 'Records that are stored and that Abnormal does not name.'),
  gone: Value.object(
    () => RecordIds,
    'Records that Abnormal names although their details return 404: known to be deleted, and not missing.',
  ),
  opened: Value.list(
    () => ReopenedWindow,
    'Spans that were reopened for the next poll, newest first. Spans that were gaps already are not included.',
  ),
});

@OutputType('A page of reconciliations.')
export class ReconciliationConnection extends connectionOf<Reconciliation>(
  () => Reconciliation,
  'Reconciliation',
) {}
