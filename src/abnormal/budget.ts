import { type StartTimer, startTimeout } from '../async/waiting.js';
import { byResource, type Resource } from '../resources/registry.js';
import { type Instant, toInstant } from '../values/instant.js';
import type { Priority } from './client.js';
import { cancelled } from './errors.js';

export interface BudgetOptions {
  readonly rpm: number;
  readonly concurrency: number;
  readonly clock: () => number;
  readonly startTimer?: StartTimer | undefined;
}

export interface QueuePlace {
  /** The response has begun, so Abnormal has counted the request. */
  answered(): void;
  /** Safe to call more than once. */
  release(): void;
}

export interface BudgetSnapshot {
  readonly limit: number;
  /** The requests that count against the limit: in flight, or answered within the last minute. */
  readonly used: number;
  /** When the next request can be sent, at the earliest; `null`: now. */
  readonly resetsAt: Instant | null;
  readonly waiting: Readonly<Record<Priority, number>>;
}

/**
 * The allowance of one account. Interactive calls go before polls, polls before the backfill; a class that is
 * passed over often enough is served next.
 */
export interface Budget {
  /** Waits for a slot; throws `CANCELLED` if `signal` is aborted first. */
  acquire(resource: Resource, priority: Priority, signal?: AbortSignal): Promise<QueuePlace>;
  pause(ms: number): void;
  snapshot(): BudgetSnapshot;
}

const PRIORITIES = ['interactive', 'poll', 'backfill'] as const satisfies readonly Priority[];

const PATIENCE: Record<Priority, number> = { interactive: Number.POSITIVE_INFINITY, poll: 4, backfill: 16 };

const RESERVE = 0.01;

interface Waiter {
  readonly resource: Resource;
  readonly priority: Priority;
  readonly admit: (place: QueuePlace) => void;
}

export function createBudget(options: BudgetOptions): Budget {
  return new SharedBudget(options);
}

class SharedBudget implements Budget {
  private readonly elapsed: Elapsed;
  private readonly startTimer: StartTimer;
  private readonly window = new RateWindow();
  private readonly pace: Pace;
  private readonly reserve: number;
  private readonly queues: Record<Priority, Set<Waiter>> = {
    interactive: new Set(),
    poll: new Set(),
    backfill: new Set(),
  };
  private readonly passedOver: Record<Priority, number> = { interactive: 0, poll: 0, backfill: 0 };
  private readonly inFlight = byResource(() => 0);
  private pausedUntil = 0;
  private stopTimer: (() => void) | null = null;

  constructor(private readonly options: BudgetOptions) {
    this.elapsed = new Elapsed(options.clock);
    this.startTimer = options.startTimer ?? startTimeout;
    this.pace = new Pace(options.rpm);
    this.reserve = Math.floor(options.rpm * RESERVE);
  }

  acquire(resource: Resource, priority: Priority, signal?: AbortSignal): Promise<QueuePlace> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(cancelled(signal.reason));
      const onAbort = () => {
        this.queues[priority].delete(waiter);
        reject(cancelled(signal?.reason));
      };
      const waiter: Waiter = {
        resource,
        priority,
        admit: (place) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(place);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.queues[priority].add(waiter);
      this.serve();
    });
  }

  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, this.elapsed.now() + ms);
  }

  snapshot(): BudgetSnapshot {
    const now = this.elapsed.now();
    const at = Math.max(this.pausedUntil, this.window.roomAt(this.options.rpm, now));
    const wait = Number.isFinite(at) ? at - now : 0;
    const { interactive, poll, backfill } = this.queues;
    return {
      limit: this.options.rpm,
      used: this.window.used(now),
      resetsAt: at > now ? toInstant(this.options.clock() + Math.ceil(wait)) : null,
      waiting: { interactive: interactive.size, poll: poll.size, backfill: backfill.size },
    };
  }

  private serve(): void {
    this.stopTimer?.();
    this.stopTimer = null;
    for (;;) {
      const heads = this.heads();
      const next = heads.find((waiter) => this.isOverdue(waiter)) ?? heads[0];
      if (!next) return;
      const now = this.elapsed.now();
      const at = this.mayGoAt(next, now);
      if (at > now) {
        this.serveAt(at, now);
        return;
      }
      this.admit(next, heads, now);
    }
  }

  /** The first waiting request of each class whose resource has room, by priority. */
  private heads(): Waiter[] {
    return PRIORITIES.flatMap((priority) => {
      for (const waiter of this.queues[priority]) {
        if (this.inFlight[waiter.resource] < this.options.concurrency) return [waiter];
      }
      return [];
    });
  }

  private isOverdue(waiter: Waiter): boolean {
    return this.passedOver[waiter.priority] >= PATIENCE[waiter.priority];
  }

  private mayGoAt(waiter: Waiter, now: number): number {
    const { rpm } = this.options;
    // an overdue request waits only for what an interactive call would wait for
    const isUrgent = waiter.priority === 'interactive' || this.isOverdue(waiter);
    const room = this.window.roomAt(isUrgent ? rpm : rpm - this.reserve, now);
    return Math.max(this.pausedUntil, room, isUrgent ? now : this.pace.readyAt(now));
  }

  private serveAt(at: number, now: number): void {
    // without a finite time a response makes room, and `place` serves then
    if (!Number.isFinite(at)) return;
    const wake = () => {
      this.elapsed.reach(at);
      this.serve();
    };
    this.stopTimer = this.startTimer(wake, Math.ceil(at - now));
  }

  private admit(waiter: Waiter, heads: readonly Waiter[], now: number): void {
    const rank = PRIORITIES.indexOf(waiter.priority);
    for (const other of heads) {
      if (PRIORITIES.indexOf(other.priority) > rank) this.passedOver[other.priority] += 1;
    }
    this.passedOver[waiter.priority] = 0;
    this.queues[waiter.priority].delete(waiter);
    this.inFlight[waiter.resource] += 1;
    this.window.sent();
    this.pace.spend(now);
    waiter.admit(this.place(waiter.resource));
  }

  private place(resource: Resource): QueuePlace {
    let isAnswered = false;
    let isReleased = false;
    const answered = () => {
      if (isAnswered) return;
      isAnswered = true;
      this.window.answered(this.elapsed.now());
      // the time of the next slot is now known
      this.serve();
    };
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      this.inFlight[resource] -= 1;
      answered();
      this.serve();
    };
    return { answered, release };
  }
}

