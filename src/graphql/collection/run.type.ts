import { ArgsType } from 'type-graphql';
import type { RunCounts, RunRecord, RunStatus, RunTrigger } from '../../model/run.js';
import { byResource, type Resource } from '../../resources/registry.js';
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
