import { type InFlight, type SharedWork, type SingleFlight, Waiters, waitFor } from '../../async/waiting.js';
import type { Accounts } from '../../integrations/accounts.js';
import type { StreamState } from '../../model/stream.js';
import type { Resource } from '../../resources/registry.js';
import {
  cutSpans,
  earliest,
  floorToSecond,
  type Instant,
  latest,
  shift,
  toInstant,
  toMillis,
  type Window,
} from '../../values/instant.js';
import {
  errorOf,
  newPassMemory,
  newPassTally,
  nowOf,
  type Pass,
  type PassTally,
  type Source,
  StopError,
  type SyncEnv,
  sourceText,
  stopOf,
} from '../context.js';
import { type Delta, type DeltaOutcome, planStreams, reachMs, readDelta } from '../pass/read-streams.js';
import { createRunRecorder, endRun } from '../run-recorder.js';
import { sourceStates } from '../stream-states.js';
import { type Freshness, known, readLive, staleness, whileLate } from '../sync.js';
import { type MissingWindows, newestPart } from '../window/missing-windows.js';

const UNCOLLECTED = [
  'NOT_COLLECTED',
  'This gateway does not collect the resource: COLLECT does not name it.',
] as const;

/** A caller may join a reading that began up to this long before. */
const JOIN_MS = 2_000;

/** Brings a resource's change windows up to date on request; see `Live.list`. */
export class LiveLists {
  private readonly queued = new Map<string, SharedWork<DeltaOutcome>>();
  /** The callers that wait for readings begun here; readings of polls are not included. */
  private readonly waiterGroups = new Map<string, Waiters>();

  constructor(
    private readonly env: SyncEnv,
    private readonly accounts: Accounts,
    private readonly deltas: SingleFlight<DeltaOutcome>,
    private readonly closing: AbortSignal,
  ) {}

  async list(
    resource: Resource,
    integrations: readonly string[] | null,
    maxAgeMs: number,
    signal?: AbortSignal,
  ): Promise<Freshness> {
    const wanted = this.accounts.list().filter(({ name }) => integrations?.includes(name) ?? true);
    const answers = await Promise.all(
      wanted.map((account) => this.source({ account, resource }, maxAgeMs, signal)),
    );
    const unknown = integrations?.find((name) => !this.accounts.get(name));
    if (unknown !== undefined) {
      answers.push(staleness(null, 'UNREACHABLE', `There is no account with the name ${unknown}.`));
    }
    return answers.length > 0 ? answers.reduce(stalest) : known(null);
  }

  async settledAll(): Promise<void> {
    await Promise.allSettled([...this.queued.values()].map(({ done }) => done));
    await this.deltas.settledAll();
  }

  private async source(source: Source, maxAgeMs: number, signal?: AbortSignal): Promise<Freshness> {
    const states = await sourceStates(this.env, source);
    const { liveWaitMs, liveRetryMs } = this.env.settings;
    const verifiedAt = oldestSuccess(states);
    if (this.ageOf(verifiedAt) <= maxAgeMs) return known(verifiedAt);
    if (!this.env.settings.collect.includes(source.resource)) return staleness(verifiedAt, ...UNCOLLECTED);
    const failed = states.find(({ status }) => status !== 'OK' && status !== 'NEVER_READ');
    // a refusal stays valid as long as a success; other failures may be over a moment later
    const patience = failed?.status === 'UNAVAILABLE' ? liveRetryMs : Math.max(liveRetryMs, maxAgeMs);
    if (failed && this.ageOf(failed.lastAttemptAt) <= patience) return refusedFreshness(failed, verifiedAt);
    const work = this.bringUp(source, this.env.clock() - Math.max(maxAgeMs, JOIN_MS), signal);
    return waitFor(work, liveWaitMs, whileLate(verifiedAt, liveWaitMs), signal);
  }

  /** In milliseconds; infinite for null and for an instant in the future. */
  private ageOf(instant: Instant | null): number {
    const age = instant === null ? -1 : this.env.clock() - toMillis(instant);
    return age >= 0 ? age : Number.POSITIVE_INFINITY;
  }

  private async bringUp(
    source: Source,
    notBefore: number,
    signal: AbortSignal | undefined,
  ): Promise<Freshness> {
    // a joined reading began before the caller asked, any other one begins now
    const now = this.env.clock();
    const joined = this.joinable(sourceText(source), notBefore);
    const readSince = toInstant(Math.min(now, joined?.startedAt ?? now));
    const { error } = await this.delta(source, joined, signal);
    const verifiedAt = oldestSuccess(await sourceStates(this.env, source));
    return error ? staleness(verifiedAt, error.code, error.message) : readLive(verifiedAt, readSince);
  }

  /** The current reading, if it began at `notBefore` or later and is not being cancelled. */
  private joinable(key: string, notBefore: number): InFlight<DeltaOutcome> | null {
    const current = this.deltas.current(key);
    const isGone = this.waiterGroups.get(key)?.isGone ?? false;
    return current && current.startedAt >= notBefore && !isGone ? current : null;
  }

