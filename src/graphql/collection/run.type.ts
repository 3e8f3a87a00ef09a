import { GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID } from 'type-graphql';
import type { RunCounts, RunRecord, RunStatus, RunTrigger } from '../../model/run.js';
import { byResource, type Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
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

@OutputType('Cost and results of a run.', { name: 'RunCounts' })
class RunCountsReport implements RunCounts {
  @ValueField.int('Requests sent to Abnormal, including retries.')
  readonly calls!: number;

  @ValueField.int('Requests for pages of lists.')
  readonly listCalls!: number;

  @ValueField.int('Requests for details.')
  readonly detailCalls!: number;

  @ValueField.int('Number of records in the lists.')
  readonly listed!: number;

  @ValueField.int('Records stored for the first time.')
  readonly added!: number;

  @ValueField.int('Records with a new version.')
  readonly changed!: number;

  @ValueField.int('Records read again without a change.')
  readonly unchanged!: number;

  @ValueField.int('Records that were deleted at Abnormal.')
  readonly deleted!: number;

  @ValueField.int('Records quarantined because they could not be fetched or parsed.')
  readonly quarantined!: number;

  @ValueField.int('Listed records that were not fetched, because the stored version is recent enough.')
  readonly skipped!: number;

  @ValueField.int('Windows that the run read.')
  readonly windows!: number;
}

const RunValue = valueFieldFrom('run');

@OutputType('One pass over one resource of one integration.', { implements: Node })
export class Run extends Node {
  constructor(readonly run: RunRecord) {
    super();
  }

  @ValueField.id('Global id, unique over all types and integrations. It does not change. Opaque.')
  get id(): string {
    return toGlobalId('Run', this.run.integration, this.run.id);
  }

  @RunValue.id('The gateway’s id of the run, called `runId` in other places.', { from: 'id' })
  readonly runId!: string;

  @RunValue.id('Name of the integration.')
  readonly integration!: string;

  @RunValue(() => ResourceEnum, { description: 'The resource.' })
  readonly resource!: Resource;

  @RunValue(() => RunTriggerEnum, { description: 'Reason for the run.' })
  readonly trigger!: RunTrigger;

  @RunValue(() => RunStatusEnum, { description: 'State of the run.' })
  readonly status!: RunStatus;

  @RunValue.instant('When the run began (UTC).')
  readonly startedAt!: Instant;

  @RunValue.instantOrNull('When the run ended (UTC); null while it runs.')
  readonly endedAt!: Instant | null;

  @RunValue(() => GraphQLJSONObject, {
    description: 'What the run was asked to read, in the form of command-line options.',
  })
  readonly parameters!: RunRecord['parameters'];

  @RunValue(() => RunCountsReport, { description: 'Cost and results.' })
  readonly counts!: RunCounts;

  @RunValue(() => [String], { description: 'Errors in words: at most the first 20.' })
  readonly errors!: readonly string[];
}

@OutputType('A page of runs.')
export class RunConnection extends connectionOf<Run>(() => Run, 'Run') {}

@ArgsType()
export class RunListArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name. Default: all.' })
  integrations?: string[] | null;
}
