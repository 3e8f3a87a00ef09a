import { GraphQLJSONObject } from 'graphql-scalars';
import type { CaseAnalysis, TimelineEventRecord as EventRecord } from '../../resources/case/case-analysis.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField } from '../base/fields.js';
import { PartValue, partOf } from '../records/record.type.js';

@OutputType('One reason why Abnormal opened the case.')
class Insight {
  @ValueField.textOrNull('Topic, such as `Risky location`.')
  readonly signal!: string | null;

  @ValueField.textOrNull('The finding, in words.', { personal: ['texts'] })
  readonly description!: string | null;
}

@OutputType('One event of a case. Which fields have a value depends on the kind of event.')
class TimelineEvent implements EventRecord {
  @ValueField.instantOrNull(
    'When the event happened (UTC; `event_timestamp`); null if Abnormal gives no time.',
  )
  readonly time!: Instant | null;

  @ValueField.textOrNull('Kind of event, as received, such as `Sign In`.')
  readonly categoryRaw!: string | null;

  @ValueField.textOrNull('Abnormal’s title of the event.', { personal: ['texts'] })
  readonly title!: string | null;

  @ValueField.textOrNull('Abnormal’s description of the event.', { personal: ['texts'] })
  readonly description!: string | null;

  @ValueField.textOrNull('IP address of the event; null if Abnormal gives none.', { personal: ['locations'] })
  readonly ipAddress!: string | null;

  @ValueField.textOrNull('Location of the IP address; null if Abnormal gives none.', {
    personal: ['locations'],
  })
  readonly location!: string | null;

  @ValueField.textOrNull('Earlier locations of the account.', { personal: ['locations'] })
  readonly previousLocation!: string | null;

  @ValueField(() => GraphQLJSONObject, {
    personal: ['texts'],
    description: 'All other fields that Abnormal sends, under Abnormal’s names.',
  })
  readonly details!: Record<string, unknown>;
}

@OutputType('Why Abnormal opened a case, and what happened: `GET /cases/{id}/analysis`.')
export class CaseTimeline extends partOf<'caseAnalysis'>() {
  @PartValue(() => [Insight], { description: 'The reasons why Abnormal opened the case.' })
  readonly insights!: CaseAnalysis['insights'];

  @PartValue(() => [TimelineEvent], { description: 'The events, in Abnormal’s order.' })
  readonly events!: readonly EventRecord[];
}
