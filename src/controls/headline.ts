import type { Cause, ControlMeasure, ControlVerdict, HeadlineFacts, PopulationUnit } from './control.js';
import { durationText, shareText } from './words.js';

/** The line next to a verdict: the measure that decided it, or, for a pass, the one nearest to its bound. */
export function headlineOf(
  verdict: ControlVerdict,
  reason: string,
  measures: readonly ControlMeasure[],
  cause: Cause | null,
): HeadlineFacts {
  const measure = decisiveMeasure(verdict, measures, cause?.measure ?? null);
  const text = measure === null ? firstSentence(reason) : measureLine(measure);
  return { measure, text, next: verdict === 'PASS' ? null : (cause?.next ?? null) };
}

function decisiveMeasure(
  verdict: ControlVerdict,
  measures: readonly ControlMeasure[],
  name: string | null,
): ControlMeasure | null {
  if (verdict === 'PASS') return nearestToBound(measures);
  if (verdict === 'NOT_APPLICABLE') return null;
  return measures.find((measure) => measure.name === name && isMet(measure) === false) ?? null;
}

/** By the share of the way to the bound that is left; a minimum of 0 cannot be missed and is no bound. */
function nearestToBound(measures: readonly ControlMeasure[]): ControlMeasure | null {
  const bounded = measures.filter(
    (measure) =>
      isMet(measure) === true && !(measure.threshold?.bound === 'AT_LEAST' && measure.threshold.value === 0),
  );
  return bounded.reduce<ControlMeasure | null>(
    (nearest, measure) => (nearest === null || slackOf(measure) < slackOf(nearest) ? measure : nearest),
    null,
  );
}

function slackOf({ value, threshold }: ControlMeasure): number {
  if (value === null || threshold === null) return Number.POSITIVE_INFINITY;
  const distance = Math.abs(value - threshold.value);
  return distance / Math.max(value, threshold.value, Number.MIN_VALUE);
}

/** Up to the first full stop that ends a sentence. */
function firstSentence(text: string): string {
  return /^.*?[.](?= |$)/s.exec(text)?.[0].slice(0, -1) ?? text;
}

/** Whether a measure keeps to its threshold; `null` without a threshold or a value. */
export function isMet({ value, threshold }: ControlMeasure): boolean | null {
  if (value === null || threshold === null) return null;
  return threshold.bound === 'AT_LEAST' ? value >= threshold.value : value <= threshold.value;
}

/** `Median time to remediation 3 h 10 min, at most 1 h`. */
export function measureLine(measure: ControlMeasure): string {
  const bound = thresholdText(measure);
  return `${measure.name} ${headlineText(measure)}${bound === '' ? '' : `, ${bound}`}`;
}

export function measureText(unit: PopulationUnit, value: number): string {
  if (unit === 'share') return shareText(value);
  return unit === 'ms' ? durationText(value) : String(value);
}

export function headlineText({ unit, value, ...measure }: ControlMeasure): string {
  if (value === null) return 'nothing to measure';
  return isPrecise({ unit, value, ...measure }) ? preciseText(unit, value) : measureText(unit, value);
}

export function thresholdText(measure: ControlMeasure): string {
  const { unit, threshold } = measure;
  if (threshold === null) return '';
  const text = (isPrecise(measure) ? preciseText : measureText)(unit, threshold.value);
  return `at ${threshold.bound === 'AT_LEAST' ? 'least' : 'most'} ${text}`;
}

/** A missed threshold and its value must not look the same because both were cut. */
function isPrecise(measure: ControlMeasure): boolean {
  const { unit, value, threshold } = measure;
  if (value === null || threshold === null || isMet(measure) !== false) return false;
  return measureText(unit, value) === measureText(unit, threshold.value);
}

function preciseText(unit: PopulationUnit, value: number): string {
  if (unit === 'ms') return durationText(value, Number.POSITIVE_INFINITY);
  return unit === 'share' ? `${value * 100} %` : String(value);
}
