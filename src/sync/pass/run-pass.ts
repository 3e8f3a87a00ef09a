import { errorMessage } from '../../abnormal/errors.js';
import type { SingleFlight } from '../../async/waiting.js';
import type { HistoryStore } from '../../history/store.js';
import type { GapReason, QuarantineCode } from '../../model/ledger.js';
import type { RunRecord, RunTrigger } from '../../model/run.js';
import type { StreamState } from '../../model/stream.js';
import { DEFINITION_OF } from '../../resources/registry.js';
import { earliest, floorToSecond, type Instant, MINUTE, type Window, widthOf } from '../../values/instant.js';
import {
  type EndPlace,
  kindOf,
  newPassMemory,
  newPassTally,
  nowOf,
  type Pass,
  type PassMemory,
  type PassTally,
  type RunRecorder,
  type Source,
  type Stop,
  type SyncEnv,
  sourceText,
  stopOf,
} from '../context.js';
import { readParts, reread } from '../records/reread.js';
import { createRunRecorder, endRun } from '../run-recorder.js';
import { sourceStates, updateStates } from '../stream-states.js';
import type { CoverageSummary, OnProgress, PassReport, Progress, StreamReport } from '../sync.js';
import { findMissingWindows, sliceFloors, wantedSpans } from '../window/missing-windows.js';
import {
  type DeltaOutcome,
  nameLost,
  planStreams,
  reachMs,
  readDelta,
  readSlice,
  type StreamWork,
} from './read-streams.js';

export interface PassOptions {
  readonly trigger: Extract<RunTrigger, 'POLL' | 'BACKFILL'>;
  readonly from: Instant | null;
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  /** Unlisted records confirmed longer ago are read again; `null`: once an interval. */
  readonly maxAgeMs: number | null;
  /** Readings of the newest part, one at a time per source, which other callers may join. */
  readonly deltas: SingleFlight<DeltaOutcome>;
  /** Where it may end with others; `null`: alone. */
  readonly place: EndPlace | null;
}

interface PassState extends PassOptions {
  readonly env: SyncEnv;
  readonly source: Source;
  readonly main: RunRecorder;
  /** The run of the re-read, which is written only if a record is due. */
  readonly again: RunRecorder;
  readonly tally: PassTally;
  readonly memory: PassMemory;
  asOf: Instant;
  /** The main run once it has ended. */
  run: RunRecord | null;
}

/** A pass that has ended; its streams are reported on request. */
export interface EndedPass extends Omit<PassReport, 'streams'> {
  readonly asOf: Instant;
}

/**
 * Reads the newest part, then older gaps, newest first, then records that may have changed without being
 * listed. During a long pass the newest part is read again every interval. Throws only if the history fails.
 */
export async function runPass(env: SyncEnv, source: Source, options: PassOptions): Promise<EndedPass> {
  const states = await sourceStates(env, source, options.from);
  const parameters = { from: states.map((state) => state.collectFrom).reduce(earliest), to: nowOf(env) };
  const state: PassState = {
    ...options,
    env,
    source,
    main: createRunRecorder(env, source, { trigger: options.trigger, parameters, place: options.place }),
    again: createRunRecorder(env, source, { trigger: 'REREAD', parameters }),
    tally: newPassTally(),
    memory: newPassMemory(),
    asOf: floorToSecond(nowOf(env)),
    run: null,
  };
  const isFirst = states.some(({ status }) => status === 'NEVER_READ');
  // what is planned next goes by these states
  if (isFirst || options.from !== null) await recordAttempt(state);
  return runCycles(state);
}

function recordAttempt({ env, source, main, from }: PassState): Promise<unknown> {
  const lastAttemptAt = nowOf(env);
  const change = () => ({ lastAttemptAt });
  return updateStates(env, source, change, (streams) => main.record({ streams }), from);
}

async function runCycles(state: PassState): Promise<EndedPass> {
  try {
    const stop = await stopOf(async () => {
      while (!(await runCycle(state)));
    });
    return await finish(state, stop);
  } catch (error) {
    state.main.note(errorMessage(error));
    // if the history itself fails, the run stays RUNNING until a later poll marks it
    if (state.run === null) await state.main.end('FAILED').catch(() => undefined);
    throw error;
  }
}

/** One round of a pass; true if nothing is left. */
async function runCycle(state: PassState): Promise<boolean> {
  const { env, source, main, again, tally } = state;
  const deadline = env.clock() + Math.max(MINUTE, env.settings.intervals[source.resource]);
  const cycle = await startCycle(state);
  const patient: Pass = { ...cycle.pass, priority: 'backfill' };
  let isFilled = true;
  for (const floor of cycle.older) {
    const onWindow = cycle.report('GAPS', main);
    isFilled = isFilled && (await readSlice(patient, cycle.works, { floor, deadline }, tally, onWindow));
  }
  await reread({ ...patient, recorder: again }, deadline, cycle.report('REREAD', again));
  if (isFilled) await readParts({ ...patient, recorder: again }, deadline, cycle.report('REREAD', again));
  return isFilled;
}

interface Cycle extends DeltaOutcome {
  readonly pass: Pass;
  readonly works: readonly StreamWork[];
  readonly older: readonly Instant[];
  readonly report: Reporter;
}

