import type { Measure, Unit, Verdict } from '../controls/control.js';
import { durationText, shareText } from '../controls/words.js';

export const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  FAIL: 'failed',
  INSUFFICIENT_DATA: 'could not be judged',
  PASS: 'passed',
  NOT_APPLICABLE: 'not applicable',
};

/** A verdict as it stands beside a control. */
export const VERDICT_LABELS: Readonly<Record<Verdict, string>> = {
  PASS: '✓ Pass',
  FAIL: '✕ Fail',
  INSUFFICIENT_DATA: '? Insufficient data',
  NOT_APPLICABLE: '– Not applicable',
};

/** A number in its unit. */
export function measureText(unit: Unit, value: number): string {
  if (unit === 'share') return shareText(value);
  return unit === 'ms' ? durationText(value) : String(value);
}

/** What was measured, or that nothing was. */
export function valueText({ unit, value }: Measure): string {
  return value === null ? 'nothing to measure' : measureText(unit, value);
}

/** What a measure is held against. */
export function thresholdText({ unit, threshold }: Measure): string {
  if (threshold === null) return '';
  return `at ${threshold.bound === 'AT_LEAST' ? 'least' : 'most'} ${measureText(unit, threshold.value)}`;
}
