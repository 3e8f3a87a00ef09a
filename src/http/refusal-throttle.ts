import { performance } from 'node:perf_hooks';

/** Requests below this are free, in milliseconds. */
const LIGHT_MS = 5;
/** For each charged millisecond, the caller pauses this many. */
const REST = 4;
/** The additional charge of a refusal: it may be fast, and can be repeated at the speed of the network. */
const REFUSAL_MS = 10;
const MOST_MS = 250;
/** Above this load the event loop counts as busy. */
const SCARCE = 0.5;
/** A caller counts as present for so long after its last request. */
const PRESENT_MS = 2_000;
const SPACING_MS = 10;
const MOST_WAITING = 100;

interface Standing {
  lastAt: number;
  /** When its next request may begin, if others are present. */
  freeAt: number;
  running: number;
  isWaking: boolean;
  readonly waiting: (() => void)[];
}

interface ThrottleSlot {
  end(wasRefused: boolean): void;
}

/**
 * Shares the event loop. A caller with refused requests, or that keeps a busy loop busy, must pause between
 * its requests; not if it is the only caller.
 */
export class RefusalThrottle {
  readonly #standings = new Map<string, Standing>();
  #measuredAt = 0;
  #before = performance.eventLoopUtilization();
  #share = 0;
  #running = 0;

  /** Waits for a slot; `null` if too many requests of the caller wait. */
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
    // concurrent requests share the busy time
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

  #waitOf(standing: Standing): number {
    const wait = standing.freeAt - performance.now();
    return wait > 0 && this.#isAnybodyElseHere(standing) ? wait : 0;
  }

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