/** If the wall clock is set back, time must not stand still: a timer that fired proves that its time has passed. */
class Elapsed {
  private passed = 0;
  private last: number;

  constructor(private readonly clock: () => number) {
    this.last = clock();
  }

  now(): number {
    const now = this.clock();
    this.passed += Math.max(0, now - this.last);
    this.last = now;
    return this.passed;
  }

  reach(at: number): void {
    this.passed = Math.max(this.now(), at);
  }
}

/** Abnormal counts in 60 seconds; a little more because clocks and timers are rounded. */
export const WINDOW_MS = 60_005;

/**
 * Counts requests so that Abnormal never sees more than the limit in any 60 seconds, for any network delay. A
 * request counts from its admission until 60 s after its response began (or it failed). Proof: of the
 * requests that arrive within 60 s take the one admitted last; all others arrived, and so were answered, less
 * than 60 s before, so they were still counted.
 */
class RateWindow {
  private unanswered = 0;
  /** When answered requests stop counting; increasing, and read from `head`: shifting a large array is slow. */
  private readonly ends: number[] = [];
  private head = 0;

  used(now: number): number {
    while (this.endAt(0) <= now) this.head += 1;
    if (this.head > 1_000 && this.head * 2 > this.ends.length) {
      this.ends.splice(0, this.head);
      this.head = 0;
    }
    return this.unanswered + this.ends.length - this.head;
  }

  /** When fewer than `limit` count, as far as known; `Infinity` if only a response can help. */
  roomAt(limit: number, now: number): number {
    const excess = this.used(now) - limit + 1;
    return excess <= 0 ? now : this.endAt(excess - 1);
  }

  sent(): void {
    this.unanswered += 1;
  }

  answered(now: number): void {
    this.unanswered -= 1;
    this.ends.push(now + WINDOW_MS);
  }

  private endAt(index: number): number {
    return this.ends[this.head + index] ?? Number.POSITIVE_INFINITY;
  }
}

/**
 * A token bucket for requests without a waiting caller. Otherwise a backfill would use a minute's allowance
 * in a burst, and the next caller would wait for the rest of the minute.
 */
class Pace {
  private readonly perMs: number;
  private readonly burst: number;
  private tokens: number;
  private filledAt = 0;

  constructor(rpm: number) {
    this.perMs = rpm / 60_000;
    this.burst = Math.max(1, BURST_SECONDS * 1_000 * this.perMs);
    this.tokens = this.burst;
  }

  readyAt(now: number): number {
    this.fill(now);
    return this.tokens >= 1 ? now : now + (1 - this.tokens) / this.perMs;
  }

  spend(now: number): void {
    this.fill(now);
    this.tokens = Math.max(-this.burst, this.tokens - 1);
  }

  private fill(now: number): void {
    this.tokens = Math.min(this.burst, this.tokens + (now - this.filledAt) * this.perMs);
    this.filledAt = now;
  }
}

/** The largest burst after a pause, in seconds' worth; it also compensates late timers. */
const BURST_SECONDS = 2;
