import { MINUTE } from '../values/instant.js';
import { type Answer, failureAnswer, TOO_MANY } from './wire.js';

export interface SimulatorLimits {
  /** Requests in any 60 s of the clock; the next is answered with 429. */
  readonly rpm?: number;
  /** Requests in flight for each resource. */
  readonly concurrency?: number;
  /** Whether a 429 says when to come back; `alternate` says so every other time. Default `seconds`. */
  readonly retryAfter?: 'none' | 'seconds' | 'date' | 'alternate';
}

/** Counts what happened in the last 60 s. */
export class SlidingMinute {
  readonly #times: number[] = [];
  #oldest = 0;

  /** Counts one more at `now` and says how many there are now. */
  add(now: number): number {
    this.#times.push(now);
    return this.count(now);
  }

  count(now: number): number {
    while (this.#oldest < this.#times.length && (this.#times[this.#oldest] ?? now) <= now - MINUTE)
      this.#oldest++;
    if (this.#oldest > 10_000 && this.#oldest > this.#times.length / 2) {
      this.#times.splice(0, this.#oldest);
      this.#oldest = 0;
    }
    return this.#times.length - this.#oldest;
  }

  /** How many ms until fewer than `limit` are counted. */
  waitFor(limit: number, now: number): number {
    const time = this.#times[this.#times.length - limit] ?? now - MINUTE;
    return Math.max(time + MINUTE - now, 0);
  }
}

/** Refuses what is too much: too many in a minute, or too many at once. */
export class Limiter {
  readonly #minute = new SlidingMinute();
  #refused = 0;

  constructor(private readonly limits: SimulatorLimits) {}

  /** The refusal of a request that is the `inFlight`th of its resource, or `null` when it may pass. */
  check(now: number, inFlight: number): Answer | null {
    const { rpm, concurrency } = this.limits;
    if (concurrency !== undefined && inFlight > concurrency) return this.#refuse(now, 1000);
    if (rpm !== undefined && this.#minute.count(now) >= rpm)
      return this.#refuse(now, this.#minute.waitFor(rpm, now));
    this.#minute.add(now);
    return null;
  }

  #refuse(now: number, waitMs: number): Answer {
    const form = this.limits.retryAfter ?? 'seconds';
    const isSilent = form === 'none' || (form === 'alternate' && this.#refused++ % 2 === 1);
    if (isSilent) return failureAnswer(429, TOO_MANY);
    const seconds = Math.max(Math.ceil(waitMs / 1000), 1);
    const date = new Date(now + seconds * 1000).toUTCString();
    return failureAnswer(429, TOO_MANY, { 'retry-after': form === 'date' ? date : String(seconds) });
  }
}