function startCycle(state: PassState): Promise<Cycle> {
  const { env, source, main, tally, deltas } = state;
  return deltas.start(sourceText(source), async () => {
    const pass = passOf(state);
    state.asOf = pass.asOf;
    const works = await planWorks(pass);
    const isKnown = works.some(({ list }) => list.density !== null);
    const oldest = works.map(({ state }) => state.collectFrom).reduce(earliest);
    // each poll reads again where rows may still come late; as an older gap, that would take another batch
    const lateForMs = DEFINITION_OF[kindOf(source)].streams.map((stream) => stream.lateForMs ?? 0);
    const reach = Math.max(reachMs(isKnown), ...lateForMs);
    const [newest = oldest, ...older] = sliceFloors(oldest, pass.asOf, reach);
    const report = progressReporter(env, source, state, works);
    const { error, settle } = await readDelta(pass, works, newest, tally, report('DELTA', main));
    // if there is nothing else to list, the run is one batch; what is read again has a run of its own
    const isListed = error === null && works.every(({ planner }) => planner.remainingMs() === 0);
    // before the states are read that it ends with
    if (isListed && !main.hasBegun()) await state.place?.ready();
    await settle(async (streams) => {
      if (isListed) state.run = await endRun(env, source, main, tally, null, streams);
      else await main.record({ streams });
    });
    return { error, pass, works, older, report };
  });
}

function passOf({ env, source, signal, main, again, memory, maxAgeMs }: PassState): Pass {
  const runIds = new Set([main.id, again.id]);
  const asOf = floorToSecond(nowOf(env));
  return { ...env, ...source, recorder: main, signal, priority: 'poll', asOf, runIds, memory, maxAgeMs };
}

async function planWorks(pass: Pass): Promise<StreamWork[]> {
  const states = await sourceStates(pass, pass);
  const works = await planStreams(pass, states, (state) => state.collectFrom, wantedSpans);
  await nameLost(pass, works);
  return works;
}

async function finish(state: PassState, stop: Stop | null): Promise<EndedPass> {
  const { env, source, main, again, tally, asOf } = state;
  // a refusal is recorded by the run that is left
  const isLeft = again.hasBegun() || (state.run !== null && stop?.kind === 'REFUSED');
  const reread = isLeft ? await endRun(env, source, again, tally, stop) : null;
  const run = state.run ?? (await endRun(env, source, main, tally, stop));
  await env.drift.write(source.account.name);
  // what ends the re-read ends the pass
  const isCut = state.run !== null && stop !== null;
  const { status, errors } = isCut ? (reread ?? { ...run, status: 'INTERRUPTED' as const }) : run;
  return endedPass({ ...run, status, errors }, main, again, asOf);
}

type Reporter = (
  phase: Progress['phase'],
  recorder: RunRecorder,
) => (work?: StreamWork, window?: Window) => void;

function progressReporter(
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

function createEta(clock: () => number, totalMs: number): (remainingMs: number) => number | null {
  const startedAt = clock();
  return (remainingMs) => {
    const done = totalMs - remainingMs;
    return done > 0 ? Math.round(((clock() - startedAt) * remainingMs) / done) : null;
  };
}

async function streamReport(store: HistoryStore, state: StreamState, to: Instant): Promise<StreamReport> {
  const { filterKey, status, message, lastSuccessAt } = state;
  return { filterKey, status, message, lastSuccessAt, coverage: await summarise(store, state, to) };
}

async function summarise(store: HistoryStore, state: StreamState, to: Instant): Promise<CoverageSummary> {
  const from = state.collectFrom;
  const { gaps, missing: records } = await findMissingWindows(store, state, from, to);
  const missingRecords: Partial<Record<QuarantineCode, number>> = {};
  for (const { code } of records) missingRecords[code] = (missingRecords[code] ?? 0) + 1;
  const missingMs: Partial<Record<GapReason, number>> = {};
  for (const gap of gaps) missingMs[gap.reason] = (missingMs[gap.reason] ?? 0) + widthOf(gap);
  const missing = gaps.reduce((sum, gap) => sum + widthOf(gap), 0);
  const total = Math.max(1, widthOf({ from, to }));
  const certain = gaps.filter((gap) => gap.reason !== 'PROVISIONAL');
  const begin = certain.at(-1)?.to ?? from;
  return {
    from,
    to,
    share: from < to ? 1 - missing / total : 1,
    contiguousFrom: begin < to ? begin : null,
    missingMs,
    missingRecords,
  };
}

function endedPass(run: RunRecord, main: RunRecorder, again: RunRecorder, asOf: Instant): EndedPass {
  const { integration, resource, id: runId, status, errors } = run;
  const counts = main.counts();
  const reread = again.hasBegun() ? again.counts() : null;
  const fresh = counts.calls - main.meter.messagePageCalls;
  const callsPerNew = counts.added > 0 ? fresh / counts.added : null;
  return { integration, resource, runId, status, counts, reread, callsPerNew, errors, asOf };
}

/** For passes that end together, their streams are read together. */
export async function passReport(
  env: SyncEnv,
  source: Source,
  { asOf, ...ended }: EndedPass,
): Promise<PassReport> {
  const states = await sourceStates(env, source);
  return {
    ...ended,
    streams: await Promise.all(states.map((state) => streamReport(env.store, state, asOf))),
  };
}
