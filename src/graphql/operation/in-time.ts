import type { ExecutionResult } from 'graphql';
import { queryError } from '../base/errors.js';
import type { Execute } from './executor.js';

/** Why a request’s signal fires: nobody waits for its answer any more. */
export class RequestEnded extends Error {
  override readonly name: string = 'RequestEnded';
}

/** It has taken as long as it may. */
export class RequestTimeout extends RequestEnded {
  override readonly name = 'RequestTimeout';

  constructor(ms: number) {
    super(`This took longer than the ${ms / 1000} s that a request may take. Ask for less at once.`);
  }
}

/** `run`, but answered with what happened as soon as the request has taken too long. */
export function inTime(run: Execute): Execute {
  return (execution) => {
    const { signal } = execution.context;
    const answer = run(execution);
    if (!signal || !(answer instanceof Promise)) return answer;
    return orTimeout(answer, signal);
  };
}

function orTimeout(answer: Promise<ExecutionResult>, signal: AbortSignal): Promise<ExecutionResult> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      // whoever has gone away wants no answer: the one on its way will do
      if (signal.reason instanceof RequestTimeout) {
        resolve({ data: null, errors: [queryError('TIMEOUT', signal.reason.message)] });
      }
    };
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const stopListening = () => signal.removeEventListener('abort', onAbort);
    answer.then(
      (result) => {
        stopListening();
        resolve(result);
      },
      (error) => {
        stopListening();
        reject(error);
      },
    );
  });
}
