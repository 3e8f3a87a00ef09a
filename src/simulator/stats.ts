import { MINUTE } from '../values/instant.js';
import type { Resource } from './options.js';
import { failureAnswer, type SimulatedAnswer, TOO_MANY } from './wire.js';

/** The purpose of a request; later message pages are counted separately. */
export type PathKind =
  | `${Resource}.list`
  | `${Resource}.detail`
  | 'threats.messagePage'
  | 'threats.attachments'
  | 'threats.links'
  | 'threats.export'
  | 'cases.analysis'
  | 'detection360Reports.list'
  | 'notAnalyzedMessages.list'
  | 'portalAuditLogs.list'
  | 'vendorCases.list'
  | 'vendorCases.detail'
  | 'messages.remediation'
  | 'tokens'
  | 'other';

export interface SimulatorStats {
  /** Including refused ones. */
  readonly requests: number;
  /** By purpose, then by status; 0: no response. */
  readonly byKind: Readonly<Partial<Record<PathKind, Readonly<Record<number, number>>>>>;
  readonly byStatus: Readonly<Record<number, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** In any 60 s by the simulator's clock. */
  readonly maxPerMinute: number;
  /** The most concurrent requests per resource. */
  readonly maxConcurrency: Readonly<Record<Resource, number>>;
}

export class StatsRecorder {
  readonly #inFlight: Record<Resource, number> = { threats: 0, cases: 0, campaigns: 0 };
  #minute = new SlidingMinute();
  #counts = noCounts(this.#inFlight);

  arrived(resource: Resource | null, now: number): number {
    const { maxConcurrency, maxPerMinute } = this.#counts;
    this.#counts.requests++;
    this.#counts.maxPerMinute = Math.max(maxPerMinute, this.#minute.add(now));
    if (resource === null) return 0;
    const inFlight = ++this.#inFlight[resource];
    maxConcurrency[resource] = Math.max(maxConcurrency[resource], inFlight);
    return inFlight;
  }

  left(resource: Resource | null): void {
    if (resource !== null) this.#inFlight[resource]--;
  }

  answered(kind: PathKind, status: number): void {
    const { byKind, byStatus } = this.#counts;
    const counts = byKind[kind] ?? {};
    byKind[kind] = counts;
    counts[status] = (counts[status] ?? 0) + 1;
    byStatus[status] = (byStatus[status] ?? 0) + 1;
  }

  faulted(kind: string): void {
    const { faults } = this.#counts;
    faults[kind] = (faults[kind] ?? 0) + 1;
  }

  snapshot(): SimulatorStats {
    return structuredClone(this.#counts);
  }

  /** Resets everything except the requests in flight. */
  reset(): void {
    this.#minute = new SlidingMinute();
    this.#counts = noCounts(this.#inFlight);
  }
}

function noCounts(inFlight: Readonly<Record<Resource, number>>) {
  return {
    requests: 0,
    byKind: {} as Partial<Record<PathKind, Record<number, number>>>,
    byStatus: {} as Record<number, number>,
    faults: {} as Record<string, number>,
    maxPerMinute: 0,
    maxConcurrency: { ...inFlight },
  };
}

export interface SimulatorLimits {
  /** In any 60 s of the clock; further requests get 429. */
  readonly rpm?: number;
  /** Concurrent requests per resource. */
  readonly concurrency?: number;
  /** The Retry-After of a 429; `alternate`: every other time. Default: `seconds`. */
  readonly retryAfter?: 'none' | 'seconds' | 'date' | 'alternate';
}

class SlidingMinute {
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
