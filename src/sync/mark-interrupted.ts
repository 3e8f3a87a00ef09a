import type { Run } from '../model/run.js';
import { nowOf, type SyncEnv } from './pass.js';

/** So many of the newest runs are looked at; what a killed process left is among them at its next start. */
const LOOK_BACK = 200;

/** Marks the runs that a process left RUNNING when it was killed. */
export async function markInterrupted(env: SyncEnv, integrations: readonly string[]): Promise<void> {
  const runs = await env.store.runs({ integrations, before: null, limit: LOOK_BACK });
  for (const run of runs) {
    if (run.status !== 'RUNNING' || env.activeRuns.has(run.id)) continue;
    env.log.warn(
      { runId: run.id, resource: run.resource },
      'an earlier run was cut short; what it recorded stands',
    );
    await env.store.record({
      ...NOTHING,
      id: `${run.id}/interrupted`,
      now: nowOf(env),
      run: interrupted(env, run),
    });
  }
}

function interrupted(env: SyncEnv, run: Run): Run {
  return { ...run, status: 'INTERRUPTED', endedAt: nowOf(env), errors: [...run.errors, 'its process ended'] };
}

const NOTHING = { observations: [], tombstones: [], ledger: [], streams: [], quarantine: [], released: [] };
