import { Float } from 'type-graphql';
import type { HeadlineFacts, ControlMeasure as MeasureFacts } from '../../controls/control.js';
import { OutputType, ValueField, valueFieldFrom } from '../base/fields.js';
import { Bound, MeasureUnit, toMeasured } from './control.type.js';

@OutputType('A number that a control measured, with its threshold.', { name: 'Measure' })
export class Measure {
  @ValueField.text('What was measured.')
  readonly name!: string;

  @ValueField(() => Float, {
    nullable: true,
    description: 'The number; null if there was nothing to measure.',
  })
  readonly value!: number | null;

  @ValueField(() => MeasureUnit, { description: 'Unit of the value.' })
  readonly unit!: MeasureUnit;

  @ValueField(() => Float, {
    nullable: true,
    description: 'The threshold, in the same unit; null if there is none.',
  })
  readonly threshold!: number | null;

  @ValueField(() => Bound, {
    nullable: true,
    description: 'On which side of the threshold the number must be.',
  })
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

const HeadlineValue = valueFieldFrom('facts');

@OutputType('A verdict in one line: the measure that decided it, its bound, and the next step.', {
  name: 'Headline',
})
export class Headline {
  constructor(readonly facts: HeadlineFacts) {}

  @HeadlineValue.text(
    'For people: `Median time to remediation 3 h 10 min, at most 1 h`. Without a deciding measure, the beginning of the reason.',
  )
  readonly text!: string;

  @ValueField(() => Measure, {
    nullable: true,
    description:
      'The measure that decided the verdict; for `PASS` the one nearest to its bound. Null if no measure decided.',
  })
  get measure(): Measure | null {
    return this.facts.measure && toMeasure(this.facts.measure);
  }

  @HeadlineValue.textOrNull('The next step; null if there is none.')
  readonly next!: string | null;
}
