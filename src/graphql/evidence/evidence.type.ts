import { ID } from 'type-graphql';
import type { ControlDistribution as DistributionFacts } from '../../controls/control.js';
import type { EvaluatedControl as ResultFacts } from '../../controls/evaluate.js';
import { CONTROLS } from '../../controls/registry.js';
import type {
  PeriodEvidence as EvidenceFacts,
  EvidenceRequest,
  PeriodTrendPoint as PointFacts,
} from '../../evidence/evaluate-period.js';
import type { Pin } from '../../history/store.js';
import type { Rules } from '../../policy/policy.js';
import type { Instant } from '../../values/instant.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { toMissingRecord } from '../collection/coverage.js';
import { CollectionGap, MissingRecord } from '../collection/coverage.type.js';
import { Control, GapClass, Verdict } from './control.type.js';
import { Headline, Measure, toMeasure } from './measure.type.js';
import { PolicyInUse, WaiverUse } from './policy.type.js';
import { PopulationMember } from './population.type.js';

@OutputType('A half-open span of source time.', { name: 'EvidencePeriod' })
export class EvidencePeriod {
  @ValueField.text('Short form: `2026-Q3`.')
  readonly text!: string;

  @ValueField.instant('Start of the span (UTC), inclusive.')
  readonly from!: Instant;

  @ValueField.instant('End of the span (UTC), exclusive.')
  readonly to!: Instant;
}

@OutputType('A span of a stream that is not completely collected.', { name: 'EvidenceGap' })
class EvidenceGap extends CollectionGap {
  @ValueField.text('The stream, as resource/filter key: `threats/receivedTime`.')
  readonly stream!: string;

  @ValueField(() => GapClass, { description: 'What the gap means for the verdict.' })
  readonly class!: GapClass;
}

const FactsValue = valueFieldFrom('facts');

@OutputType('The records or messages that a control evaluates in one period.', { name: 'Population' })
class Population {
  constructor(readonly facts: ResultFacts['population']) {}

  @FactsValue.int('Number of members in the history.')
  readonly count!: number;

  @FactsValue.text('What the members are, in the plural.')
  readonly unit!: string;

  @FactsValue.text('Which members belong to the population, and by which time.')
  readonly words!: string;

  @FactsValue.textOrNull(
    'The root field that returns exactly these members, without its selection, such as `population(control: …)`. Null if the members are neither records nor messages.',
  )
  readonly query!: string | null;

  @FactsValue.boolean(
    'Whether the population was collected completely: no gaps, and no record in `missing` that may still exist.',
    { from: 'coverage.complete' },
  )
  readonly complete!: boolean;

  @ValueField(() => [EvidenceGap], {
    description: 'Spans that are not completely collected, oldest first by stream.',
  })
  get gaps(): EvidenceGap[] {
    return this.facts.coverage.gaps.map(({ resource, filterKey, ...gap }) => ({
      ...gap,
      stream: `${resource}/${filterKey}`,
    }));
  }

  @ValueField(() => [MissingRecord], {
    description:
      'Records that Abnormal lists and that could not be read, by stream and id. Those with the code `GONE` disappeared before they could be read; the others make the population incomplete.',
  })
  get missing(): MissingRecord[] {
    return this.facts.coverage.missing.map((each) => toMissingRecord(each, each));
  }
}

@OutputType('One value of a distribution.', { name: 'DistributionBar' })
class DistributionBar {
  @ValueField.text('The value, or the class of values.')
  readonly label!: string;

  @ValueField.int('Number of members with this value.')
  readonly count!: number;

  @ValueField.intOrNull(
    'Number of members with this value in the previous period; null if it is not compared.',
  )
  readonly before!: number | null;
}

@OutputType('Distribution of a population over the values of one attribute.', { name: 'Distribution' })
class Distribution {
  @ValueField.text('The attribute.')
  readonly title!: string;

  @ValueField(() => [DistributionBar], { description: 'The values, in an order that fits the attribute.' })
  readonly bars!: DistributionFacts['bars'];
}

@OutputType('Members of a population that Abnormal no longer returns.', { name: 'NoLongerGiven' })
class NoLongerGiven {
  constructor(
    readonly facts: ResultFacts['noLongerGiven'],
    private readonly pin: Pin,
  ) {}

  @FactsValue.int('Number of records.')
  readonly count!: number;

  @FactsValue.instantOrNull('Since when the first of them is missing (UTC); null if there are none.')
  readonly since!: Instant | null;

