import { performance } from 'node:perf_hooks';

/** A request that keeps the thread busy for less never has to be made up for, in milliseconds. */
const LIGHT_MS = 5;
/** For each millisecond that is to be made up for, so many are left to others. */
const REST = 4;
/** What a refusal costs beside that: refusing may be quick, and be asked for as often as the wire allows. */
const REFUSAL_MS = 10;
/** The most that is held against one request, however long the thread was busy. */
const MOST_MS = 250;
/** Beyond this share of its time the thread counts as scarce. */
const SCARCE = 0.5;
/** How long after its last request a caller still counts as one of those who are here. */
const PRESENT_MS = 2_000;
/** Between two requests of a caller that has to wait for its turn. */
const SPACING_MS = 10;
/** Requests of one caller that may wait for their turn. */
const MOST_WAITING = 100;

/** How it stands with one caller. */
interface Standing {
  lastAt: number;
  /** When its next request may begin, while others are here. */
  freeAt: number;
  running: number;
  isWaking: boolean;
  readonly waiting: (() => void)[];
}

/** A request that has begun. */
export interface ThrottleSlot {
  end(wasRefused: boolean): void;
}

/**
 * Shares the one thread that all callers are served by. Whoever sends what is refused, or keeps a thread busy that
 * others are short of, has to leave time between two of its requests. While nobody else is there, it need not.
 */
export class RefusalThrottle {
  readonly #standings = new Map<string, Standing>();
  #measuredAt = 0;
  #before = performance.eventLoopUtilization();
  #share = 0;
  #running = 0;

  /** Waits for the caller's turn; `null` when too many of its requests wait already. */
  async acquire(key: string): Promise<ThrottleSlot | null> {
    const standing = this.#standingOf(key);
    standing.lastAt = performance.now();
    if (this.#waitOf(standing) > 0 || standing.waiting.length > 0) {
      if (standing.waiting.length >= MOST_WAITING) return null;
      await new Promise<void>((resolve) => {
        standing.waiting.push(resolve);
        this.#wake(standing);
      });
    }
    standing.running += 1;
    this.#running += 1;
    const before = performance.eventLoopUtilization();
    return { end: (wasRefused) => this.#end(standing, before, wasRefused) };
  }

  #end(standing: Standing, before: ReturnType<typeof performance.eventLoopUtilization>, wasRefused: boolean) {
    // what was done meanwhile was done for all who were running
    const busyMs = Math.min(performance.eventLoopUtilization(before).active / this.#running, MOST_MS);
    const now = performance.now();
    standing.running -= 1;
    this.#running -= 1;
    standing.lastAt = now;
    const isHeavy = busyMs > LIGHT_MS && this.#isScarce(now);
    if (wasRefused || isHeavy) {
      const debt = busyMs * REST + (wasRefused ? REFUSAL_MS : 0);
      standing.freeAt = Math.max(standing.freeAt, now) + debt;
    }
  }

  /** How long a caller's next request has to wait, in milliseconds. */
  #waitOf(standing: Standing): number {
    const wait = standing.freeAt - performance.now();
    return wait > 0 && this.#isAnybodyElseHere(standing) ? wait : 0;
  }

  /** Sees to it that those who wait go on, one after the other. */
  #wake(standing: Standing): void {
    if (standing.isWaking || standing.waiting.length === 0) return;
    standing.isWaking = true;
    const goOn = () => {
      const wait = this.#waitOf(standing);
      if (wait === 0) standing.waiting.shift()?.();
      standing.isWaking = standing.waiting.length > 0;
      if (standing.isWaking) setTimeout(goOn, Math.max(wait, SPACING_MS));
    };
    setTimeout(goOn, this.#waitOf(standing));
  }

  /** Whether the thread was busy for most of the last moment. */
  #isScarce(now: number): boolean {
    if (now - this.#measuredAt > PRESENT_MS / 4) {
      this.#share = performance.eventLoopUtilization(this.#before).utilization;
      this.#before = performance.eventLoopUtilization();
      this.#measuredAt = now;
    }
    return this.#share > SCARCE;
  }

  #isAnybodyElseHere(standing: Standing): boolean {
    const since = performance.now() - PRESENT_MS;
    for (const other of this.#standings.values()) {
      if (other !== standing && other.lastAt >= since) return true;
    }
    return false;
  }

  #standingOf(key: string): Standing {
    const known = this.#standings.get(key);
    if (known) return known;
    this.#forgetIdle();
    const standing: Standing = { lastAt: 0, freeAt: 0, running: 0, isWaking: false, waiting: [] };
    this.#standings.set(key, standing);
    return standing;
  }

  #forgetIdle(): void {
    const now = performance.now();
    for (const [key, { lastAt, freeAt, running, waiting }] of this.#standings) {
      const isHere = running > 0 || waiting.length > 0 || freeAt >= now || lastAt >= now - PRESENT_MS;
      if (!isHere) this.#standings.delete(key);
    }
  }
}
