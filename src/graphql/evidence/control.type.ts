import type {
  CoverageGapClass as ClassOfGap,
  ControlDefinition as ControlRule,
  ControlVerdict,
  HeadlineFacts,
  ControlMeasure as MeasureFacts,
  PopulationUnit,
} from '../../controls/control.js';
import type { TrendUnit as TrendParts } from '../../controls/period.js';
import { criterionTitle, FRAMEWORKS, listReferences, type Reference } from '../../policy/frameworks.js';
import type { Rules } from '../../policy/policy.js';
import { THRESHOLDS, type ThresholdName, type ThresholdType } from '../../policy/thresholds.js';
import { describedEnum, OutputType, outputType, showFields, Value } from '../base/fields.js';

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

type MeasureUnit = 'SHARE' | 'SECONDS' | 'COUNT';

const MeasureUnit = describedEnum<MeasureUnit>('MeasureUnit', 'Unit of a number.', {
  SHARE: 'A share, from 0 to 1.',
  SECONDS: 'A duration, in seconds.',
  COUNT: 'A count.',
});

const UNIT_OF: Record<PopulationUnit | ThresholdType, MeasureUnit> = {
  share: 'SHARE',
  ms: 'SECONDS',
  duration: 'SECONDS',
  count: 'COUNT',
};

/** Durations are in seconds in the graph, and in milliseconds in controls. */
function toMeasured(
  unit: PopulationUnit | ThresholdType,
  value: number,
): { unit: MeasureUnit; value: number } {
  const measured = UNIT_OF[unit];
  return { unit: measured, value: measured === 'SECONDS' ? value / 1000 : value };
}

const ControlThreshold = outputType('ControlThreshold', 'A parameter of a control’s rule.', {
  name: Value.id('Name of the threshold, as used in rules and on the command line.'),
  value: Value.float('The value that this gateway uses.'),
  unit: Value.enum(() => MeasureUnit, 'Unit of the value.'),
  description: Value.text('What the threshold decides.'),
});

@OutputType('A requirement of a published framework that a control is evidence for.', {
  name: 'ControlReference',
})
class ControlReference {
  constructor(readonly reference: Reference) {}
}

showFields(ControlReference, 'reference', {
  framework: Value.id('Id of the framework: `soc2`, `nist-800-53`.'),
  frameworkTitle: Value.text('Name of the framework.', {
    by: (reference) => FRAMEWORKS[reference.framework].title,
  }),
  criterion: Value.id('Id of the requirement in the framework: `CC7.2`, `SI-3`.'),
  title: Value.text('What the requirement is about, in our words.', {
    by: criterionTitle,
  }),
  source: Value.text('Where the text of the framework is published.', {
    by: (reference) => FRAMEWORKS[reference.framework].source,
  }),
});

@OutputType('A rule that the recorded history is checked against, with its thresholds.', { name: 'Control' })
export class Control {
  constructor(
    readonly control: ControlRule,
    readonly rules: Rules,
  ) {}
}

showFields(Control, 'control', {
  id: Value.id('Permanent id, such as `attacks-remediated`, for `evidence(controls:)`.'),
  title: Value.text('What the control asserts, in a few words.'),
  rule: Value.text('The rule in words; names in backquotes are thresholds.'),
  limits: Value.text('How far the evidence goes, and what it does not show.'),
  streams: Value.texts(
    'The streams that must be covered for the control to pass, each as resource/filter key: `threats/receivedTime`.',
    { by: (control) => control.needs.map(({ resource, filterKey }) => `${resource}/${filterKey}`) },
  ),
  references: Value.list(
    () => ControlReference,
    'The requirements of frameworks that the control is evidence for; only the frameworks that the policy shows.',
    {
      by: ({ references }, { rules }) =>
        listReferences(references, rules.policy.frameworks).map((each) => new ControlReference(each)),
    },
  ),
  owner: Value.textOrNull('Who owns the control, by the policy. Null if the policy names nobody.', {
    by: ({ id }, { rules }) => rules.policy.controls[id]?.owner ?? null,
  }),
  thresholds: Value.list(() => ControlThreshold, 'The thresholds of the rule.', {
    by: ({ thresholds }, { rules }) => thresholds.map((name) => thresholdOf(name, rules.thresholds[name])),
  }),
});

function thresholdOf(name: ThresholdName, value: number): InstanceType<typeof ControlThreshold> {
  const { type, description } = THRESHOLDS[name];
  return { name, description, ...toMeasured(type, value) };
}

export const Verdict = describedEnum<ControlVerdict>('Verdict', 'Result of a control over a period.', {
  PASS: 'The rule was kept, and the history covers the whole period.',
  FAIL: 'The rule was broken. Missing data cannot change that.',
  INSUFFICIENT_DATA: 'The recorded data do not decide it; the reason says what is missing.',
  NOT_APPLICABLE: 'The population is empty: the account has no licence, or nothing happened.',
});

export type Trend = TrendParts;
export const Trend = describedEnum<Trend>('Trend', 'How a period is divided for a trend, in UTC.', {
  DAY: 'By days.',
  WEEK: 'By ISO weeks, Monday to Sunday; the first and the last may be shorter.',
  MONTH: 'By calendar months.',
});

const Bound = describedEnum<'AT_LEAST' | 'AT_MOST'>(
  'Bound',
  'On which side of its threshold a number must be.',
  {
    AT_LEAST: 'The threshold or more.',
    AT_MOST: 'The threshold or less.',
  },
);

export const GapClass = describedEnum<ClassOfGap>('GapClass', 'What a gap means for a verdict.', {
  NOT_DUE: 'The gap is so close to the end of the recording that it could not be collected yet.',
  UNREACHED:
    'The gap is before the start of the collection, out of Abnormal’s retention, or not licensed: no available data were lost.',
  HOLE: 'The gap should have been collected and was not.',
});