  @ValueField(() => [PopulationMember], {
    description:
      'The first 100 of them, in the order in which the records were read; `population` lists all, each with `noLongerGivenSince`.',
  })
  get members(): PopulationMember[] {
    return this.facts.members.slice(0, NAMED).map((member) => new PopulationMember(member, this.pin));
  }
}

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

  @ValueField(() => Control, { description: 'The control.' })
  get control(): Control {
    return controlOf(this.facts.control, this.asked.request.rules);
  }

  @FactsValue(() => Verdict, { description: 'The verdict.' })
  readonly verdict!: Verdict;

  @FactsValue.text('The reason, in one or two sentences.')
  readonly reason!: string;

  @ValueField(() => Headline, { description: 'The verdict in one line: what decided it.' })
  get headline(): Headline {
    return new Headline(this.facts.headline);
  }

  @ValueField(() => Measure, {
    nullable: true,
    description: 'For a failure the measure that decided it, otherwise the main number of the control.',
  })
  get measured(): Measure | null {
    const { verdict, headline, measures } = this.facts;
    const measure = (verdict === 'FAIL' ? headline.measure : null) ?? measures[0];
    return measure ? toMeasure(measure) : null;
  }

  @ValueField(() => [Measure], { description: 'All numbers that were measured.' })
  get measures(): Measure[] {
    return this.facts.measures.map(toMeasure);
  }

  @ValueField(() => Population, { description: 'The population.' })
  get population(): Population {
    return new Population(this.facts.population);
  }

  @ValueField(() => NoLongerGiven, {
    description:
      'Members of the population that Abnormal no longer returns. They count as they were last recorded.',
  })
  get noLongerGiven(): NoLongerGiven {
    return new NoLongerGiven(this.facts.noLongerGiven, this.asked.evidence.pin);
  }

  @FactsValue.int('Members whose time limit has not passed yet: neither kept nor broken.', {
    from: 'outcomes.PENDING',
  })
  readonly pending!: number;

  @FactsValue.int('Members for which the recorded data do not decide the rule.', {
    from: 'outcomes.IN_DOUBT',
  })
  readonly inDoubt!: number;

  @FactsValue.int(
    'Exceptions that do not count because the policy accepts them. They stay in `exceptions`.',
    { from: 'outcomes.WAIVED' },
  )
  readonly waived!: number;

  @ValueField(() => [WaiverUse], {
    description: 'The waivers of the control in the policy, each with what became of it.',
  })
  get waivers(): WaiverUse[] {
    return this.facts.waivers.map((use) => new WaiverUse(use));
  }

  @FactsValue(() => [Distribution], {
    description: 'Distributions of the population; empty if they show nothing useful.',
  })
  readonly distributions!: readonly DistributionFacts[];
}

export function controlOf(id: ResultFacts['control'], rules: Rules): Control {
  return new Control(CONTROLS[id], rules);
}

@OutputType('Result of one control over one part of the period.', { name: 'TrendPoint' })
class TrendPoint {
  constructor(
    readonly facts: PointFacts,
    private readonly rules: Rules,
  ) {}

  @ValueField(() => Control, { description: 'The control.' })
  get control(): Control {
    return controlOf(this.facts.control, this.rules);
  }

  @FactsValue(() => Verdict, { description: 'The verdict for the part.' })
  readonly verdict!: Verdict;

  @FactsValue.text('The reason, in one or two sentences.')
  readonly reason!: string;

  @ValueField(() => Headline, { description: 'The verdict in one line: what decided it.' })
  get headline(): Headline {
    return new Headline(this.facts.headline);
  }

  @ValueField(() => Measure, { nullable: true, description: 'The main number of the control.' })
  get measured(): Measure | null {
    return this.facts.measure && toMeasure(this.facts.measure);
  }

  @FactsValue.int('Members of the population in the part.')
  readonly count!: number;

  @FactsValue.int('Exceptions in the part.')
  readonly exceptions!: number;
}

@OutputType('One part of the period, evaluated alone.', { name: 'TrendPart' })
class TrendPart {
  @ValueField(() => EvidencePeriod, { description: 'The part.' })
  readonly period!: EvidencePeriod;

  @ValueField(() => [TrendPoint], { description: 'Result of each control over the part.' })
  readonly points!: TrendPoint[];
}

const EvidenceValue = valueFieldFrom('asked.evidence');

@OutputType('Results of controls over a period, from one snapshot of the history.', { name: 'Evidence' })
export class Evidence {
  constructor(readonly asked: Asked) {}

  @EvidenceValue(() => EvidencePeriod, { description: 'The period.' })
  readonly period!: EvidencePeriod;

  @EvidenceValue.instant(
    'The last recording that was read (UTC); it counts as now. Pass it as `asOf` to get the same result again.',
    { from: 'pin.at' },
  )
  readonly asOf!: Instant;

  @EvidenceValue.int('Sequence number of that recording.', { from: 'pin.seq' })
  readonly seq!: number;

  @EvidenceValue(() => [ID], { description: 'The integrations that were evaluated together, by name.' })
  readonly integrations!: readonly string[];

  @ValueField(() => PolicyInUse, { description: 'The policy that was used.' })
  get policy(): PolicyInUse {
    return new PolicyInUse(this.asked.evidence.rules);
  }

  @ValueField(() => [ControlResult], { description: 'Result of each control.' })
  get results(): ControlResult[] {
    return this.asked.evidence.results.map((facts) => new ControlResult(facts, this.asked));
  }

  @ValueField(() => [TrendPart], {
    description: 'The parts of the period, oldest first; empty without `trend`.',
  })
  get trend(): TrendPart[] {
    const { evidence, request } = this.asked;
    return evidence.trend.map(({ period, points }) => ({
      period,
      points: points.map((point) => new TrendPoint(point, request.rules)),
    }));
  }
}
