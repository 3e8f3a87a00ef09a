import { GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID, Int, ObjectType } from 'type-graphql';
import type { RunCounts, RunRecord, RunStatus, RunTrigger } from '../../model/run.js';
import { byResource, type Resource } from '../../resources/registry.js';
import type { Instant } from '../../values/instant.js';
import { describedEnum, ValueField } from '../base/fields.js';
import { toGlobalId } from '../base/global-id.js';
import { DateTime } from '../base/scalars.js';
import { connectionOf } from '../lists/connection.js';
import { ForwardArgs } from '../lists/page.js';
import { Node } from '../records/record.type.js';

export const ResourceEnum = describedEnum<Resource>(
  'Resource',
  'What Abnormal lists and the gateway collects.',
  byResource(({ texts }) => texts.resource),
);

const RunTriggerEnum = describedEnum<RunTrigger>('RunTrigger', 'Why a run was made.', {
  POLL: 'On time.',
  BACKFILL: 'To walk back in time.',
  LIVE: 'For a query that wanted it fresher.',
  REREAD: 'To look again at what was not settled.',
  RECONCILE: 'To compare what is held with what Abnormal has.',
});

const RunStatusEnum = describedEnum<RunStatus>('RunStatus', 'How a run ended.', {
  RUNNING: 'It has not ended.',
  SUCCEEDED: 'Everything it set out to read was read.',
  PARTIAL: 'Some of it was read; the errors and the gaps say what was not.',
  FAILED: 'Nothing could be read.',
  INTERRUPTED: 'The process ended first; the next run carries on.',
});

@ObjectType('RunCounts', { simpleResolvers: true, description: 'What a run cost and brought.' })
class RunCountsReport implements RunCounts {
  @ValueField(() => Int, { description: 'Requests sent to Abnormal, retries included.' })
  readonly calls!: number;

  @ValueField(() => Int, { description: 'Requests for pages of lists.' })
  readonly listCalls!: number;

  @ValueField(() => Int, { description: 'Requests for details.' })
  readonly detailCalls!: number;

  @ValueField(() => Int, { description: 'Records that the lists named.' })
  readonly listed!: number;

  @ValueField(() => Int, { description: 'Records not held before.' })
  readonly added!: number;

  @ValueField(() => Int, { description: 'Records with a new version.' })
  readonly changed!: number;

  @ValueField(() => Int, { description: 'Records read again and found the same.' })
  readonly unchanged!: number;

  @ValueField(() => Int, { description: 'Records found gone.' })
  readonly deleted!: number;

  @ValueField(() => Int, { description: 'Records set aside as not to be had or not to be understood.' })
  readonly quarantined!: number;

  @ValueField(() => Int, { description: 'Listed records not fetched, because what is held is new enough.' })
  readonly skipped!: number;

  @ValueField(() => Int, { description: 'Windows of time that it read.' })
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

  @ValueField(() => ID, { description: 'Unique over all types and integrations, and lasting. Opaque.' })
  get id(): string {
    return toGlobalId('Run', this.run.integration, this.run.id);
  }

  @ValueField(() => ID, { description: 'The gateway’s own id of it, as `runId` elsewhere.' })
  get runId(): string {
    return this.run.id;
  }

  @ValueField(() => ID, { description: 'The integration, by name.' })
  get integration(): string {
    return this.run.integration;
  }

  @ValueField(() => ResourceEnum, { description: 'What it read.' })
  get resource(): Resource {
    return this.run.resource;
  }

  @ValueField(() => RunTriggerEnum, { description: 'Why it was made.' })
  get trigger(): RunTrigger {
    return this.run.trigger;
  }

  @ValueField(() => RunStatusEnum, { description: 'How it ended.' })
  get status(): RunStatus {
    return this.run.status;
  }

  @ValueField(() => DateTime, { description: 'When it began (UTC).' })
  get startedAt(): Instant {
    return this.run.startedAt;
  }

  @ValueField(() => DateTime, { nullable: true, description: 'When it ended (UTC); null while it runs.' })
  get endedAt(): Instant | null {
    return this.run.endedAt;
  }

  @ValueField(() => GraphQLJSONObject, {
    description: 'What it set out to read, as the command line would say it.',
  })
  get parameters(): RunRecord['parameters'] {
    return this.run.parameters;
  }

  @ValueField(() => RunCountsReport, { description: 'What it cost and brought.' })
  get counts(): RunCounts {
    return this.run.counts;
  }

  @ValueField(() => [String], { description: 'What went wrong, for a person: at most the first 20.' })
  get errors(): readonly string[] {
    return this.run.errors;
  }
}

@ObjectType({ simpleResolvers: true, description: 'A page of runs.' })
export class RunConnection extends connectionOf<Run>(() => Run, 'Run') {}

@ArgsType()
export class RunListArgs extends ForwardArgs {
  @Field(() => [ID], { nullable: true, description: 'Only these integrations, by name; all when not given.' })
  integrations?: string[] | null;
}
