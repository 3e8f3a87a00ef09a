import type { HeadlineFacts, ControlMeasure as MeasureFacts } from '../../controls/control.js';
import { OutputType, outputType, showFields, Value } from '../base/fields.js';
import { Bound, MeasureUnit, toMeasured } from './control.type.js';

export const Measure = outputType('Measure', 'A number that a control measured, with its threshold.', {
  name: Value.text('What was measured.'),
  value: Value.floatOrNull('The number; null if there was nothing to measure.'),
  unit: Value.enum(() => MeasureUnit, 'Unit of the value.'),
  threshold: Value.floatOrNull('The threshold, in the same unit; null if there is none.'),
  bound: Value.enumOrNull(() => Bound, 'On which side of the threshold the number must be.'),
});

export function toMeasure({ name, value, unit, threshold }: MeasureFacts): InstanceType<typeof Measure> {
  return {
    name,
    unit: toMeasured(unit, 0).unit,
    value: value === null ? null : toMeasured(unit, value).value,
    threshold: threshold === null ? null : toMeasured(unit, threshold.value).value,
    bound: threshold?.bound ?? null,
  };
}

@OutputType('A verdict in one line: the measure that decided it, its bound, and the next step.', {
  name: 'Headline',
})
export class Headline {
  constructor(readonly facts: HeadlineFacts) {}
}

showFields(Headline, 'facts', {
  text: Value.text(
    'For people: `Median time to remediation 3 h 10 min, at most 1 h`. Without a deciding measure, the beginning of the reason.',
  ),
  measure: Value.objectOrNull(
    () => Measure,
    'The measure that decided the verdict; for `PASS` the one nearest to its bound. Null if no measure decided.',
    { by: (facts) => facts.measure && toMeasure(facts.measure) },
  ),
  next: Value.textOrNull('The next step; null if there is none.'),
});
