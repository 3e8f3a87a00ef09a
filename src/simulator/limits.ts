import { MINUTE } from '../values/instant.js';
import { failureAnswer, type SimulatedAnswer, TOO_MANY } from './wire.js';

export interface SimulatorLimits {
  /** In any 60 s of the clock; further requests get 429. */
  readonly rpm?: number;
  /** Concurrent requests per resource. */
  readonly concurrency?: number;
  /** The Retry-After of a 429; `alternate`: every other time. Default: `seconds`. */
  readonly retryAfter?: 'none' | 'seconds' | 'date' | 'alternate';
}

export class SlidingMinute {
  readonly #times: number[] = [];
  #oldest = 0;

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

  waitFor(limit: number, now: number): number {
    const time = this.#times[this.#times.length - limit] ?? now - MINUTE;
    return Math.max(time + MINUTE - now, 0);
  }
}

export class Limiter {
  readonly #minute = new SlidingMinute();
  #refused = 0;

  constructor(private readonly limits: SimulatorLimits) {}

  check(now: number, inFlight: number): SimulatedAnswer | null {
    const { rpm, concurrency } = this.limits;
    if (concurrency !== undefined && inFlight > concurrency) return this.#refuse(now, 1000);
    if (rpm !== undefined && this.#minute.count(now) >= rpm)
      return this.#refuse(now, this.#minute.waitFor(rpm, now));
    this.#minute.add(now);
    return null;
  }

  #refuse(now: number, waitMs: number): SimulatedAnswer {
    const form = this.limits.retryAfter ?? 'seconds';
    const isSilent = form === 'none' || (form === 'alternate' && this.#refused++ % 2 === 1);
    if (isSilent) return failureAnswer(429, TOO_MANY);
    const seconds = Math.max(Math.ceil(waitMs / 1000), 1);
    const date = new Date(now + seconds * 1000).toUTCString();
    return failureAnswer(429, TOO_MANY, { 'retry-after': form === 'date' ? date : String(seconds) });
  }
}
