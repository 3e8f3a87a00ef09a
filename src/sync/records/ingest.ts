import { toUpstreamError, type UpstreamError } from '../../abnormal/errors.js';
import type { LedgerEntry, QuarantineEntry } from '../../model/ledger.js';
import { FILTER_KEYS, keyText, type RecordKey } from '../../resources/registry.js';
import { floorToSecond, type Instant, shift } from '../../values/instant.js';
import {
  addMissing,
  type BatchPart,
  callOptions,
  kindOf,
  type MissingByKey,
  nowOf,
  type Pass,
  refusalOf,
  type Stop,
  StopError,
  throwIfStopping,
} from '../context.js';
import { type FetchOutcome, type FetchTask, fetchRecord, hasListItem } from './fetch-record.js';

const MAX_CONFLICT_ROUNDS = 3;

/**
 * Fetches and records batch by batch; the entry of `closing` is part of the last batch, and is held if there is none. A
 * record that fails alone is quarantined and added to `missing`; a `StopError` is thrown after all before it is recorded.
 */
export async function ingest(
  pass: Pass,
  tasks: readonly FetchTask[],
  missing: MissingByKey,
  closing: (() => LedgerEntry) | null,
): Promise<void> {
  const queue = [...tasks];
  let close = closing;
  if (queue.length === 0 && close) return pass.recorder.hold(close());
  for (let round = 0; queue.length > 0; ) {
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

async function fetchNext(pass: Pass, queue: FetchTask[]) {
  const { seq } = await pass.store.head();
  return fetchChunk(pass, queue, seq);
}

function tasksOf(keys: readonly RecordKey[], attempts: readonly Attempt[]): FetchTask[] {
  const wanted = new Set(keys.map(keyText));
  return attempts.map(({ task }) => task).filter((task) => wanted.has(keyText(task.key)));
}

function partOf(pass: Pass, attempts: readonly Attempt[], missing: MissingByKey): BatchPart {
  const part = { observations: [], tombstones: [], quarantine: [], released: [] } as Mutable;
  for (const { task, outcome } of attempts) {
    if (outcome.kind === 'SEEN') {
      part.observations.push(outcome.observation);
      pass.drift.note(task.key.integration, outcome.drift, outcome.observation.fetchedAt);
      if (task.prior) pass.log.info({ record: task.key }, 'a quarantined record was read');
      missing.delete(task.key.id);
    } else if (outcome.kind === 'GONE' && isKnownGone(pass, task)) settleGone(pass, part, task, missing);
    else {
      const entry = quarantineEntry(pass, task, outcome);
      part.quarantine.push(entry);
      pass.recorder.tally.quarantined += 1;
      // logged once, not at each attempt
      pass.log[task.prior ? 'debug' : 'warn'](
        { record: task.key, reason: outcome.reason },
        'record quarantined',
      );
      addMissing(missing, entry);
    }
  }
  return part;
}

type Mutable = {
  [K in 'observations' | 'tombstones' | 'quarantine' | 'released']: Required<BatchPart>[K][number][];
};

/** Gone: stored as deleted, or answered 404 in an earlier pass too. */
function isKnownGone(pass: Pass, { held, prior }: FetchTask): boolean {
  if (held?.deleted || prior?.code === 'GONE') return true;
  return prior?.code === 'NOT_FOUND' && !pass.runIds.has(prior.runId);
}

/**
 * A record that is gone stays in quarantine and is requested again, less and less often: a 404 may be wrong.
 * If it was never stored it stays there for good; otherwise its next 404 would count as the first.
 */
function settleGone(pass: Pass, part: Mutable, task: FetchTask, missing: MissingByKey): void {
  const { key, held, prior } = task;
  if (held && !held.deleted) part.tombstones.push(key);
  const entry: QuarantineEntry = {
    ...{ key, code: 'GONE', reason: GONE_REASON, body: null, runId: pass.recorder.id },
    ...triesOf(pass, prior),
  };
  if (held?.deleted && isLongSince(pass, entry.firstSeenAt)) {
    if (prior) part.released.push(key);
  } else part.quarantine.push(entry);
  const isNamed = !held || hasListItem(key.kind);
  if (isNamed) addMissing(missing, entry);
  // a part that is gone says nothing of its record
  if (key.kind === kindOf(pass)) pass.memory.gone.set(key.id, isNamed ? entry : null);
}

/** No longer requested: a deleted record that has been missing for the whole re-read horizon. */
function isLongSince(pass: Pass, firstSeenAt: Instant): boolean {
  return firstSeenAt < shift(nowOf(pass), -pass.settings.rereadHorizonMs);
}

const GONE_REASON =
  'Its details returned 404 in two or more runs: Abnormal lists it but no longer has it, so it could not be read.';

type Failure = Exclude<FetchOutcome, { kind: 'SEEN' }>;

/** The entry of a failed attempt; a temporary failure does not cancel an earlier 404. */
export function quarantineEntry(
  pass: Pick<Pass, 'recorder' | 'clock'>,
  { key, prior }: Pick<FetchTask, 'key' | 'prior'>,
  outcome: Failure,
): QuarantineEntry {
  const tried = triesOf(pass, prior);
  const code = outcome.kind === 'GONE' ? 'NOT_FOUND' : outcome.code;
  if (code === 'FAILED' && (prior?.code === 'NOT_FOUND' || prior?.code === 'GONE'))
    return { ...prior, ...tried };
  return { key, code, reason: outcome.reason, body: outcome.body, runId: pass.recorder.id, ...tried };
}

function triesOf(pass: Pick<Pass, 'clock'>, prior: QuarantineEntry | null) {
  const now = nowOf(pass);
  return { firstSeenAt: prior?.firstSeenAt ?? now, lastTriedAt: now, tries: (prior?.tries ?? 0) + 1 };
}

interface Attempt {
  readonly task: FetchTask;
  readonly outcome: FetchOutcome;
}

interface Chunk {
  readonly attempts: readonly Attempt[];
  readonly stop: Stop | null;
}

/** So many failed details in a row show that the records are not the cause. */
const DETAIL_STREAK = 8;
/** So many refused details while lists succeed show that all details are refused. */
const LONE_REFUSALS = 3;

async function fetchChunk(pass: Pass, queue: FetchTask[], basis: number): Promise<Chunk> {
  const attempts: Attempt[] = [];
  const failures = countFailures(pass);
  let taken = 0;
  let bytes = 0;
  let stop: Stop | null = null;

  async function attempt(task: FetchTask): Promise<void> {
    pass.confirmations.forget([task.key]);
    const outcome = await fetchRecord(pass.account, task, basis, callOptions(pass)).catch((error) =>
      failures.failure(toUpstreamError(error)),
    );
    if (outcome.kind === 'SEEN') bytes += outcome.observation.received.length;
    if (outcome.kind !== 'BAD' || outcome.code !== 'FAILED') failures.success();
    attempts.push({ task, outcome });
  }

  async function work(): Promise<void> {
    const { chunkRecords, chunkBytes } = pass.settings;
    while (stop === null && taken < chunkRecords && bytes < chunkBytes) {
      const task = queue.shift();
      if (!task) return;
      taken += 1;
      await attempt(task).catch((error) => {
        if (!(error instanceof StopError)) throw error;
        stop = error.stop;
      });
    }
  }

  await Promise.all(Array.from({ length: pass.settings.detailConcurrency }, work));
  return { attempts: stop === null ? attempts : attempts.filter((a) => !isFailed(a)), stop };
}

function isFailed({ outcome }: Attempt): boolean {
  return outcome.kind === 'BAD' && outcome.code === 'FAILED';
}

function countFailures(pass: Pass) {
  const { memory } = pass;
  let loneRefusals = 0;

  async function failure(error: UpstreamError): Promise<FetchOutcome> {
    if (pass.signal.aborted || error.code === 'CANCELLED') throwIfStopping(error, pass.signal);
    if (refusalOf(error)) {
      loneRefusals += 1;
      if (loneRefusals > LONE_REFUSALS) throwIfStopping(error, pass.signal);
      await probeList(pass);
    } else {
      memory.failedDetails += 1;
      if (memory.failedDetails % DETAIL_STREAK === 0) throw new StopError({ kind: 'GIVEN_UP', error });
    }
    return { kind: 'BAD', code: 'FAILED', reason: error.message, body: error.body };
  }

  return {
    failure,
    success: () => {
      memory.failedDetails = 0;
    },
  };
}

/** Lists the last minute, to learn whether the whole resource or only one record is refused. */
async function probeList(pass: Pass): Promise<void> {
  const { account, resource, asOf, signal } = pass;
  const to = floorToSecond(asOf);
  const window = { from: shift(to, -pass.settings.minWindowMs), to };
  try {
    await account.client.list(resource, FILTER_KEYS[resource][0], window, 1, callOptions(pass));
  } catch (error) {
    throwIfStopping(toUpstreamError(error), signal);
  }
}
