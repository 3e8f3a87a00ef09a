import { GraphQLJSONObject } from 'graphql-scalars';
import { ObjectType } from 'type-graphql';
import type { CaseAnalysis, TimelineEventRecord as EventRecord } from '../../resources/case/case-analysis.js';
import type { Instant } from '../../values/instant.js';
import { ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import type { RecordInView } from '../records/read-record.js';
import { Provenance } from '../records/record.type.js';

@ObjectType({ simpleResolvers: true, description: 'One thing that made Abnormal suspicious.' })
export class Insight {
  @ValueField(() => String, { nullable: true, description: 'What it is about, such as `Risky location`.' })
  readonly signal!: string | null;

  @ValueField(() => String, {
    personal: ['texts'],
    nullable: true,
    description: 'What was found, for a person.',
  })
  readonly description!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'One event of a case. What is said depends on its kind.' })
export class TimelineEvent implements EventRecord {
  @ValueField(() => DateTime, { nullable: true, description: 'When it happened (UTC; `event_timestamp`).' })
  readonly time!: Instant | null;

  @ValueField(() => String, {
    nullable: true,
    description: 'What kind of event, as received, such as `Sign In`.',
  })
  readonly categoryRaw!: string | null;

  @ValueField(() => String, {
    personal: ['texts'],
    nullable: true,
    description: 'Abnormal’s heading for it.',
  })
  readonly title!: string | null;

  @ValueField(() => String, { personal: ['texts'], nullable: true, description: 'Abnormal’s account of it.' })
  readonly description!: string | null;

  @ValueField(() => String, {
    personal: ['locations'],
    nullable: true,
    description: 'The address it came from.',
  })
  readonly ipAddress!: string | null;

  @ValueField(() => String, {
    personal: ['locations'],
    nullable: true,
    description: 'Where that is, as far as Abnormal says.',
  })
  readonly location!: string | null;

  @ValueField(() => String, {
    personal: ['locations'],
    nullable: true,
    description: 'Where the account was used before.',
  })
  readonly previousLocation!: string | null;

  @ValueField(() => GraphQLJSONObject, {
    personal: ['texts'],
    description: 'All else that Abnormal says of it, by Abnormal’s names.',
  })
  readonly details!: Record<string, unknown>;
}

const RecordValue = valueFieldFrom('seen.revision.record');

@ObjectType({
  simpleResolvers: true,
  description: 'Why Abnormal opened a case, and what happened: `GET /cases/{id}/analysis`.',
})
export class CaseTimeline {
  constructor(readonly seen: RecordInView<'caseAnalysis'>) {}

  @RecordValue(() => [Insight], { description: 'What made Abnormal suspicious.' })
  readonly insights!: CaseAnalysis['insights'];

  @RecordValue(() => [TimelineEvent], { description: 'What happened, in Abnormal’s order.' })
  readonly events!: readonly EventRecord[];

  @ValueField(() => Provenance, { description: 'Where these data come from: they are read on demand.' })
  get provenance(): Provenance {
    return new Provenance(this.seen.revision, this.seen.view);
  }
}
