import type { Judgement, Measure } from './control.js';
import { shareText } from './words.js';

/** Members of a population by what became of them; those whose time is not up are no part of it yet. */
export interface Split {
  readonly met: number;
  readonly missed: number;
  /** Those of which it cannot be told. */
  readonly doubtful: number;
}

/** `SHORT` and `MET` hold whatever the doubtful ones turn out to be; `EMPTY` is no member at all. */
export type Grade = 'SHORT' | 'DOUBTFUL' | 'MET' | 'EMPTY';

/** What share is met if all the doubtful ones are not, and if all are; `null` without any member. */
export function shareBounds({ met, missed, doubtful }: Split): { least: number; most: number } | null {
  const all = met + missed + doubtful;
  return all === 0 ? null : { least: met / all, most: (met + doubtful) / all };
}

/** Whether at least the share `wanted` is met. */
export function gradeShare(split: Split, wanted: number): Grade {
  const bounds = shareBounds(split);
  if (bounds === null) return 'EMPTY';
  if (bounds.most < wanted) return 'SHORT';
  return bounds.least < wanted ? 'DOUBTFUL' : 'MET';
}

/** The share that is proven and, where that is another, the most that it can be. */
export function shareMeasures(name: string, split: Split, wanted: number): Measure[] {
  const bounds = shareBounds(split);
  const threshold = { value: wanted, bound: 'AT_LEAST' } as const;
  const proven: Measure = { name, value: bounds?.least ?? null, unit: 'share', threshold };
  if (bounds === null || split.doubtful === 0) return [proven];
  return [proven, { name: `${name}, those in doubt included`, value: bounds.most, unit: 'share', threshold }];
}

/** The most that the share can be, in words. */
export function mostText(split: Split): string {
  const most = shareText(shareBounds(split)?.most ?? 0);
  return split.doubtful === 0 ? most : `at most ${most}`;
}

/**
 * The number to show next to a verdict: the one that the control is known by, or for a failure the first that
 * misses its threshold. So none says that a failed control got what it wanted.
 */
export function shownMeasure({ verdict, measures }: Pick<Judgement, 'verdict' | 'measures'>): Measure | null {
  const missing = verdict === 'FAIL' ? measures.find(isMissed) : undefined;
  return missing ?? measures[0] ?? null;
}

function isMissed({ value, threshold }: Measure): boolean {
  if (value === null || threshold === null) return false;
  return threshold.bound === 'AT_LEAST' ? value < threshold.value : value > threshold.value;
}
