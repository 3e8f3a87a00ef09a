import type { Window } from '../../model/ledger.js';
import type { StreamState } from '../../model/stream.js';
import { earliest, latest, shift } from '../../values/instant.js';
import { cutSpans, floorToSecond } from '../../values/window.js';
import { endRun } from '../end-run.js';
import { type DeltaOutcome, reachMs, readDelta } from '../pass/read-delta.js';
import { type Fortune, newFortune, planStreams } from '../pass/read-streams.js';
import { repairClock } from '../pass/repair-clock.js';
import { newPassMemory, nowOf, type Pass, type Source, type SyncEnv } from '../pass.js';
import { createRunRecorder } from '../run-recorder.js';
import { errorOf, stopOf } from '../stop.js';
import { sourceStates, updateStates } from '../stream-states.js';
import { deltaOf, type WorkList } from '../window/missing-windows.js';

/**
 * Reads what is new of one source for somebody who waits: since the last reading, but no more than the latest
 * day or two.
 */
export async function runLiveDelta(env: SyncEnv, source: Source, signal: AbortSignal): Promise<DeltaOutcome> {
  const asOf = floorToSecond(nowOf(env));
  const recorder = createRunRecorder(env, source, { trigger: 'LIVE', parameters: { to: asOf } });
  const runIds = new Set([recorder.id]);
  const memory = newPassMemory();
  const reading = {
    recorder,
    signal,
    priority: 'interactive',
    asOf,
    runIds,
    memory,
    maxAgeMs: null,
  } as const;
  const pass: Pass = { ...env, ...source, ...reading };
  await updateStates(
    env,
    source,
    () => ({ lastAttemptAt: asOf }),
    (streams) => recorder.record({ streams }),
  );
  const states = await sourceStates(env, source);
  const fortune = newFortune();
  const stop = await stopOf(() => readNewest(pass, states, fortune));
  await endRun(env, source, recorder, fortune, stop);
  return { error: stop ? errorOf(stop) : fortune.lastError };
}

async function readNewest(pass: Pass, states: readonly StreamState[], fortune: Fortune): Promise<void> {
  await repairClock(pass, states);
  const floor = shift(pass.asOf, -reachMs(true));
  const works = await planStreams(
    pass,
    states,
    (state) => latest(state.collectFrom, floor),
    (list) => apartFromTail(pass, list, deltaOf(list, pass.asOf, reachMs(list.density !== null))),
  );
  await readDelta(pass, works, earliest(floor, pass.asOf), fortune, () => undefined);
}

/** So many rows in the time that has not settled are worth a request of their own. */
const BUSY_ROWS = 3;

/**
 * Lists what has not settled apart from what has, where much goes on: of what has not, only what is new need be
 * fetched now, since it will be read again in any case.
 */
function apartFromTail(pass: Pass, { density }: WorkList, spans: readonly Window[]): readonly Window[] {
  const { ingestionLagMs } = pass.settings;
  const rows = density ? (density.rows / density.ms) * ingestionLagMs : 0;
  return rows < BUSY_ROWS ? spans : cutSpans(spans, [shift(pass.asOf, -ingestionLagMs)]);
}
