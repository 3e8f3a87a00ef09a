import type { Window } from '../../model/ledger.js';
import type { RunCounts, RunTrigger } from '../../model/run.js';
import type { FilterKey } from '../../model/stream.js';
import type { Resource } from '../../resources/kind.js';
import type { Source, SyncEnv } from '../pass.js';
import type { RunRecorder } from '../run-recorder.js';
import type { StreamWork } from './read-streams.js';

/**
 * How a pass is getting on. `DELTA`: what came since the last; `GAPS`: older spans not yet held, newest first;
 * `REREAD`: records that may have changed without being listed.
 */
export interface Progress {
  readonly integration: string;
  readonly resource: Resource;
  readonly trigger: RunTrigger;
  readonly phase: 'DELTA' | 'GAPS' | 'REREAD';
  readonly filterKey: FilterKey | null;
  /** The window just read; `null` while re-reading. */
  readonly window: Window | null;
  readonly counts: RunCounts;
  /** Source time left to read, of all streams together, in milliseconds. */
  readonly remainingMs: number;
  /** How long that will take at the pace so far, in milliseconds; `null` before there is a pace. */
  readonly etaMs: number | null;
}

export type OnProgress = (progress: Progress) => void;

/** Makes the callbacks that report one phase, with the counts of the run that does it. */
export type Reporter = (
  phase: Progress['phase'],
  recorder: RunRecorder,
) => (work?: StreamWork, window?: Window) => void;

/** Reports on `works` to whoever started the pass. */
export function progressReporter(
  env: SyncEnv,
  source: Source,
  { trigger, onProgress }: { readonly trigger: RunTrigger; readonly onProgress: OnProgress },
  works: readonly StreamWork[],
): Reporter {
  const remaining = () => works.reduce((sum, { planner }) => sum + planner.remainingMs(), 0);
  const etaOf = createEta(env.clock, remaining());
  return (phase, recorder) => (work, window) => {
    const remainingMs = remaining();
    onProgress({
      integration: source.account.name,
      resource: source.resource,
      trigger,
      phase,
      filterKey: work?.state.filterKey ?? null,
      window: window ?? null,
      counts: recorder.counts(),
      remainingMs,
      etaMs: etaOf(remainingMs),
    });
  };
}

/** Reckons when the work is done from how much of it was left at the beginning, and is left now. */
function createEta(clock: () => number, totalMs: number): (remainingMs: number) => number | null {
  const startedAt = clock();
  return (remainingMs) => {
    const done = totalMs - remainingMs;
    return done > 0 ? Math.round(((clock() - startedAt) * remainingMs) / done) : null;
  };
}
