import type { Verdict as ControlVerdict } from '../../controls/control.js';
import type { Trend as TrendParts } from '../../controls/period.js';
import type { GapClass as ClassOfGap } from '../../controls/stream-facts.js';
import { describedEnum } from '../base/described-enum.js';

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
