import type { UpstreamError } from '../../abnormal/errors.js';
import type { QuarantineEntry } from '../../model/quarantine.js';
import type { Revision } from '../../model/revision.js';
import { FILTER_KEYS } from '../../model/stream.js';
import type { RecordKey } from '../../resources/kind.js';
import { shift } from '../../values/instant.js';
import { floorToSecond } from '../../values/window.js';
import { callOptions, type Pass } from '../pass.js';
import { refusalOf, type Stop, StopError, throwIfStopping, toUpstreamError } from '../stop.js';
import { type FetchOutcome, fetchRecord, type ListedItem } from './fetch-record.js';

/** A record whose detail is wanted. */
export interface Task {
  readonly key: RecordKey;
  /** A case's list item, where it is at hand. */
  readonly item: ListedItem | null;
  readonly held: Revision | null;
  readonly prior: QuarantineEntry | null;
}

export interface Attempt {
  readonly task: Task;
  readonly outcome: FetchOutcome;
}

export interface Chunk {
  readonly attempts: readonly Attempt[];
  /** What ended the chunk early; its attempts stand. */
  readonly stop: Stop | null;
}

/** So many details failing in a row mean that it is not the records. */
const DETAIL_STREAK = 8;
/** So many details refused while lists are answered mean that details as such are refused. */
const LONE_REFUSALS = 3;

/** Takes tasks off `queue` and fetches them, a few at a time, until a batch is full or the queue is empty. */
export async function fetchChunk(pass: Pass, queue: Task[], basis: number): Promise<Chunk> {
  const attempts: Attempt[] = [];
  const judge = createJudge(pass);
  let taken = 0;
  let bytes = 0;
  let stop: Stop | null = null;

  async function attempt(task: Task): Promise<void> {
    const outcome = await fetchRecord(pass.account, task.key, task.item, basis, callOptions(pass)).catch(
      (error) => judge.failure(toUpstreamError(error)),
    );
    if (outcome.kind === 'SEEN') bytes += outcome.observation.received.length;
    if (outcome.kind !== 'BAD' || outcome.code !== 'FAILED') judge.success();
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

/** Tells a record's own failure from one that concerns them all, which it throws. */
function createJudge(pass: Pass) {
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

/** Lists the last minute, to learn whether it is the resource or only one record that is refused. */
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
