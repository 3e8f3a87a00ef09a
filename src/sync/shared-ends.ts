import { type StartTimer, startTimeout } from '../async/waiting.js';
import type { Batch, HistoryStore, Recorded } from '../history/store.js';
import { latest } from '../values/instant.js';
import type { EndPlace } from './context.js';

interface Waiting {
  readonly batch: Batch;
  readonly resolve: (recorded: Promise<Recorded>) => void;
}

/** So long a poll that found nothing waits for those that are still reading. */
const LONGEST_MS = 2_000;

/**
 * Polls of several resources that find nothing at about the same time end with one batch: one for each would cost several
 * times as much. Whatever else a poll records is recorded at once, and then the others do not wait for it.
 */
export class SharedEnds {
  #present = 0;
  #waiting: Waiting[] = [];
  #stopTimer: () => void = () => {};

  constructor(
    private readonly store: HistoryStore,
    private readonly startTimer: StartTimer = startTimeout,
  ) {}

  join(): EndPlace {
    let isHere = true;
    const leave = () => {
      if (!isHere) return;
      isHere = false;
      this.#present -= 1;
      if (this.#present === 0) this.#recordAll();
    };
    this.#present += 1;
    return {
      leave,
      record: (batch) => {
        if (!isHere || !isIdleEnd(batch)) {
          leave();
          return this.store.record(batch);
        }
        const recorded = new Promise<Recorded>((resolve) => this.#waiting.push({ batch, resolve }));
        if (this.#waiting.length === 1)
          this.#stopTimer = this.startTimer(() => this.#recordAll(), LONGEST_MS);
        leave();
        return recorded;
      },
    };
  }

  #recordAll(): void {
    this.#stopTimer();
    const waiting = this.#waiting;
    this.#waiting = [];
    const batches = waiting.map(({ batch }) => batch);
    const [first, ...others] = batches;
    if (!first) return;
    // if it fails, it fails for each of them, and none of their readings is there
    const recorded = this.store.record(others.length === 0 ? first : joined(first, others));
    for (const { resolve } of waiting) resolve(recorded);
  }
}

function joined(first: Batch, others: readonly Batch[]): Batch {
  const all = [first, ...others];
  return {
    ...first,
    now: all.map(({ now }) => now).reduce(latest),
    otherRuns: others.map(({ run }) => run),
    ledger: all.flatMap(({ ledger }) => ledger),
    streams: all.flatMap(({ streams }) => streams),
  };
}

/** Whether the batch is the end of a run that read everything, and says nothing of any record. */
function isIdleEnd(batch: Batch): boolean {
  const { run, observations, confirmed, tombstones, quarantine, released } = batch;
  const isEmpty = [observations, confirmed, tombstones, quarantine, released].every(
    (part) => part.length === 0,
  );
  return run.status === 'SUCCEEDED' && isEmpty;
}
