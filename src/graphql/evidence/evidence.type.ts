import { Float, ID, Int, ObjectType } from 'type-graphql';
import type {
  ControlDistribution as DistributionFacts,
  ControlMeasure as MeasureFacts,
} from '../../controls/control.js';
import type { EvaluatedControl as ResultFacts, StreamGap } from '../../controls/evaluate.js';
import { CONTROLS } from '../../controls/registry.js';
import type { Thresholds } from '../../controls/thresholds.js';
import type {
  PeriodEvidence as EvidenceFacts,
  EvidenceRequest,
  PeriodTrendPoint as PointFacts,
} from '../../evidence/evaluate-period.js';
import type { Pin } from '../../history/store.js';
import type { GapReason } from '../../model/coverage.js';
import type { Instant } from '../../values/instant.js';
import { ValueField, valueFieldFrom } from '../base/fields.js';
import { DateTime } from '../base/scalars.js';
import { GapReasonEnum, MissingRecord, toMissingRecord } from '../collection/coverage.type.js';
import { Bound, Control, GapClass, MeasureUnit, toMeasured, Verdict } from './control.type.js';
import { PopulationMember } from './population.type.js';

@ObjectType('EvidencePeriod', { description: 'A span of source time, half-open.' })
export class EvidencePeriod {
  @ValueField(() => String, { description: 'As people write it: `2026-Q3`.' })
  readonly text!: string;

  @ValueField(() => DateTime, { description: 'Where it begins (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where it ends (UTC), exclusive.' })
  readonly to!: Instant;
}

@ObjectType('Measure', { description: 'One number that a control measured, and what it is held against.' })
export class Measure {
  @ValueField(() => String, { description: 'What was measured.' })
  readonly name!: string;

  @ValueField(() => Float, {
    nullable: true,
    description: 'The number; null where there was nothing to measure.',
  })
  readonly value!: number | null;

  @ValueField(() => MeasureUnit, { description: 'What it counts.' })
  readonly unit!: MeasureUnit;

  @ValueField(() => Float, {
    nullable: true,
    description: 'What it is held against, in the same unit; null: nothing.',
  })
  readonly threshold!: number | null;

  @ValueField(() => Bound, { nullable: true, description: 'On which side of the threshold it should be.' })
  readonly bound!: Bound | null;
}

export function toMeasure({ name, value, unit, threshold }: MeasureFacts): Measure {
  return {
    name,
    unit: toMeasured(unit, 0).unit,
    value: value === null ? null : toMeasured(unit, value).value,
    threshold: threshold === null ? null : toMeasured(unit, threshold.value).value,
    bound: threshold?.bound ?? null,
  };
}

@ObjectType('EvidenceGap', { description: 'A span of a stream for which the history cannot vouch.' })
export class EvidenceGap {
  @ValueField(() => ID, { description: 'The integration, by name.' })
  readonly integration!: string;

  @ValueField(() => String, { description: 'The stream, as resource/filter key: `threats/receivedTime`.' })
  readonly stream!: string;

  @ValueField(() => DateTime, { description: 'Where it begins (UTC), inclusive.' })
  readonly from!: Instant;

  @ValueField(() => DateTime, { description: 'Where it ends (UTC), exclusive.' })
  readonly to!: Instant;

  @ValueField(() => GapReasonEnum, { description: 'Why it is a gap.' })
  readonly reason!: GapReason;

  @ValueField(() => String, {
    nullable: true,
    description: 'What the reading that left it said, for a person.',
  })
  readonly detail!: string | null;

  @ValueField(() => GapClass, { description: 'What it means for the verdict.' })
  readonly class!: GapClass;
}

const FactsValue = valueFieldFrom('facts');

@ObjectType('Population', { simpleResolvers: true, description: 'What a control is about, in one period.' })
export class Population {
  constructor(readonly facts: ResultFacts['population']) {}

  @FactsValue(() => Int, { description: 'How many members of it the history holds.' })
  readonly count!: number;

