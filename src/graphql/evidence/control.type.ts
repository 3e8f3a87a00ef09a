import { Float } from 'type-graphql';
import type {
  CoverageGapClass as ClassOfGap,
  ControlDefinition as ControlRule,
  ControlVerdict,
  PopulationUnit,
} from '../../controls/control.js';
import type { TrendUnit as TrendParts } from '../../controls/period.js';
import { criterionTitle, FRAMEWORKS, listReferences, type Reference } from '../../policy/frameworks.js';
import type { Rules } from '../../policy/policy.js';
import { THRESHOLDS, type ThresholdName, type ThresholdType } from '../../policy/thresholds.js';
import { describedEnum, OutputType, ValueField, valueFieldFrom } from '../base/fields.js';

export type MeasureUnit = 'SHARE' | 'SECONDS' | 'COUNT';

export const MeasureUnit = describedEnum<MeasureUnit>('MeasureUnit', 'Unit of a number.', {
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
export function toMeasured(
  unit: PopulationUnit | ThresholdType,
  value: number,
): { unit: MeasureUnit; value: number } {
  const measured = UNIT_OF[unit];
  return { unit: measured, value: measured === 'SECONDS' ? value / 1000 : value };
}

@OutputType('A parameter of a control’s rule.', { name: 'ControlThreshold' })
class ControlThreshold {
  @ValueField.id('Name of the threshold, as used in rules and on the command line.')
  readonly name!: string;

  @ValueField(() => Float, { description: 'The value that this gateway uses.' })
  readonly value!: number;

  @ValueField(() => MeasureUnit, { description: 'Unit of the value.' })
  readonly unit!: MeasureUnit;

  @ValueField.text('What the threshold decides.')
  readonly description!: string;
}

const ReferenceValue = valueFieldFrom('reference');

@OutputType('A requirement of a published framework that a control is evidence for.', {
  name: 'ControlReference',
})
class ControlReference {
  constructor(readonly reference: Reference) {}

  @ReferenceValue.id('Id of the framework: `soc2`, `nist-800-53`.')
  readonly framework!: string;

  @ValueField.text('Name of the framework.')
  get frameworkTitle(): string {
    return FRAMEWORKS[this.reference.framework].title;
  }

  @ReferenceValue.id('Id of the requirement in the framework: `CC7.2`, `SI-3`.')
  readonly criterion!: string;

  @ValueField.text('What the requirement is about, in our words.')
  get title(): string {
    return criterionTitle(this.reference);
  }

  @ValueField.text('Where the text of the framework is published.')
  get source(): string {
    return FRAMEWORKS[this.reference.framework].source;
  }
}

const ControlValue = valueFieldFrom('control');

@OutputType('A rule that the recorded history is checked against, with its thresholds.', { name: 'Control' })
export class Control {
  constructor(
    readonly control: ControlRule,
    private readonly rules: Rules,
  ) {}

  @ControlValue.id('Permanent id, such as `attacks-remediated`, for `evidence(controls:)`.')
  readonly id!: string;

  @ControlValue.text('What the control asserts, in a few words.')
  readonly title!: string;

  @ControlValue.text('The rule in words; names in backquotes are thresholds.')
  readonly rule!: string;

  @ValueField(() => [ControlReference], {
    description:
      'The requirements of frameworks that the control is evidence for; only the frameworks that the policy shows.',
  })
  get references(): ControlReference[] {
    const shown = listReferences(this.control.references, this.rules.policy.frameworks);
    return shown.map((reference) => new ControlReference(reference));
  }

  @ControlValue.text('How far the evidence goes, and what it does not show.')
  readonly limits!: string;

  @ValueField.textOrNull('Who owns the control, by the policy. Null if the policy names nobody.')
  get owner(): string | null {
    return this.rules.policy.controls[this.control.id]?.owner ?? null;
  }

  @ValueField(() => [ControlThreshold], { description: 'The thresholds of the rule.' })
  get thresholds(): ControlThreshold[] {
    return this.control.thresholds.map((name) => thresholdOf(name, this.rules.thresholds[name]));
  }

  @ValueField(() => [String], {
    description:
      'The streams that must be covered for the control to pass, each as resource/filter key: `threats/receivedTime`.',
  })
  get streams(): string[] {
    return this.control.needs.map(({ resource, filterKey }) => `${resource}/${filterKey}`);
  }
}

function thresholdOf(name: ThresholdName, value: number): ControlThreshold {
  const { type, description } = THRESHOLDS[name];
  return { name, description, ...toMeasured(type, value) };
}

export type Verdict = ControlVerdict;
export const Verdict = describedEnum<Verdict>('Verdict', 'Result of a control over a period.', {
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

export type Bound = 'AT_LEAST' | 'AT_MOST';
export const Bound = describedEnum<Bound>('Bound', 'On which side of its threshold a number must be.', {
  AT_LEAST: 'The threshold or more.',
  AT_MOST: 'The threshold or less.',
});

export type GapClass = ClassOfGap;
export const GapClass = describedEnum<GapClass>('GapClass', 'What a gap means for a verdict.', {
  NOT_DUE: 'The gap is so close to the end of the recording that it could not be collected yet.',
  UNREACHED:
    'The gap is before the start of the collection, out of Abnormal’s retention, or not licensed: no available data were lost.',
  HOLE: 'The gap should have been collected and was not.',
});
