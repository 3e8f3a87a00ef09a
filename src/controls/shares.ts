/** Members of a population by what became of them; those whose time is not up are no part of it yet. */
export interface Split {
  readonly met: number;
  readonly missed: number;
  /** Those of which it cannot be told. */
  readonly doubtful: number;
}

/** `SHORT` and `MET` hold whatever the doubtful ones turn out to be; `EMPTY` is no member at all. */
export type Grade = 'SHORT' | 'DOUBTFUL' | 'MET' | 'EMPTY';

/** Whether at least the share `least` is met. */
export function gradeShare({ met, missed, doubtful }: Split, least: number): Grade {
  const all = met + missed + doubtful;
  if (all === 0) return 'EMPTY';
  if ((met + doubtful) / all < least) return 'SHORT';
  return met / all < least ? 'DOUBTFUL' : 'MET';
}
