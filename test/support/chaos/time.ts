import type { StartTimer } from '../../../src/async/waiting.js';
import { type Instant, toMillis } from '../../../src/values/instant.js';

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** How often the pump looks, in real ms, and how often it must find nothing going on before time may jump. */
const LOOK_MS = 2;
const QUIET_LOOKS = 3;

/**
 * The tenant's clock and the gateway's timers. Time passes with every request, and when nothing but a timer is
 * waited for it jumps to that timer: a minute's pause or a request that hangs costs no more than a moment.
 */
export class ChaosTime {
  private ms: number;
  private readonly timers = new Set<Timer>();
  private inFlight = 0;
  private activity = 0;
  private readonly pump: NodeJS.Timeout;
  /** How far the gateway's own clock is ahead of the tenant's. */
  skewMs = 0;

  constructor(start: Instant) {
    this.ms = toMillis(start);
    let seen = 0;
    let quiet = 0;
    this.pump = setInterval(() => {
      quiet = this.inFlight > 0 || this.activity !== seen ? 0 : quiet + 1;
      seen = this.activity;
      if (quiet >= QUIET_LOOKS) {
        quiet = 0;
        this.jump();
      }
    }, LOOK_MS);
  }

  /** The tenant's time. */
  readonly now = (): number => this.ms;

  /** The gateway's clock, which may be wrong. */
  readonly gatewayNow = (): number => this.ms + this.skewMs;

  /** Timers go by time that passes, whatever clocks are set to. */
  readonly startTimer: StartTimer = (callback, ms) => {
    const timer = { at: this.ms + ms, callback };
    this.timers.add(timer);
    return () => {
      this.timers.delete(timer);
    };
  };

  advance(ms: number): void {
    this.ms += ms;
    for (const timer of [...this.timers]) if (timer.at <= this.ms) this.fire(timer);
  }

  requestArrived(): void {
    this.inFlight += 1;
    this.activity += 1;
  }

  /** Also for a request that is never going to be answered. */
  requestDone(): void {
    this.inFlight -= 1;
    this.activity += 1;
  }

  stop(): void {
    clearInterval(this.pump);
  }

  private jump(): void {
    const [first] = [...this.timers].sort((a, b) => a.at - b.at);
    if (!first) return;
    this.ms = Math.max(this.ms, first.at);
    this.fire(first);
  }

  private fire(timer: Timer): void {
    if (this.timers.delete(timer)) timer.callback();
  }
}