  private delta(
    source: Source,
    joined: InFlight<DeltaOutcome> | null,
    signal: AbortSignal | undefined,
  ): Promise<DeltaOutcome> {
    const key = sourceText(source);
    if (joined) {
      const outcome = outcomeOf(joined.done);
      return this.waiterGroups.get(key)?.wait(outcome, signal) ?? outcome;
    }
    const queued = this.queued.get(key);
    const next = queued && !queued.waiters.isGone ? queued : this.queue(key, source);
    return next.waiters.wait(next.done, signal);
  }

  private queue(key: string, source: Source): SharedWork<DeltaOutcome> {
    let hasBegun = false;
    const waiters = new Waiters();
    const done = this.deltas.start(key, () => {
      hasBegun = true;
      if (this.queued.get(key)?.waiters === waiters) this.queued.delete(key);
      return this.read(key, source, waiters);
    });
    const next = { done, waiters };
    if (!hasBegun) this.queued.set(key, next);
    return next;
  }

  /** Reads for the waiting callers; cancelled when all of them have left. */
  private async read(key: string, source: Source, waiters: Waiters): Promise<DeltaOutcome> {
    if (waiters.isGone) return { error: errorOf({ kind: 'INTERRUPTED' }) };
    this.waiterGroups.set(key, waiters);
    const read = (signal: AbortSignal) => runLiveDelta(this.env, source, signal);
    return waiters.run(this.closing, read).finally(() => this.waiterGroups.delete(key));
  }
}

/** The outcome of another caller's reading. */
async function outcomeOf(reading: Promise<DeltaOutcome>): Promise<DeltaOutcome> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StopError) return { error: errorOf(error.stop) };
    throw error;
  }
}

function oldestSuccess(states: readonly StreamState[]): Instant | null {
  const times = states.map((state) => state.lastSuccessAt).sort();
  return times.includes(null) ? null : (times[0] ?? null);
}

function refusedFreshness({ status, message }: StreamState, verifiedAt: Instant | null): Freshness {
  const code = status === 'UNAVAILABLE' ? 'UNREACHABLE' : status;
  return staleness(verifiedAt, code, message ?? 'Abnormal could not be read.');
}

function stalest(a: Freshness, b: Freshness): Freshness {
  if (a.stale !== b.stale) return a.stale ? a : b;
  if (!a.stale && !b.stale) {
    const readSince =
      a.readSince && b.readSince ? earliest(a.readSince, b.readSince) : (a.readSince ?? b.readSince);
    return { ...older(a, b), live: a.live || b.live, ...(readSince && { readSince }) };
  }
  return older(a, b);
}

function older<F extends Freshness>(a: F, b: F): F {
  if (a.verifiedAt === null || b.verifiedAt === null) return a.verifiedAt === null ? a : b;
  return a.verifiedAt <= b.verifiedAt ? a : b;
}

/**
 * Reads what is new of one source for a waiting caller: since the last reading, but no more than the latest day or two.
 */
async function runLiveDelta(env: SyncEnv, source: Source, signal: AbortSignal): Promise<DeltaOutcome> {
  const asOf = floorToSecond(nowOf(env));
  const recorder = createRunRecorder(env, source, { trigger: 'LIVE', parameters: { to: asOf } });
  const pass: Pass = {
    ...{ ...env, ...source, recorder, signal, priority: 'interactive', asOf },
    ...{ runIds: new Set([recorder.id]), memory: newPassMemory(), maxAgeMs: null },
  };
  const states = await sourceStates(env, source);
  const tally = newPassTally();
  const stop = await stopOf(async () => {
    const { settle } = await readNewest(pass, states, tally);
    await settle((streams) => endRun(env, source, recorder, tally, null, streams));
  });
  if (stop) await endRun(env, source, recorder, tally, stop);
  return { error: stop ? errorOf(stop) : tally.lastError };
}

async function readNewest(pass: Pass, states: readonly StreamState[], tally: PassTally): Promise<Delta> {
  const floor = shift(pass.asOf, -reachMs(true));
  const works = await planStreams(
    pass,
    states,
    (state) => latest(state.collectFrom, floor),
    (list) => apartFromTail(pass, list, newestPart(list, pass.asOf, reachMs(list.density !== null))),
  );
  return readDelta(pass, works, earliest(floor, pass.asOf), tally, () => undefined);
}

/** From so many unsettled rows on, they get a request of their own. */
const BUSY_ROWS = 3;

/** Lists unsettled time separately if it is busy: only its new records must be fetched, as it is read again. */
function apartFromTail(pass: Pass, { density }: MissingWindows, spans: readonly Window[]): readonly Window[] {
  const { ingestionLagMs } = pass.settings;
  const rows = density ? (density.rows / density.ms) * ingestionLagMs : 0;
  return rows < BUSY_ROWS ? spans : cutSpans(spans, [shift(pass.asOf, -ingestionLagMs)]);
}
