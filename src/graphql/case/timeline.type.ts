import type { TimelineEventRecord as EventRecord } from '../../resources/case/case-analysis.js';
import { fieldsOf, OutputType, outputType, Value } from '../base/fields.js';
import { partOf } from '../records/record.type.js';

const Insight = outputType('Insight', 'One reason why Abnormal opened the case.', {
  signal: Value.textOrNull('Topic, such as `Risky location`.'),
  description: Value.textOrNull('The finding, in words.', { personal: ['texts'] }),
});

const TimelineEvent = outputType<EventRecord>(
  'TimelineEvent',
  'One event of a case. Which fields have a value depends on the kind of event.',
  {
    time: Value.instantOrNull(
      'When the event happened (UTC; `event_timestamp`); null if Abnormal gives no time.',
    ),
    categoryRaw: Value.textOrNull('Kind of event, as received, such as `Sign In`.'),
    title: Value.textOrNull('Abnormal’s title of the event.', { personal: ['texts'] }),
    description: Value.textOrNull('Abnormal’s description of the event.', { personal: ['texts'] }),
    ipAddress: Value.textOrNull('IP address of the event; null if Abnormal gives none.', {
      personal: ['locations'],
    }),
    location: Value.textOrNull('Location of the IP address; null if Abnormal gives none.', {
      personal: ['locations'],
    }),
    previousLocation: Value.textOrNull('Earlier locations of the account.', { personal: ['locations'] }),
    details: Value.jsonObject('All other fields that Abnormal sends, under Abnormal’s names.', {
      personal: ['texts'],
    }),
  },
);

@OutputType('Why Abnormal opened a case, and what happened: `GET /cases/{id}/analysis`.')
export class CaseTimeline extends partOf<'caseAnalysis'>() {}

fieldsOf(CaseTimeline, 'seen.revision.record', {
  insights: Value.list(() => Insight, 'The reasons why Abnormal opened the case.'),
  events: Value.list(() => TimelineEvent, 'The events, in Abnormal’s order.'),
});
