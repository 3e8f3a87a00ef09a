import { GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import type { RunCounts, RunRecord, RunStatus, RunTrigger } from '../../model/run.js';
import type { Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { Node } from '../records/record.type.js';

export const ResourceEnum = describedEnum<Resource>(
  'Resource',
  'A kind of records that Abnormal lists and the gateway collects.',
  {
    threats: 'Threats, by when they were received and by when they were last remediated.',
    cases: 'Account-takeover cases, by when they were last modified.',
    campaigns: 'Abuse-mailbox campaigns, by when they were last reported.',
  },
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

@ObjectType('RunCounts', { simpleResolvers: true, description: 'Cost and results of a run.' })
class RunCountsReport implements RunCounts {
  @ValueField(() => Int, { description: 'Requests sent to Abnormal, including retries.' })
  readonly calls!: number;

  @ValueField(() => Int, { description: 'Requests for pages of lists.' })
  readonly listCalls!: number;

  @ValueField(() => Int, { description: 'Requests for details.' })
  readonly detailCalls!: number;

  @ValueField(() => Int, { description: 'Number of records in the lists.' })
  readonly listed!: number;

  @ValueField(() => Int, { description: 'Records stored for the first time.' })
  readonly added!: number;

  @ValueField(() => Int, { description: 'Records with a new version.' })
  readonly changed!: number;

  @ValueField(() => Int, { description: 'Records read again without a change.' })
  readonly unchanged!: number;

  @ValueField(() => Int, { description: 'Records that were deleted at Abnormal.' })
  readonly deleted!: number;

  @ValueField(() => Int, { description: 'Records quarantined because they could not be fetched or parsed.' })
  readonly quarantined!: number;

  @ValueField(() => Int, {
    description: 'Listed records that were not fetched, because the stored version is recent enough.',
  })
  readonly skipped!: number;

  @ValueField(() => Int, { description: 'Windows that the run read.' })
  readonly windows!: number;
}

@ObjectType({
  implements: Node,
  simpleResolvers: true,
  description: 'One pass over one resource of one integration.',
})
export class Run extends Node {
  constructor(private readonly run: RunRecord) {
    super();
  }

  @ValueField(() => ID, {
    description: 'Global id, unique over all types and integrations. It does not change. Opaque.',
  })
  get id(): string {
    return toGlobalId('Run', this.run.integration, this.run.id);
  }

  @ValueField(() => ID, { description: 'The gateway’s id of the run, called `runId` in other places.' })
  get runId(): string {
    return this.run.id;
  }

  @ValueField(() => ID, { description: 'Name of the integration.' })
  get integration(): string {
    return this.run.integration;
  }

  @ValueField(() => ResourceEnum, { description: 'The resource.' })
  get resource(): Resource {
    return this.run.resource;
  }

  @ValueField(() => RunTriggerEnum, { description: 'Reason for the run.' })
  get trigger(): RunTrigger {
    return this.run.trigger;
  }

  @ValueField(() => RunStatusEnum, { description: 'State of the run.' })
  get status(): RunStatus {
    return this.run.status;
  }

  @ValueField(() => DateTime, { description: 'When the run began (UTC).' })
  get startedAt(): Instant {
    return this.run.startedAt;
  }

  @ValueField(() => DateTime, {
    nullable: true,
    description: 'When the run ended (UTC); null while it runs.',
  })
  get endedAt(): Instant | null {
    return this.run.endedAt;
  }

  @ValueField(() => GraphQLJSONObject, {
    description: 'What the run was asked to read, in the form of command-line options.',
  })
  get parameters(): RunRecord['parameters'] {
    return this.run.parameters;
  }

  @ValueField(() => RunCountsReport, { description: 'Cost and results.' })
  get counts(): RunCounts {
    return this.run.counts;
  }

  @ValueField(() => [String], { description: 'Errors in words: at most the first 20.' })
  get errors(): readonly string[] {
    return this.run.errors;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of runs.' })
export class RunConnection extends connectionOf<Run>(() => Run, 'Run') {}

@ArgsType()
export class RunListArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name. Default: all.' })
  integrations?: string[] | null;
}
