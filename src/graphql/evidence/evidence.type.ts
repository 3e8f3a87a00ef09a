import { Ctx, Field } from 'type-graphql';
import type { Member } from '../../controls/control.js';
import type { EvaluatedControl as ResultFacts } from '../../controls/evaluate.js';
import { CONTROLS } from '../../controls/registry.js';
import type {
  PeriodEvidence as EvidenceFacts,
  EvidenceRequest,
  PeriodTrendPoint as PointFacts,
} from '../../evidence/evaluate-period.js';
import type { Pin } from '../../history/store.js';
import type { RevisionRecord } from '../../model/revision.js';
import type { Rules } from '../../policy/policy.js';
import type { ListedKind, RecordKey } from '../../resources/registry.js';
import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { toMissingRecord } from '../collection/coverage.js';
import { GAP_FIELDS, MissingRecord } from '../collection/coverage.type.js';
import { connectionOf } from '../lists/connection.js';
import { toRecordNode } from '../records/nodes.js';
import { RecordNode } from '../records/record.type.js';
import type { GatewayContext, RequestServices } from '../request/services.js';
import { Control, GapClass, Headline, Measure, toMeasure, Verdict } from './control.type.js';
import { PolicyInUse, WaiverUse } from './policy.type.js';

@OutputType('A record or message in the population of a control.', { name: 'PopulationMember' })
export class PopulationMember {
  constructor(
    readonly member: Member,
    private readonly pin: Pin,
  ) {}

  @Field(() => RecordNode, {
    nullable: true,
    description:
      'The record, in the snapshot that was evaluated. A message that Abnormal no longer returns is in `messages(recorded: ALL)`.',
  })
  record(@Ctx() { services }: GatewayContext): Promise<RecordNode | null> {
    return recordInView(this.member.subject.key, this.pin, services);
  }
}

showFields(PopulationMember, 'member', {
  integration: Value.id('Name of the integration.', { by: (member) => member.subject.key.integration }),
  recordId: Value.id('Abnormal’s id of the record.', { by: (member) => member.subject.key.id }),
  messageId: Value.idOrNull('Abnormal’s id of the message; null if the members are records.', {
    by: (member) => member.subject.messageId,
  }),
  at: Value.instantOrNull('The time by which the member belongs to the period (UTC).'),
  noLongerGivenSince: Value.instantOrNull(
    'Since when Abnormal no longer returns it (UTC): the time of the first version without it. It counts as it was last recorded. Null while Abnormal returns it.',
  ),
});

@OutputType('A page of the members of a population.')
export class PopulationMemberConnection extends connectionOf<PopulationMember>(
  () => PopulationMember,
  'PopulationMember',
) {}

/** A deleted record is returned as its tombstone. */
export async function recordInView(
  key: RecordKey,
  { seq, at }: Pin,
  { loaders }: RequestServices,
): Promise<RecordNode | null> {
  const revision = await loaders.records.load(key, seq);
  const frozen = { frozen: true, freshness: null, requestedAt: at, maxAgeMs: 0, staleIfError: true };
  return revision && toRecordNode(revision as RevisionRecord<ListedKind>, { seq, asOf: at, ...frozen });
}

export const EvidencePeriod = outputType('EvidencePeriod', 'A half-open span of source time.', {
  text: Value.text('Short form: `2026-Q3`.'),
  from: Value.instant('Start of the span (UTC), inclusive.'),
  to: Value.instant('End of the span (UTC), exclusive.'),
});

const EvidenceGap = outputType('EvidenceGap', 'A span of a stream that is not completely collected.', {
  ...GAP_FIELDS,
  stream: Value.text('The stream, as resource/filter key: `threats/receivedTime`.'),
  class: Value.enum(() => GapClass, 'What the gap means for the verdict.'),
});

@OutputType('The records or messages that a control evaluates in one period.', { name: 'Population' })
class Population {
  constructor(readonly facts: ResultFacts['population']) {}
}

showFields(Population, 'facts', {
  count: Value.int('Number of members in the history.'),
  unit: Value.text('What the members are, in the plural.'),
  words: Value.text('Which members belong to the population, and by which time.'),
  query: Value.textOrNull(
    'The root field that returns exactly these members, without its selection, such as `population(control: …)`. Null if the members are neither records nor messages.',
  ),
  complete: Value.boolean(
    'Whether the population was collected completely: no gaps, and no record in `missing` that may still exist.',
    { by: (facts) => facts.coverage.complete },
  ),
  gaps: Value.list(() => EvidenceGap, 'Spans that are not completely collected, oldest first by stream.', {
    by: (facts) =>
      facts.coverage.gaps.map(({ resource, filterKey, ...gap }) => ({
        ...gap,
        stream: `${resource}/${filterKey}`,
      })),
  }),
  missing: Value.list(
    () => MissingRecord,
    'Records that Abnormal lists and that could not be read, by stream and id. Those with the code `GONE` disappeared before they could be read; the others make the population incomplete.',
    { by: (facts) => facts.coverage.missing.map((each) => toMissingRecord(each, each)) },
  ),
});

const DistributionBar = outputType('DistributionBar', 'One value of a distribution.', {
  label: Value.text('The value, or the class of values.'),
  count: Value.int('Number of members with this value.'),
  before: Value.intOrNull(
    'Number of members with this value in the previous period; null if it is not compared.',
  ),
});

const Distribution = outputType(
  'Distribution',
  'Distribution of a population over the values of one attribute.',
  {
    title: Value.text('The attribute.'),
    bars: Value.list(() => DistributionBar, 'The values, in an order that fits the attribute.'),
  },
);

@OutputType('Members of a population that Abnormal no longer returns.', { name: 'NoLongerGiven' })
class NoLongerGiven {
  constructor(
    readonly facts: ResultFacts['noLongerGiven'],
    readonly pin: Pin,
  ) {}
}