  @FactsValue(() => String, { description: 'What the members are, in the plural.' })
  readonly unit!: string;

  @FactsValue(() => String, { description: 'Who belongs to it, and by which time.' })
  readonly words!: string;

  @FactsValue(() => String, {
    nullable: true,
    description:
      'What gives exactly these members in this graph: a field of the root without its selection, such as `population(control: …)`. Null where the members are neither records nor messages.',
  })
  readonly query!: string | null;

  @FactsValue(() => Boolean, {
    from: 'coverage.complete',
    description:
      'Whether all of it was collected: no gaps, and no record in `missing` that may still be there.',
  })
  readonly complete!: boolean;

  @ValueField(() => [EvidenceGap], { description: 'What it cannot vouch for, oldest first by stream.' })
  get gaps(): EvidenceGap[] {
    return this.facts.coverage.gaps.map(toGap);
  }

  @ValueField(() => [MissingRecord], {
    description:
      'The records that Abnormal lists and that could not be read, by stream and id. Those with the code `GONE` disappeared before they could be read; the others keep the population from being complete.',
  })
  get missing(): MissingRecord[] {
    return this.facts.coverage.missing.map((each) => toMissingRecord(each, each));
  }
}

function toGap({ resource, filterKey, ...gap }: StreamGap): EvidenceGap {
  return { ...gap, stream: `${resource}/${filterKey}` };
}

@ObjectType('DistributionBar', { description: 'One value of a distribution.' })
export class DistributionBar {
  @ValueField(() => String, { description: 'The value, or the class of values.' })
  readonly label!: string;

  @ValueField(() => Int, { description: 'How many members have it.' })
  readonly count!: number;

  @ValueField(() => Int, {
    nullable: true,
    description: 'How many had it in the period before, where that is compared.',
  })
  readonly before!: number | null;
}

@ObjectType('Distribution', { description: 'How a population spreads over the values of one attribute.' })
export class Distribution {
  @ValueField(() => String, { description: 'Which attribute.' })
  readonly title!: string;

  @ValueField(() => [DistributionBar], { description: 'Its values, in an order that suits them.' })
  readonly bars!: DistributionFacts['bars'];
}

@ObjectType('NoLongerGiven', {
  simpleResolvers: true,
  description: 'Members of a population that Abnormal no longer returns.',
})
export class NoLongerGiven {
  constructor(
    readonly facts: ResultFacts['noLongerGiven'],
    private readonly pin: Pin,
  ) {}

  @FactsValue(() => Int, { description: 'How many there are.' })
  readonly count!: number;

  @FactsValue(() => DateTime, {
    nullable: true,
    description: 'Since when the first of them is missing (UTC); null where there are none.',
  })
  readonly since!: Instant | null;

  @ValueField(() => [PopulationMember], {
    description:
      'The first 100 of them, in the order in which the records were walked; `population` lists all, each with `noLongerGivenSince`.',
  })
  get members(): PopulationMember[] {
    return this.facts.members.slice(0, NAMED).map((member) => new PopulationMember(member, this.pin));
  }
}

/** The most members that a result lists. */
const NAMED = 100;

/** The request that a result answers; later pages of its exceptions are read with it. */
export interface Asked {
  readonly request: EvidenceRequest;
  readonly evidence: EvidenceFacts;
}

@ObjectType('ControlResult', { simpleResolvers: true, description: 'What one control says of the period.' })
export class ControlResult {
  constructor(
    readonly facts: ResultFacts,
    readonly asked: Asked,
  ) {}

  @ValueField(() => Control, { description: 'The control.' })
  get control(): Control {
    return controlOf(this.facts.control, this.asked.request.thresholds);
  }

  @FactsValue(() => Verdict, { description: 'The verdict.' })
  readonly verdict!: Verdict;

  @FactsValue(() => String, { description: 'Why, in a sentence or two.' })
  readonly reason!: string;

