import { type CallMeter, newMeter } from '../abnormal/client.js';
import type { Batch, Recorded } from '../history/store.js';
import type { Reconciliation } from '../model/reconciliation.js';
import type { Run, RunCounts, RunStatus, RunTrigger } from '../model/run.js';
import type { Instant } from '../values/instant.js';
import { nowOf, type Source, type SyncEnv } from './pass.js';

/** What a step of a run writes, besides the run itself. */
export type BatchPart = Partial<
  Pick<Batch, 'observations' | 'tombstones' | 'ledger' | 'streams' | 'quarantine' | 'released'>
>;

/** What the sync itself counts; the rest comes from the meter and from what the history answers. */
export interface Tally {
  listed: number;
  skipped: number;
  quarantined: number;
  windows: number;
}

/** Writes one run's steps, each with the run as it then stands. */
export interface RunRecorder {
  readonly id: string;
  /** To be handed to every request made for the run. */
  readonly meter: CallMeter;
  readonly tally: Tally;
  record(part: BatchPart): Promise<Recorded>;
  /** Remembers a failure for a person; the first 20 are kept. */
  note(problem: string): void;
  /** Writes the run's end; `forecast` is what `part` is going to bring, for a run that is one batch. */
  end(
    status: RunStatus,
    part?: BatchPart,
    forecast?: Partial<RunCounts>,
    reconciliation?: Reconciliation,
  ): Promise<Recorded & { run: Run }>;
  counts(): RunCounts;
  /** Whether anything of it has been written. */
  hasBegun(): boolean;
  errors(): readonly string[];
}

const MAX_NOTES = 20;

export interface RunStart {
  readonly trigger: RunTrigger;
  readonly parameters: Run['parameters'];
  /** Now, unless given. */
  readonly startedAt?: Instant;
}

/** A recorder for a new run; nothing is written until its first `record`. */
export function createRunRecorder(env: SyncEnv, source: Source, start: RunStart): RunRecorder {
  const id = env.newId();
  const meter = newMeter();
  const tally: Tally = { listed: 0, skipped: 0, quarantined: 0, windows: 0 };
  const sum = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  const errors: string[] = [];
  const startedAt = start.startedAt ?? nowOf(env);
  let steps = 0;

  const counts = (): RunCounts => ({
    calls: meter.calls,
    listCalls: meter.listCalls,
    detailCalls: meter.detailCalls,
    ...tally,
    ...sum,
  });

  const runNow = (status: RunStatus): Run => ({
    id,
    integration: source.account.name,
    resource: source.resource,
    trigger: start.trigger,
    status,
    startedAt,
    endedAt: status === 'RUNNING' ? null : nowOf(env),
    parameters: start.parameters,
    counts: counts(),
    errors: [...errors],
  });

  async function write(run: Run, part: BatchPart): Promise<Recorded> {
    steps += 1;
    env.activeRuns.add(id);
    const recorded = await env.store.record({
      ...EMPTY,
      ...part,
      id: `${id}/${steps}`,
      now: nowOf(env),
      run,
    });
    sum.added += recorded.added;
    sum.changed += recorded.changed;
    sum.unchanged += recorded.unchanged;
    sum.deleted += recorded.deleted;
    env.observer?.recorded(run, part.ledger ?? [], recorded);
    return recorded;
  }

  return {
    id,
    meter,
    tally,
    counts,
    hasBegun: () => steps > 0,
    errors: () => errors,
    record: (part) => write(runNow('RUNNING'), part),
    note: (problem) => {
      if (errors.length < MAX_NOTES) errors.push(problem);
    },
    async end(status, part = {}, forecast = {}, reconciliation) {
      const now = runNow(status);
      const found = reconciliation ? { reconciliation } : {};
      const run = { ...now, counts: { ...now.counts, ...forecast }, ...found };
      const recorded = await write(run, part).finally(() => env.activeRuns.delete(id));
      return { ...recorded, run };
    },
  };
}

const EMPTY: Required<BatchPart> = {
  observations: [],
  tombstones: [],
  ledger: [],
  streams: [],
  quarantine: [],
  released: [],
};
