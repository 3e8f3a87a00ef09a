import { byResource, type Resource } from '../resources/registry.js';
import { type Instant, toInstant } from '../values/instant.js';
import type { Priority } from './client.js';
import { cancelled } from './errors.js';
import { createPace, createRateWindow } from './request-rate.js';
import { type StartTimer, startTimeout } from './retry.js';

export interface BudgetOptions {
  /** Requests that the upstream may see in any 60 seconds. */
  readonly rpm: number;
  /** Requests in flight at once, a resource. */
  readonly concurrency: number;
  readonly clock: () => number;
  readonly startTimer?: StartTimer | undefined;
}

/** Leave to send one request. */
export interface QueuePlace {
  /** Its answer has begun, so the upstream has counted it. */
  answered(): void;
  /** It is over; safe to call more than once. */
  release(): void;
}

export interface BudgetSnapshot {
  readonly limit: number;
  /** Requests that count against the limit now: those in flight and those answered within the last minute. */
  readonly used: number;
  /** When a request can next be sent; `null` when one can now. Not known while only requests in flight hold it up: then the soonest possible. */
  readonly resetsAt: Instant | null;
  readonly waiting: Readonly<Record<Priority, number>>;
}

/**
 * The allowance of one Abnormal account, shared by everything that reads it. Interactive calls go before
 * polls, polls before the backfill; but whoever is passed over often enough is served next, so none starves.
 */
export interface Budget {
  /** Waits for leave to send one request; throws `CANCELLED` when `signal` is aborted first. */
  acquire(resource: Resource, priority: Priority, signal?: AbortSignal): Promise<QueuePlace>;
  /** Sends nothing more for `ms` milliseconds: Abnormal has said that it is too much. */
  pause(ms: number): void;
  snapshot(): BudgetSnapshot;
}

const PRIORITIES = ['interactive', 'poll', 'backfill'] as const satisfies readonly Priority[];

/** How often a class may be passed over before it is served first. */
const PATIENCE: Record<Priority, number> = { interactive: Number.POSITIVE_INFINITY, poll: 4, backfill: 16 };

/** The share of the rate kept free for interactive calls. */
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
  private readonly window = createRateWindow();
  private readonly pace;
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
    this.pace = createPace(options.rpm);
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

  /** Lets everyone go who may go now, and sees to it that the next is looked at when its time has come. */
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

  /** The first of each class whose resource has room, in the order of the classes. */
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
    // one who is overdue waits for nothing that an interactive call would not wait for
    const isUrgent = waiter.priority === 'interactive' || this.isOverdue(waiter);
    const room = this.window.roomAt(isUrgent ? rpm : rpm - this.reserve, now);
    return Math.max(this.pausedUntil, room, isUrgent ? now : this.pace.readyAt(now));
  }

  private serveAt(at: number, now: number): void {
    // without a finite time it is an answer that makes room, and `place` serves then
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
      // who waits for room in the rate can now be told when
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

/**
 * Milliseconds passed since the start. A wall clock that is set back must not hold everything up until it has
 * caught up; a timer that has run is proof that its time has passed, whatever the clock says.
 */
class Elapsed {
  private passed = 0;
  private last: number;

  constructor(private readonly clock: () => number) {
    this.last = clock();
  }

  /** Read from the clock. */
  now(): number {
    const now = this.clock();
    this.passed += Math.max(0, now - this.last);
    this.last = now;
    return this.passed;
  }

  /** At least `at` have passed. */
  reach(at: number): void {
    this.passed = Math.max(this.now(), at);
  }
}
