import { keyText, type RecordKey } from '../model/kind.js';
import type { LedgerEntry } from '../model/ledger.js';
import type { QuarantineEntry } from '../model/quarantine.js';
import { type Attempt, fetchChunk, type Task } from './fetch-chunk.js';
import type { FetchOutcome } from './fetch-record.js';
import { nowOf, type Pass } from './pass.js';
import type { BatchPart } from './run-recorder.js';
import { StopError } from './stop.js';

/** What could not be had of the records wanted so far. */
export interface Missing {
  count: number;
  /** The first few, for a person. */
  readonly examples: string[];
}

export function noneMissing(): Missing {
  return { count: 0, examples: [] };
}

export function addMissing(missing: Missing, key: RecordKey, reason: string): void {
  missing.count += 1;
  if (missing.examples.length < 3) missing.examples.push(`${key.kind} ${key.id}: ${reason}`);
}

const MAX_CONFLICT_ROUNDS = 3;

/**
 * Fetches the tasks and records what comes, batch by batch; `closing` gives the ledger entry that goes into
 * the last of them. A task that fails on its own is put into quarantine and added to `missing`; a `StopError`
 * is thrown once what came before it is recorded.
 */
export async function ingest(
  pass: Pass,
  tasks: readonly Task[],
  missing: Missing,
  closing: (() => LedgerEntry) | null,
): Promise<void> {
  const queue = [...tasks];
  let close = closing;
  for (let round = 0; queue.length > 0 || close; ) {
    const { attempts, stop } = await fetchNext(pass, queue);
    const part = partOf(pass, attempts, missing);
    const ledger = close && queue.length === 0 && !stop ? [close()] : [];
    if (ledger.length > 0) close = null;
    const { conflicts } = await pass.recorder.record({ ...part, ledger });
    await pass.drift.writeNews(pass.account.name);
    if (stop) throw new StopError(stop);
    if (conflicts.length > 0 && round < MAX_CONFLICT_ROUNDS) {
      round += 1;
      queue.push(...tasksOf(conflicts, attempts));
    }
  }
}

async function fetchNext(pass: Pass, queue: Task[]) {
  if (queue.length === 0) return { attempts: [], stop: null };
  const { seq } = await pass.store.head();
  return fetchChunk(pass, queue, seq);
}

function tasksOf(keys: readonly RecordKey[], attempts: readonly Attempt[]): Task[] {
  const wanted = new Set(keys.map(keyText));
  return attempts.map(({ task }) => task).filter((task) => wanted.has(keyText(task.key)));
}

function partOf(pass: Pass, attempts: readonly Attempt[], missing: Missing): BatchPart {
  const part = { observations: [], tombstones: [], quarantine: [], released: [] } as Mutable;
  for (const { task, outcome } of attempts) {
    if (outcome.kind === 'SEEN') {
      part.observations.push(outcome.observation);
      pass.drift.note(task.key.integration, outcome.drift, outcome.observation.fetchedAt);
      if (task.prior) pass.log.info({ record: task.key }, 'record had that was set aside');
    } else if (outcome.kind === 'GONE' && isKnownGone(pass, task)) settleGone(pass, part, task);
    else {
      part.quarantine.push(quarantineEntry(pass, task, outcome));
      pass.recorder.tally.quarantined += 1;
      // told when it begins, not at each try
      pass.log[task.prior ? 'debug' : 'warn'](
        { record: task.key, reason: outcome.reason },
        'record set aside',
      );
      addMissing(missing, task.key, outcome.reason);
    }
  }
  return part;
}

type Mutable = {
  [K in 'observations' | 'tombstones' | 'quarantine' | 'released']: Required<BatchPart>[K][number][];
};

/** Gone for certain: held as deleted, or answered 404 in an earlier pass too. */
function isKnownGone(pass: Pass, { held, prior }: Task): boolean {
  if (held?.deleted) return true;
  return prior?.code === 'NOT_FOUND' && !pass.runIds.has(prior.runId);
}

function settleGone({ memory }: Pass, part: Mutable, { key, held, prior }: Task): void {
  if (held && !held.deleted) part.tombstones.push(key);
  else if (prior) part.released.push(key);
  memory.gone.add(key.id);
}

type Failure = Exclude<FetchOutcome, { kind: 'SEEN' }>;

/** The entry for a failed attempt; one that failed in passing does not unsay an earlier 404. */
export function quarantineEntry(
  pass: Pick<Pass, 'recorder' | 'clock'>,
  { key, prior }: Pick<Task, 'key' | 'prior'>,
  outcome: Failure,
): QuarantineEntry {
  const now = nowOf(pass);
  const tried = { firstSeenAt: prior?.firstSeenAt ?? now, lastTriedAt: now, tries: (prior?.tries ?? 0) + 1 };
  const code = outcome.kind === 'GONE' ? 'NOT_FOUND' : outcome.code;
  if (code === 'FAILED' && prior?.code === 'NOT_FOUND') return { ...prior, ...tried };
  return { key, code, reason: outcome.reason, body: outcome.body, runId: pass.recorder.id, ...tried };
}
