import { Float, ID, ObjectType } from 'type-graphql';
import type {
  CoverageGapClass as ClassOfGap,
  ControlDefinition as ControlRule,
  ControlVerdict,
  Unit,
} from '../../controls/control.js';
import type { TrendUnit as TrendParts } from '../../controls/period.js';
import {
  THRESHOLDS,
  type ThresholdName,
  type Thresholds,
  type ThresholdType,
} from '../../controls/thresholds.js';
import { describedEnum, ValueField, valueFieldFrom } from '../base/fields.js';

export type MeasureUnit = 'SHARE' | 'SECONDS' | 'COUNT';

export const MeasureUnit = describedEnum<MeasureUnit>('MeasureUnit', 'What a number of a control counts.', {
  SHARE: 'A share, from 0 to 1.',
  SECONDS: 'A length of time, in seconds.',
  COUNT: 'How many.',
});

const UNIT_OF: Record<Unit | ThresholdType, MeasureUnit> = {
  share: 'SHARE',
  ms: 'SECONDS',
  duration: 'SECONDS',
  count: 'COUNT',
};

/** Durations are in seconds in the graph, and in milliseconds in controls. */
export function toMeasured(unit: Unit | ThresholdType, value: number): { unit: MeasureUnit; value: number } {
  const measured = UNIT_OF[unit];
  return { unit: measured, value: measured === 'SECONDS' ? value / 1000 : value };
}

@ObjectType('ControlThreshold', { description: 'A number that a verdict depends on besides the records.' })
class ControlThreshold {
  @ValueField(() => ID, { description: 'Its name, as rules and the command line have it.' })
  readonly name!: string;

  @ValueField(() => Float, { description: 'Its value as this gateway judges by it.' })
  readonly value!: number;

  @ValueField(() => MeasureUnit, { description: 'What it counts.' })
  readonly unit!: MeasureUnit;

  @ValueField(() => String, { description: 'What it decides.' })
  readonly description!: string;
}

const ControlValue = valueFieldFrom('control');

@ObjectType('Control', {
  simpleResolvers: true,
  description: 'A rule that the recorded history is held against, and the numbers that it goes by.',
})
export class Control {
  constructor(
    readonly control: ControlRule,
    private readonly values: Thresholds,
  ) {}

  @ControlValue(() => ID, {
    description: 'Its lasting name, such as `attacks-remediated`: for `evidence(controls:)`.',
  })
  readonly id!: string;

  @ControlValue(() => String, { description: 'What it asserts, in a few words.' })
  readonly title!: string;

  @ControlValue(() => String, { description: 'The rule in words; names in backquotes are thresholds.' })
  readonly rule!: string;

  @ValueField(() => [ControlThreshold], { description: 'The numbers in the rule.' })
  get thresholds(): ControlThreshold[] {
    return this.control.thresholds.map((name) => thresholdOf(name, this.values[name]));
  }

  @ValueField(() => [String], {
    description:
      'The streams that must be covered for it to pass, each as resource/filter key: `threats/receivedTime`.',
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
export const Verdict = describedEnum<Verdict>('Verdict', 'What a control says of a period.', {
  PASS: 'The rule held, and the history covers the whole period.',
  FAIL: 'The rule was broken. Whatever else may be missing, that stands.',
  INSUFFICIENT_DATA: 'What is recorded does not decide it; the reason says what is missing.',
  NOT_APPLICABLE: 'There is nothing that it could be about: no licence, or nothing happened.',
});

export type Trend = TrendParts;
export const Trend = describedEnum<Trend>('Trend', 'How a period is cut for a trend, in UTC.', {
  DAY: 'By days.',
  WEEK: 'By ISO weeks, Monday to Sunday; those at the ends are cut.',
  MONTH: 'By calendar months.',
});

export type Bound = 'AT_LEAST' | 'AT_MOST';
export const Bound = describedEnum<Bound>('Bound', 'Which side of its threshold a number should be on.', {
  AT_LEAST: 'The threshold or more.',
  AT_MOST: 'The threshold or less.',
});

export type GapClass = ClassOfGap;
export const GapClass = describedEnum<GapClass>('GapClass', 'What a gap means for a verdict.', {
  NOT_DUE: 'So near to the end of what is recorded that no collection could vouch for it yet.',
  UNREACHED:
    'Before the collection’s beginning, out of Abnormal’s retention or not licensed: nothing that could have been had was lost.',
  HOLE: 'What should have been collected and was not.',
});
