import { queryError } from '../base/errors.js';
import type { Execute } from './execute.js';

/** Why a request’s signal fires: its answer is not needed any more. */
export class RequestEnded extends Error {
  override readonly name: string = 'RequestEnded';
}

/** The request has taken as long as it may. */
export class RequestTimeout extends RequestEnded {
  override readonly name = 'RequestTimeout';

  constructor(ms: number) {
    super(`The request exceeded the time limit of ${ms / 1000} s. Request less data at once.`);
  }
}

/** `run`, but answered with an error as soon as the request has taken too long. */
export function withTimeout(run: Execute): Execute {
  return (execution) => {
    const { signal } = execution.context;
    const answer = run(execution);
    if (!signal || !(answer instanceof Promise)) return answer;
    return orTimeout(answer, signal, ({ message }) => ({
      data: null,
      errors: [queryError('TIMEOUT', message)],
    }));
  };
}

/** `answer`, or what `timedOut` makes of the reason, as soon as the request has taken too long. */
export function orTimeout<T>(
  answer: Promise<T>,
  signal: AbortSignal,
  timedOut: (reason: RequestTimeout) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // a caller that has gone away needs no answer: the one on its way will do
      if (signal.reason instanceof RequestTimeout) resolve(timedOut(signal.reason));
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    answer.finally(() => signal.removeEventListener('abort', onAbort)).then(resolve, reject);
  });
}
