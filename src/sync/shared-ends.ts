import { type StartTimer, startTimeout } from '../async/waiting.js';
import type { Batch, HistoryStore, Recorded } from '../history/store.js';
import { latest } from '../values/instant.js';
import type { EndPlace } from './context.js';

/** So long a poll that found nothing waits for those that are still reading. */
const LONGEST_MS = 2_000;

/** Polls that end together, and what they have handed in to be recorded. */
interface Group {
  missing: number;
  readonly ends: { readonly batch: Batch; readonly resolve: (recorded: Promise<Recorded>) => void }[];
}

/**
 * Polls of several resources that find nothing at about the same time end with one batch: one for each would cost several
 * times as much. Whatever else a poll records is recorded at once, and then the others do not wait for it.
 */
export class SharedEnds {
  #reading = 0;
  #waiting: ((group: Group) => void)[] = [];
  #stopTimer: () => void = () => {};

  constructor(
    private readonly store: HistoryStore,
    private readonly startTimer: StartTimer = startTimeout,
  ) {}

  join(): EndPlace {
    let isReading = true;
    let group: Group | null = null;
    this.#reading += 1;
    const stopReading = () => {
      if (isReading) this.#reading -= 1;
      isReading = false;
      if (this.#reading === 0) this.#release();
    };
    const leave = () => {
      const left = group;
      group = null;
      stopReading();
      if (left) this.#handIn(left);
    };
    return {
      leave,
      ready: async () => {
        if (!isReading) return;
        const together = new Promise<Group>((resolve) => this.#waiting.push(resolve));
        if (this.#waiting.length === 1) this.#stopTimer = this.startTimer(() => this.#release(), LONGEST_MS);
        stopReading();
        group = await together;
      },
      record: (batch) => {
        const own = group;
        if (!own || !isIdleEnd(batch)) {
          leave();
          return this.store.record(batch);
        }
        const recorded = new Promise<Recorded>((resolve) => own.ends.push({ batch, resolve }));
        leave();
        return recorded;
      },
    };
  }

  #release(): void {
    this.#stopTimer();
    const waiting = this.#waiting;
    this.#waiting = [];
    const group: Group = { missing: waiting.length, ends: [] };
    for (const resolve of waiting) resolve(group);
  }

  #handIn(group: Group): void {
    group.missing -= 1;
    const [first, ...others] = group.ends.map(({ batch }) => batch);
    if (group.missing > 0 || !first) return;
    // if it fails, it fails for each of them, and none of their readings is there
    const recorded = this.store.record(others.length === 0 ? first : joined(first, others));
    for (const { resolve } of group.ends) resolve(recorded);
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
  const parts = [observations, confirmed, tombstones, quarantine, released];
  return run.status === 'SUCCEEDED' && parts.every((part) => part.length === 0);
}