showFields(NoLongerGiven, 'facts', {
  count: Value.int('Number of records.'),
  since: Value.instantOrNull('Since when the first of them is missing (UTC); null if there are none.'),
  members: Value.list(
    () => PopulationMember,
    'The first 100 of them, in the order in which the records were read; `population` lists all, each with `noLongerGivenSince`.',
    {
      by: ({ members }, { pin }) =>
        members.slice(0, NAMED).map((member) => new PopulationMember(member, pin)),
    },
  ),
});

/** The most members that a result lists. */
const NAMED = 100;

/** The request that a result answers; later pages of its exceptions are read with it. */
interface Asked {
  readonly request: EvidenceRequest;
  readonly evidence: EvidenceFacts;
}

@OutputType('Result of one control over the period.', { name: 'ControlResult' })
export class ControlResult {
  constructor(
    readonly facts: ResultFacts,
    readonly asked: Asked,
  ) {}
}

showFields(ControlResult, 'facts', {
  control: Value.object(() => Control, 'The control.', {
    by: ({ control }, { asked }) => controlOf(control, asked.request.rules),
  }),
  measured: Value.objectOrNull(
    () => Measure,
    'For a failure the measure that decided it, otherwise the main number of the control.',
    {
      by: ({ verdict, headline, measures }) => {
        const measure = (verdict === 'FAIL' ? headline.measure : null) ?? measures[0];
        return measure ? toMeasure(measure) : null;
      },
    },
  ),
  noLongerGiven: Value.object(
    () => NoLongerGiven,
    'Members of the population that Abnormal no longer returns. They count as they were last recorded.',
    { by: ({ noLongerGiven }, { asked }) => new NoLongerGiven(noLongerGiven, asked.evidence.pin) },
  ),
  verdict: Value.enum(() => Verdict, 'The verdict.'),
  reason: Value.text('The reason, in one or two sentences.'),
  headline: Value.object(() => Headline, 'The verdict in one line: what decided it.', {
    by: (facts) => new Headline(facts.headline),
  }),
  measures: Value.list(() => Measure, 'All numbers that were measured.', {
    by: (facts) => facts.measures.map(toMeasure),
  }),
  population: Value.object(() => Population, 'The population.', {
    by: (facts) => new Population(facts.population),
  }),
  pending: Value.int('Members whose time limit has not passed yet: neither kept nor broken.', {
    by: (facts) => facts.outcomes.PENDING,
  }),
  inDoubt: Value.int('Members for which the recorded data do not decide the rule.', {
    by: (facts) => facts.outcomes.IN_DOUBT,
  }),
  waived: Value.int(
    'Exceptions that do not count because the policy accepts them. They stay in `exceptions`.',
    { by: (facts) => facts.outcomes.WAIVED },
  ),
  waivers: Value.list(
    () => WaiverUse,
    'The waivers of the control in the policy, each with what became of it.',
    { by: (facts) => facts.waivers.map((use) => new WaiverUse(use)) },
  ),
  distributions: Value.list(
    () => Distribution,
    'Distributions of the population; empty if they show nothing useful.',
  ),
});

export function controlOf(id: ResultFacts['control'], rules: Rules): Control {
  return new Control(CONTROLS[id], rules);
}

@OutputType('Result of one control over one part of the period.', { name: 'TrendPoint' })
class TrendPoint {
  constructor(
    readonly facts: PointFacts,
    readonly rules: Rules,
  ) {}
}

showFields(TrendPoint, 'facts', {
  control: Value.object(() => Control, 'The control.', {
    by: ({ control }, { rules }) => controlOf(control, rules),
  }),
  verdict: Value.enum(() => Verdict, 'The verdict for the part.'),
  reason: Value.text('The reason, in one or two sentences.'),
  headline: Value.object(() => Headline, 'The verdict in one line: what decided it.', {
    by: (facts) => new Headline(facts.headline),
  }),
  measured: Value.objectOrNull(() => Measure, 'The main number of the control.', {
    by: (facts) => facts.measure && toMeasure(facts.measure),
  }),
  count: Value.int('Members of the population in the part.'),
  exceptions: Value.int('Exceptions in the part.'),
});

const TrendPart = outputType('TrendPart', 'One part of the period, evaluated alone.', {
  period: Value.object(() => EvidencePeriod, 'The part.'),
  points: Value.list(() => TrendPoint, 'Result of each control over the part.'),
});

@OutputType('Results of controls over a period, from one snapshot of the history.', { name: 'Evidence' })
export class Evidence {
  constructor(readonly asked: Asked) {}
}

showFields(Evidence, 'asked.evidence', {
  period: Value.object(() => EvidencePeriod, 'The period.'),
  asOf: Value.instant(
    'The last recording that was read (UTC); it counts as now. Pass it as `asOf` to get the same result again.',
    { by: (evidence) => evidence.pin.at },
  ),
  seq: Value.int('Sequence number of that recording.', { by: (evidence) => evidence.pin.seq }),
  integrations: Value.ids('The integrations that were evaluated together, by name.'),
  policy: Value.object(() => PolicyInUse, 'The policy that was used.', {
    by: (evidence) => new PolicyInUse(evidence.rules),
  }),
  results: Value.list(() => ControlResult, 'Result of each control.', {
    by: ({ results }, { asked }) => results.map((facts) => new ControlResult(facts, asked)),
  }),
  trend: Value.list(() => TrendPart, 'The parts of the period, oldest first; empty without `trend`.', {
    by: ({ trend, rules }) =>
      trend.map(({ period, points }) => ({
        period,
        points: points.map((point) => new TrendPoint(point, rules)),
      })),
  }),
});
