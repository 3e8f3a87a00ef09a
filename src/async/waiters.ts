import { setMaxListeners } from 'node:events';

/** Those who wait for one piece of work. When the last of them has gone, nobody is left to do it for. */
export class Waiters {
  private readonly gone = new AbortController();
  private waiting = 0;

  /** Fires when all who joined have gone. Whoever joined without a signal of its own stays to the end. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  /** Whether the work was given up: then it is too late to join. */
  get isGone(): boolean {
    return this.gone.signal.aborted;
  }

  /** Waits with the others until `signal` fires; what it gives back ends the listening, once the work is done. */
  join(signal: AbortSignal | undefined): () => void {
    this.waiting += 1;
    if (!signal) return () => {};
    const leave = () => {
      this.waiting -= 1;
      if (this.waiting === 0) this.gone.abort(signal.reason);
    };
    if (signal.aborted) leave();
    // one request may wait for many pieces of work; Node warns of a leak from the eleventh listener on
    setMaxListeners(0, signal);
    signal.addEventListener('abort', leave, { once: true });
    return () => signal.removeEventListener('abort', leave);
  }
}
