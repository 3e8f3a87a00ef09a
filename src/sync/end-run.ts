import type { Run, RunStatus } from '../model/run.js';
import type { Fortune } from './pass/read-streams.js';
import type { Source, SyncEnv } from './pass.js';
import type { RunRecorder } from './run-recorder.js';
import type { Refusal, Stop } from './stop.js';
import { statusMessage, updateStates } from './stream-states.js';

/** How a run ends that fared so and was stopped by that. */
export function runStatusOf({ read, flawed }: Fortune, stop: Stop | null): RunStatus {
  if (stop?.kind === 'INTERRUPTED') return 'INTERRUPTED';
  if (!stop && flawed === 0) return 'SUCCEEDED';
  return read > 0 ? 'PARTIAL' : 'FAILED';
}

/** Writes a run's end and, when the resource was refused, what that leaves its streams in. */
export async function endRun(
  env: SyncEnv,
  source: Source,
  recorder: RunRecorder,
  fortune: Fortune,
  stop: Stop | null,
): Promise<Run> {
  const status = runStatusOf(fortune, stop);
  const { run } =
    stop?.kind === 'REFUSED'
      ? await endRefused(env, source, recorder, status, stop)
      : await recorder.end(status);
  const { integration, resource, trigger, counts } = run;
  // what went wrong was logged when it began; the run itself has the words
  const problems = run.errors.length;
  env.log.info({ runId: run.id, integration, resource, trigger, status, counts, problems }, 'run ended');
  return run;
}

function endRefused(
  env: SyncEnv,
  source: Source,
  recorder: RunRecorder,
  runStatus: RunStatus,
  refusal: Refusal,
) {
  const { status, error } = refusal;
  const message = statusMessage(status, source, error.message);
  recorder.note(error.message);
  return updateStates(
    env,
    source,
    () => ({ status, message }),
    (streams) => recorder.end(runStatus, { streams }),
  );
}
