import { setImmediate } from 'node:timers/promises';
import { newMeter } from '../abnormal/call.js';
import type { Batch, Recorded } from '../history/store.js';
import type { LedgerEntry } from '../model/ledger.js';
import type { RevisionRecord } from '../model/revision.js';
import type { RunCounts, RunRecord, RunStatus } from '../model/run.js';
import type { StreamState } from '../model/stream.js';
import { keyText, RESOURCE_OF, type RecordKey, type Resource } from '../resources/registry.js';
import { inSpan } from '../tracing.js';
import { latest } from '../values/instant.js';
import {
  type BatchPart,
  type Confirmations,
  type LiveConfirmation,
  nowOf,
  type PassTally,
  type RunRecorder,
  type RunStart,
  type Source,
  type Stop,
  type SyncEnv,
  type Tally,
  type UpstreamRefusal,
} from './context.js';
import { statusMessage, updateStates } from './stream-states.js';

const MAX_NOTES = 20;
/** Readings that are held back; a process that is killed repeats them. */
const MAX_HELD = 20;

export function createRunRecorder(env: SyncEnv, source: Source, start: RunStart): RunRecorder {
  const id = env.newId();
  const meter = newMeter();
  const tally: Tally = { listed: 0, skipped: 0, quarantined: 0, windows: 0 };
  const sum = { added: 0, changed: 0, unchanged: 0, deleted: 0 };
  const errors: string[] = [];
  let held: LedgerEntry[] = [];
  const startedAt = start.startedAt ?? nowOf(env);
  let steps = 0;

  const counts = (): RunCounts => ({
    calls: meter.calls,
    listCalls: meter.listCalls,
    detailCalls: meter.detailCalls,
    ...tally,
    ...sum,
  });

  const runNow = (status: RunStatus): RunRecord => ({
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

  async function write(run: RunRecord, part: BatchPart): Promise<Recorded> {
    steps += 1;
    env.activeRuns.add(id);
    const ledger = [...held, ...(part.ledger ?? [])];
    held = [];
    const { integration, resource, trigger } = run;
    const confirmed = env.confirmations.of(integration, resource);
    const batch = { ...EMPTY, ...part, confirmed, ledger, id: `${id}/${steps}`, now: nowOf(env), run };
    const attributes = { integration, resource, trigger, run: id };
    // decoding what was fetched and recording it are two pieces of work for the event loop
    await setImmediate();
    const recorded = await inSpan('batch', { attributes }, async (span) => {
      const result = await (start.place ?? env.store).record(batch);
      const { seq, added, changed, unchanged, deleted } = result;
      span?.setAttributes({ seq, added, changed, unchanged, deleted });
      return result;
    });
    sum.added += recorded.added;
    sum.changed += recorded.changed;
    sum.unchanged += recorded.unchanged;
    sum.deleted += recorded.deleted;
    const lapsed = lapsedOf(batch, recorded);
    env.confirmations.recorded(confirmed, lapsed);
    const unchanged = recorded.unchanged + confirmed.length - lapsed.length;
    env.observer?.recorded(run, ledger, { ...recorded, unchanged });
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
    async hold(entry) {
      held.push(entry);
      if (held.length >= MAX_HELD) await write(runNow('RUNNING'), {});
    },
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

/** More are only there while the history cannot be written. */
const MOST_WAITING = 10_000;

export class WaitingConfirmations implements Confirmations {
  readonly #waiting = new Map<string, LiveConfirmation>();

  readAgain: Confirmations['readAgain'] = () => {};

  get size(): number {
    return this.#waiting.size;
  }

  add(confirmation: LiveConfirmation): void {
    this.#waiting.set(keyText(confirmation.key), confirmation);
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
  }

  of(integration: string, resource: Resource): LiveConfirmation[] {
    const all = [...this.#waiting.values()];
    return all.filter(({ key }) => key.integration === integration && RESOURCE_OF[key.kind] === resource);
  }

  sources(): { readonly integration: string; readonly resource: Resource }[] {
    const sources = new Map(
      Array.from(this.#waiting.values(), ({ key: { integration, kind } }) => {
        const resource = RESOURCE_OF[kind];
        return [`${integration}/${resource}`, { integration, resource }] as const;
      }),
    );
    return [...sources.values()];
  }

  forget(keys: Iterable<RecordKey>): void {
    for (const key of keys) this.#waiting.delete(keyText(key));
  }

  recorded(confirmations: readonly LiveConfirmation[], lapsed: readonly RecordKey[]): void {
    for (const confirmation of confirmations) {
      const text = keyText(confirmation.key);
      if (this.#waiting.get(text) === confirmation) this.#waiting.delete(text);
    }
    for (const key of lapsed) this.readAgain(key);
  }

  applied<R extends RevisionRecord | null>(revision: R): R {
    if (revision === null) return revision;
    const waiting = this.#waiting.get(keyText(revision.key));
    if (!waiting || waiting.digest !== revision.digest || revision.deleted) return revision;
    return { ...revision, verifiedAt: latest(revision.verifiedAt, waiting.fetchedAt) };
  }
}

/** What was found unchanged but is no longer the newest version, without what the batch observed itself. */
function lapsedOf({ confirmed, observations }: Batch, { conflicts }: Recorded): RecordKey[] {
  if (confirmed.length === 0 || conflicts.length === 0) return [];
  const inConflict = new Set(conflicts.map(keyText));
  const observed = new Set(observations.map(({ key }) => keyText(key)));
  const keys = confirmed.map(({ key }) => key);
  return keys.filter((key) => inConflict.has(keyText(key)) && !observed.has(keyText(key)));
}

const EMPTY: Required<BatchPart> = {
  observations: [],
  tombstones: [],
  ledger: [],
  streams: [],
  quarantine: [],
  released: [],
};

/** The number of newest runs to check; those of a killed process are among them at its next start. */
const LOOK_BACK = 200;

/** Marks the runs that a killed process left RUNNING. */
export async function markInterrupted(env: SyncEnv, integrations: readonly string[]): Promise<void> {
  const runs = await env.store.runs({ integrations, before: null, limit: LOOK_BACK });
  for (const run of runs) {
    if (run.status !== 'RUNNING' || env.activeRuns.has(run.id)) continue;
    env.log.warn(
      { runId: run.id, resource: run.resource },
      'an earlier run was interrupted; its recorded data stay',
    );
    const endedAt = nowOf(env);
    const ended: RunRecord = {
      ...{ ...run, status: 'INTERRUPTED', endedAt, errors: [...run.errors, 'its process ended'] },
    };
    const id = `${run.id}/interrupted`;
    await env.store.record({ ...EMPTY, confirmed: [], id, now: endedAt, run: ended });
  }
}

function runStatusOf({ read, incompleteWindows }: PassTally, stop: Stop | null): RunStatus {
  if (stop?.kind === 'INTERRUPTED') return 'INTERRUPTED';
  if (!stop && incompleteWindows === 0) return 'SUCCEEDED';
  return read > 0 ? 'PARTIAL' : 'FAILED';
}

/** Writes a run's end with the states of its streams; if the resource was refused, these are their new states. */
export async function endRun(
  env: SyncEnv,
  source: Source,
  recorder: RunRecorder,
  tally: PassTally,
  stop: Stop | null,
  streams: readonly StreamState[] = [],
): Promise<RunRecord> {
  const status = runStatusOf(tally, stop);
  const { run } =
    stop?.kind === 'REFUSED'
      ? await endRefused(env, source, recorder, status, stop)
      : await recorder.end(status, { streams });
  const { integration, resource, trigger, counts } = run;
  // problems were logged when they began; the run contains their text
  const problems = run.errors.length;
  env.log.info({ runId: run.id, integration, resource, trigger, status, counts, problems }, 'run ended');
  return run;
}

function endRefused(
  env: SyncEnv,
  source: Source,
  recorder: RunRecorder,
  runStatus: RunStatus,
  refusal: UpstreamRefusal,
) {
  const { status, error } = refusal;
  const message = statusMessage(status, source, error.message);
  recorder.note(error.message);
  return updateStates(
    env,
    source,
    () => ({ status, message, lastAttemptAt: nowOf(env) }),
    (streams) => recorder.end(runStatus, { streams }),
  );
}
