import type { Flights } from '../../async/single-flight.js';
import type { RunTrigger } from '../../model/run.js';
import { earliest, type Instant, MINUTE } from '../../values/instant.js';
import { floorToSecond } from '../../values/window.js';
import { endRun } from '../end-run.js';
import {
  newPassMemory,
  nowOf,
  type Pass,
  type PassMemory,
  type Source,
  type SyncEnv,
  sourceText,
} from '../pass.js';
import { reread } from '../records/reread.js';
import { createRunRecorder, type RunRecorder } from '../run-recorder.js';
import { messageOf, type Stop, stopOf } from '../stop.js';
import { sourceStates, updateStates } from '../stream-states.js';
import { sliceFloors, wantedSpans } from '../window/missing-windows.js';
import { type PassReport, passReport } from './pass-report.js';
import { type OnProgress, progressReporter, type Reporter } from './progress.js';
import { type DeltaOutcome, reachMs, readDelta } from './read-delta.js';
import {
  type Fortune,
  nameLost,
  newFortune,
  planStreams,
  readSlice,
  type StreamWork,
} from './read-streams.js';
import { repairClock } from './repair-clock.js';

export interface PassOptions {
  readonly trigger: Extract<RunTrigger, 'POLL' | 'BACKFILL'>;
  /** Sets the beginning of what is wanted back to this instant. */
  readonly from: Instant | null;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Records that may have changed unseen are read again when they were confirmed longer ago; `null`: once an interval. */
  readonly maxAgeMs: number | null;
  /** Readings of what is new, one at a time for each source; others may wait for them. */
  readonly deltas: Flights<DeltaOutcome>;
}

/** A pass on its way: what all of its cycles share. */
interface Journey extends PassOptions {
  readonly env: SyncEnv;
  readonly source: Source;
  readonly main: RunRecorder;
  /** The re-read's own run, which is written only when something is due. */
  readonly again: RunRecorder;
  readonly fortune: Fortune;
  readonly memory: PassMemory;
  /** What the history was last brought up to. */
  asOf: Instant;
}

/**
 * Brings one source up to date: what came since the last pass, then older gaps, newest first, then records that
 * may have changed unseen. While there is much to fill in, the new is read again every interval.
 * It ends when nothing is left to do, when Abnormal refuses, or on the signal; only a failing history throws.
 */
export async function runPass(env: SyncEnv, source: Source, options: PassOptions): Promise<PassReport> {
  const states = await sourceStates(env, source, options.from);
  const parameters = { from: states.map((state) => state.collectFrom).reduce(earliest), to: nowOf(env) };
  const journey: Journey = {
    ...options,
    env,
    source,
    main: createRunRecorder(env, source, { trigger: options.trigger, parameters }),
    again: createRunRecorder(env, source, { trigger: 'REREAD', parameters }),
    fortune: newFortune(),
    memory: newPassMemory(),
    asOf: floorToSecond(nowOf(env)),
  };
  const lastAttemptAt = nowOf(env);
  await updateStates(
    env,
    source,
    () => ({ lastAttemptAt }),
    (streams) => journey.main.record({ streams }),
    options.from,
  );
  return travel(journey);
}

async function travel(journey: Journey): Promise<PassReport> {
  try {
    const stop = await stopOf(async () => {
      while (!(await runCycle(journey)));
    });
    return await arrive(journey, stop);
  } catch (error) {
    journey.main.note(messageOf(error));
    // should the history itself be what fails, the run stays RUNNING until a later poll marks it
    await journey.main.end('FAILED').catch(() => undefined);
    throw error;
  }
}

/** One round of a pass; true when nothing is left to fill in. */
async function runCycle(journey: Journey): Promise<boolean> {
  const { env, source, main, again, fortune } = journey;
  const deadline = env.clock() + Math.max(MINUTE, env.settings.intervals[source.resource]);
  const cycle = await startCycle(journey);
  const patient: Pass = { ...cycle.pass, priority: 'backfill' };
  let isFilled = true;
  for (const floor of cycle.older) {
    const onWindow = cycle.report('GAPS', main);
    isFilled = isFilled && (await readSlice(patient, cycle.works, { floor, deadline }, fortune, onWindow));
  }
  await reread({ ...patient, recorder: again }, deadline, cycle.report('REREAD', again));
  return isFilled;
}

interface Cycle extends DeltaOutcome {
  readonly pass: Pass;
  readonly works: readonly StreamWork[];
  /** Where the slices after the newest begin. */
  readonly older: readonly Instant[];
  readonly report: Reporter;
}

/** Plans a cycle and reads its newest slice, of which there is one reading at a time. */
function startCycle(journey: Journey): Promise<Cycle> {
  const { env, source, main, fortune, deltas } = journey;
  return deltas.start(sourceText(source), async () => {
    const pass = passOf(journey);
    journey.asOf = pass.asOf;
    const works = await planWorks(pass);
    const isKnown = works.some(({ list }) => list.density !== null);
    const oldest = works.map(({ state }) => state.collectFrom).reduce(earliest);
    const [newest = oldest, ...older] = sliceFloors(oldest, pass.asOf, reachMs(isKnown));
    const report = progressReporter(env, source, journey, works);
    const { error } = await readDelta(pass, works, newest, fortune, report('DELTA', main));
    return { error, pass, works, older, report };
  });
}

function passOf({ env, source, signal, main, again, memory, maxAgeMs }: Journey): Pass {
  const runIds = new Set([main.id, again.id]);
  const asOf = floorToSecond(nowOf(env));
  return { ...env, ...source, recorder: main, signal, priority: 'poll', asOf, runIds, memory, maxAgeMs };
}

async function planWorks(pass: Pass): Promise<StreamWork[]> {
  const states = await sourceStates(pass, pass);
  await repairClock(pass, states);
  const works = await planStreams(pass, states, (state) => state.collectFrom, wantedSpans);
  await nameLost(pass, works);
  return works;
}

async function arrive(
  { env, source, main, again, fortune, asOf }: Journey,
  stop: Stop | null,
): Promise<PassReport> {
  if (again.hasBegun()) await endRun(env, source, again, fortune, stop);
  const run = await endRun(env, source, main, fortune, stop);
  await env.drift.write(source.account.name);
  return passReport(env, source, run, main, again, asOf);
}
