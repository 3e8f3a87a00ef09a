import { pause } from '../../async/waiting.js';
import type { HistoryStore } from '../../history/store.js';
import { queryError } from '../base/errors.js';

/** Times in milliseconds. */
export interface FollowerSettings {
  /** How often the head of the history is read while callers wait for it. */
  readonly headEveryMs: number;
  /** The longest silence of a subscription. */
  readonly bookmarkEveryMs: number;
  /** How long a query may wait for a change. */
  readonly longestWaitMs: number;
  readonly perCaller: number;
  readonly inTotal: number;
}

export const FOLLOWER_SETTINGS: FollowerSettings = {
  ...{ headEveryMs: 1_000, bookmarkEveryMs: 30_000, longestWaitMs: 25_000 },
  ...{ perCaller: 5, inTotal: 100 },
};

interface Waiter {
  readonly seq: number;
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}

/** The callers that follow the history in this process: how many there are, and one look at the head for all. */
export class Followers {
  private readonly counts = new Map<string, number>();
  private readonly waiters = new Set<Waiter>();
  private total = 0;
  private isWatching = false;

  constructor(
    private readonly store: Pick<HistoryStore, 'head'>,
    readonly settings: FollowerSettings,
  ) {}

  /** Counts a follower until the returned function is called; `null` is a caller without a limit of its own. */
  enter(caller: string | null): () => void {
    const { perCaller, inTotal } = this.settings;
    const own = caller === null ? 0 : (this.counts.get(caller) ?? 0);
    if (own >= perCaller) throw tooMany(`You already follow the changes ${perCaller} times`);
    if (this.total >= inTotal) throw tooMany(`${inTotal} callers already follow the changes`);
    this.total += 1;
    if (caller !== null) this.counts.set(caller, own + 1);
    return () => {
      this.total -= 1;
      if (caller === null) return;
      const left = (this.counts.get(caller) ?? 1) - 1;
      if (left > 0) this.counts.set(caller, left);
      else this.counts.delete(caller);
    };
  }

  /** Waits until the head is after `seq`, at most `ms`, or until a signal fires. Fails if the head cannot be read. */
  async headAfter(seq: number, ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
    let stop = () => {};
    const changed = new Promise<void>((resolve, reject) => {
      const waiter = { seq, wake: () => resolve(), fail: reject };
      const timer = setTimeout(resolve, ms);
      for (const signal of signals) {
        if (signal?.aborted) resolve();
        signal?.addEventListener('abort', waiter.wake);
      }
      this.waiters.add(waiter);
      stop = () => {
        this.waiters.delete(waiter);
        clearTimeout(timer);
        for (const signal of signals) signal?.removeEventListener('abort', waiter.wake);
      };
    });
    if (!this.isWatching) void this.watch();
    await changed.finally(() => stop());
  }

  private async watch(): Promise<void> {
    this.isWatching = true;
    const never = new AbortController().signal;
    while (this.waiters.size > 0) {
      await pause(this.settings.headEveryMs, never);
      try {
        const { seq } = await this.store.head();
        for (const waiter of this.waiters) if (seq > waiter.seq) waiter.wake();
      } catch (error) {
        for (const waiter of this.waiters) waiter.fail(error);
      }
    }
    this.isWatching = false;
  }
}

function tooMany(what: string) {
  return queryError('RATE_LIMITED', `${what}. End one of them, or send queries without \`wait\`.`);
}
