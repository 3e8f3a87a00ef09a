import type { StartTimer } from '../../src/async/waiting.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock and timers that move only when told to. */
export class VirtualTime {
  private ms: number;
  private readonly timers = new Set<Timer>();

  constructor(start = Date.parse('2026-03-01T00:00:00Z')) {
    this.ms = start;
  }

  readonly now = (): number => this.ms;

  readonly startTimer: StartTimer = (callback, ms) => {
    const timer = { at: this.ms + ms, callback };
    this.timers.add(timer);
    return () => {
      this.timers.delete(timer);
    };
  };

  /** Sets the clock without running any timer, as somebody may do to a machine's. */
  set(ms: number): void {
    this.ms = ms;
  }

  /** Lets time pass, each timer at its own instant, and what follows from it, up to `quiet`, before the next. */
  async advance(ms: number, quiet: () => Promise<void> = settled): Promise<void> {
    const end = this.ms + ms;
    for (;;) {
      await quiet();
      const next = this.next(end);
      if (!next) break;
      this.timers.delete(next);
      this.ms = Math.max(this.ms, next.at);
      next.callback();
    }
    this.ms = end;
    await quiet();
  }

  private next(end: number): Timer | null {
    let first: Timer | null = null;
    for (const timer of this.timers) {
      if (timer.at <= end && (first === null || timer.at < first.at)) first = timer;
    }
    return first;
  }
}

/** Waits until all that can happen without time passing has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits for something that real input and output bring about. */
export async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 2));
}
