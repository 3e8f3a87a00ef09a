import { setMaxListeners } from 'node:events';

/** The callers of one piece of work, which is cancelled when the last one has left. */
export class Waiters {
  private readonly gone = new AbortController();
  private waiting = 0;

  /** Fires when all callers have left; one without a signal stays to the end. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  /** Whether the work was cancelled, so that it is too late to join. */
  get isGone(): boolean {
    return this.gone.signal.aborted;
  }

  /** Joins until `signal` fires; call the returned function when the work is done. */
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
