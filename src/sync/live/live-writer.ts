import { setTimeout as delay } from 'node:timers/promises';
import type { CallMeter } from '../../abnormal/client.js';
import type { Pin } from '../../history/store.js';
import type { Accounts } from '../../integrations/accounts.js';
import type { RunCounts } from '../../model/run.js';
import { keyText } from '../../resources/registry.js';
import type { BatchPart, LiveConfirmation, RunRecorder, Source, SyncEnv } from '../context.js';
import type { FetchOutcome, FetchTask } from '../records/fetch-record.js';
import { quarantineEntry } from '../records/ingest.js';
import { createRunRecorder } from '../run-recorder.js';

export interface LiveRead {
  readonly task: FetchTask;
  readonly outcome: FetchOutcome;
  readonly meter: CallMeter;
}

interface Waiting extends LiveRead {
  readonly resolve: (recordedIn: Pin | null) => void;
  readonly reject: (error: unknown) => void;
}

const MAX_BATCH = 100;
/** A commit costs more than this wait, and responses tend to arrive in bursts. */
export const GATHER_MS = 5;

/** Records what live reads of one source found, many in one batch. */
export class LiveWriter {
  readonly #queue: Waiting[] = [];
  #isWriting = false;

  constructor(
    private readonly env: SyncEnv,
    private readonly source: Source,
  ) {}

  /** The batch that recorded it; `null` if it conflicts with what was recorded meanwhile. */
  write(read: LiveRead): Promise<Pin | null> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ ...read, resolve, reject });
      if (!this.#isWriting) void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    this.#isWriting = true;
    await delay(GATHER_MS);
    while (this.#queue.length > 0) await writeBatch(this.env, this.source, this.#queue.splice(0, MAX_BATCH));
    this.#isWriting = false;
  }
}

/** Records what was found unchanged and waits for a batch: one for each resource. What fails waits for the next. */
export async function recordWaiting(env: SyncEnv, accounts: Accounts): Promise<void> {
  const { confirmations, log } = env;
  for (const { integration, resource } of confirmations.sources()) {
    const waiting = confirmations.of(integration, resource);
    const account = accounts.get(integration);
    if (!account) confirmations.forget(waiting.map(({ key }) => key));
    else
      await recordUnchanged(env, { account, resource }, waiting).catch((error: unknown) =>
        log.warn({ err: error, integration, resource }, 'live reads of unchanged records were not recorded'),
      );
  }
}

/** The recorder adds what is waiting to its batch. */
async function recordUnchanged(
  env: SyncEnv,
  source: Source,
  waiting: readonly LiveConfirmation[],
): Promise<void> {
  const records = waiting.length;
  const recorder = createRunRecorder(env, source, { trigger: 'LIVE', parameters: { records } });
  for (const { meter } of waiting) addMeter(recorder.meter, meter);
  await recorder.end('SUCCEEDED', {}, { unchanged: records });
}

async function writeBatch(env: SyncEnv, source: Source, reads: readonly Waiting[]): Promise<void> {
  const [first] = reads;
  const what = reads.length === 1 && first ? { id: first.task.key.id } : { records: reads.length };
  const recorder = createRunRecorder(env, source, { trigger: 'LIVE', parameters: what });
  for (const { meter } of reads) addMeter(recorder.meter, meter);
  try {
    const part = partOf(env, recorder, reads);
    const { seq, at, conflicts } = await recorder.end('SUCCEEDED', part, forecastOf(reads));
    const inConflict = new Set(conflicts.map(keyText));
    for (const { task, resolve } of reads) resolve(inConflict.has(keyText(task.key)) ? null : { seq, at });
  } catch (error) {
    for (const { reject } of reads) reject(error);
  }
}

function partOf(env: SyncEnv, recorder: RunRecorder, reads: readonly LiveRead[]): BatchPart {
  const observations = reads.flatMap(({ outcome }) => (outcome.kind === 'SEEN' ? [outcome.observation] : []));
  const quarantine = reads.flatMap(({ task, outcome }) =>
    outcome.kind === 'SEEN' ? [] : [quarantineEntry({ ...env, recorder }, task, outcome)],
  );
  return { observations, quarantine };
}

/** What the batch will write, apart from conflicts: its run is part of the same batch. */
function forecastOf(reads: readonly LiveRead[]): Partial<RunCounts> {
  const counts = { added: 0, changed: 0, unchanged: 0, quarantined: 0 };
  for (const { task, outcome } of reads) {
    if (outcome.kind !== 'SEEN') counts.quarantined += 1;
    else if (!task.held || task.held.deleted) counts.added += 1;
    else if (task.held.digest !== outcome.observation.digest) counts.changed += 1;
    else counts.unchanged += 1;
  }
  return counts;
}

function addMeter(sum: CallMeter, meter: CallMeter): void {
  sum.calls += meter.calls;
  sum.listCalls += meter.listCalls;
  sum.detailCalls += meter.detailCalls;
  sum.messagePageCalls += meter.messagePageCalls;
  sum.retries += meter.retries;
}
