import type { Run, RunStatus } from '../model/run.js';
import type { StreamState } from '../model/stream.js';
import type { Source, SyncEnv } from './pass.js';
import type { Fortune } from './read-streams.js';
import type { RunRecorder } from './run-recorder.js';
import type { Stop } from './stop.js';
import { changedStates, statusMessage } from './stream-states.js';

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
  const streams = await refusedStates(env, source, stop);
  if (stop?.kind === 'REFUSED') recorder.note(stop.error.message);
  const { run } = await recorder.end(status, { streams });
  const { integration, resource, trigger, counts, errors } = run;
  env.log.info({ runId: run.id, integration, resource, trigger, status, counts, errors }, 'run ended');
  return run;
}

async function refusedStates(env: SyncEnv, source: Source, stop: Stop | null): Promise<StreamState[]> {
  if (stop?.kind !== 'REFUSED') return [];
  const { status, error } = stop;
  const message = statusMessage(status, source, error.message);
  env.log.error({ integration: source.account.name, resource: source.resource, status }, message ?? status);
  return changedStates(env, source, () => ({ status, message }));
}