  @ValueField(() => Measure, { nullable: true, description: 'The number that the control is known by.' })
  get measured(): Measure | null {
    const [first] = this.facts.measures;
    return first ? toMeasure(first) : null;
  }

  @ValueField(() => [Measure], { description: 'Every number that was measured.' })
  get measures(): Measure[] {
    return this.facts.measures.map(toMeasure);
  }

  @ValueField(() => Population, { description: 'What it is about.' })
  get population(): Population {
    return new Population(this.facts.population);
  }

  @ValueField(() => NoLongerGiven, {
    description:
      'What of the population Abnormal returned once and no longer returns: it counts as it was last recorded.',
  })
  get noLongerGiven(): NoLongerGiven {
    return new NoLongerGiven(this.facts.noLongerGiven, this.asked.evidence.pin);
  }

  @FactsValue(() => Int, {
    from: 'outcomes.PENDING',
    description: 'Members whose time is not up yet: neither good nor bad.',
  })
  readonly pending!: number;

  @FactsValue(() => Int, {
    from: 'outcomes.IN_DOUBT',
    description: 'Members of which what is recorded cannot tell.',
  })
  readonly inDoubt!: number;

  @FactsValue(() => [Distribution], { description: 'How the population spreads, where that says something.' })
  readonly distributions!: readonly DistributionFacts[];
}

export function controlOf(id: ResultFacts['control'], thresholds: Thresholds): Control {
  return new Control(CONTROLS[id], thresholds);
}

@ObjectType('TrendPoint', {
  simpleResolvers: true,
  description: 'What one control says of one part of the period.',
})
export class TrendPoint {
  constructor(
    readonly facts: PointFacts,
    private readonly thresholds: Thresholds,
  ) {}

  @ValueField(() => Control, { description: 'The control.' })
  get control(): Control {
    return controlOf(this.facts.control, this.thresholds);
  }

  @FactsValue(() => Verdict, { description: 'The verdict on the part.' })
  readonly verdict!: Verdict;

  @FactsValue(() => String, { description: 'Why, in a sentence or two.' })
  readonly reason!: string;

  @ValueField(() => Measure, { nullable: true, description: 'The number that the control is known by.' })
  get measured(): Measure | null {
    return this.facts.measure && toMeasure(this.facts.measure);
  }

  @FactsValue(() => Int, { description: 'Members of the population in the part.' })
  readonly count!: number;

  @FactsValue(() => Int, { description: 'Exceptions in the part.' })
  readonly exceptions!: number;
}

@ObjectType('TrendPart', { description: 'One part of the period, judged by itself.' })
export class TrendPart {
  @ValueField(() => EvidencePeriod, { description: 'The part.' })
  readonly period!: EvidencePeriod;

  @ValueField(() => [TrendPoint], { description: 'What each control says of it.' })
  readonly points!: TrendPoint[];
}

const EvidenceValue = valueFieldFrom('asked.evidence');

@ObjectType('Evidence', {
  simpleResolvers: true,
  description: 'What controls say of a period, on the grounds of one view of the history.',
})
export class Evidence {
  constructor(readonly asked: Asked) {}

  @EvidenceValue(() => EvidencePeriod, { description: 'The period.' })
  readonly period!: EvidencePeriod;

  @EvidenceValue(() => DateTime, {
    from: 'pin.at',
    description:
      'The last recording that was judged by (UTC): what counts as now. Asked for as `asOf`, the same is found again.',
  })
  readonly asOf!: Instant;

  @EvidenceValue(() => Int, { from: 'pin.seq', description: 'The number of that recording.' })
  readonly seq!: number;

  @EvidenceValue(() => [ID], { description: 'The integrations that were judged together, by name.' })
  readonly integrations!: readonly string[];

  @ValueField(() => [ControlResult], { description: 'What each control says.' })
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
      points: points.map((point) => new TrendPoint(point, request.thresholds)),
    }));
  }
}
